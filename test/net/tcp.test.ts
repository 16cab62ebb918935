import { Socket as PlainSocket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import type { ListenerReceiver, StreamConnection } from '../../src/net/stream.ts'
import type { StreamListener } from '../../src/net/stream-listener.ts'
import { connectTcp, listenTcp, type TcpListenerOptions } from '../../src/net/tcp.ts'
import { EnvironmentError, UsageError } from '../../src/util/errors.ts'

class Party implements ListenerReceiver {
  readonly log: string[] = []
  readonly connections: StreamConnection[] = []
  readonly errors: (EnvironmentError | undefined)[] = []
  text = ''
  reads = 0
  #wake: (() => void) | undefined

  onConnected(connection: StreamConnection): void {
    this.connections.push(connection)
    this.#note('connected')
  }

  onBytes(_connection: StreamConnection, bytes: Buffer): void {
    this.text += bytes.toString('latin1')
    this.reads++
    this.#wake?.()
  }

  onClosed(_connection: StreamConnection, error: EnvironmentError | undefined): void {
    this.errors.push(error)
    this.#note(error ? `closed: ${error.code}` : 'closed')
  }

  onListenerError(error: EnvironmentError): void {
    this.#note(`listener: ${error.code}`)
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      await new Promise<void>(resolve => {
        this.#wake = resolve
      })
    }
  }

  first(): StreamConnection {
    const [connection] = this.connections
    if (!connection) throw new Error('no connection yet')
    return connection
  }

  #note(line: string): void {
    this.log.push(line)
    this.#wake?.()
  }
}

const listeners: StreamListener[] = []

async function listen(party: Party, options: Partial<TcpListenerOptions> = {}): Promise<StreamListener> {
  const listener = await listenTcp({ address: '127.0.0.1', port: 0, ...options }, party)
  listeners.push(listener)
  return listener
}

afterEach(async () => {
  await Promise.all(listeners.splice(0).map(listener => listener.close()))
})

describe('TCP', () => {
  for (const [family, address] of [
    [4, '127.0.0.1'],
    [6, '::1'],
  ] as const) {
    it(`carries bytes both ways over IPv${family}`, async () => {
      const server = new Party()
      const client = new Party()
      const listener = await listen(server, { address })
      const connection = connectTcp({ address, port: listener.local.port, localAddress: address }, client)
      connection.write('REGISTER \xe9')
      await server.until(() => server.text.length === 10)
      server.first().write(Buffer.from('200'))
      await client.until(() => client.text === '200')
      connection.end()
      await client.until(() => client.log.length === 2)
      await server.until(() => server.log.length === 2)
      expect(server.text).toBe('REGISTER \xe9')
      expect([client.log, server.log]).toEqual([
        ['connected', 'closed'],
        ['connected', 'closed'],
      ])
      expect(listener.local).toEqual({ address, port: connection.remote.port, family })
      expect(connection.local).toEqual(server.first().remote)
      expect([connection.accepted, server.first().accepted]).toEqual([false, true])
      expect([connection.bytesOut, connection.bytesIn]).toEqual([10, 3])
      expect(connection.id).not.toBe(server.first().id)
      expect(listener.connections).toBe(0)
    })
  }

  it('shows an IPv4 peer of a dual-stack listener dotted', async () => {
    const server = new Party()
    const listener = await listen(server, { address: '::', ipv6Only: false })
    connectTcp({ address: '127.0.0.1', port: listener.local.port }, new Party())
    await server.until(() => server.log.length === 1)
    expect(server.first().remote).toMatchObject({ address: '127.0.0.1', family: 4 })
  })

  it('sends all that is written in one turn together', async () => {
    const server = new Party()
    const client = new Party()
    const listener = await listen(server)
    const connection = connectTcp({ address: '127.0.0.1', port: listener.local.port }, client)
    await client.until(() => client.log.length === 1)
    for (let i = 0; i < 50; i++) connection.write(i % 2 ? 'CRLF' : Buffer.from('CRLF'))
    expect(connection.bufferedBytes).toBe(200)
    await server.until(() => server.text.length === 200)
    expect(server.reads).toBe(1)
    expect(connection.bufferedBytes).toBe(0)
  })

  it('says who has a port in use and what to do', async () => {
    const { port } = (await listen(new Party())).local
    const failure = await listen(new Party(), { port }).catch(error => error)
    expect(failure).toBeInstanceOf(EnvironmentError)
    expect(failure.message).toBe(
      `tcp 127.0.0.1:${port} is in use by another process; choose another port or stop it`,
    )
  })

  it('refuses hosts that are not numeric and ports that are none', async () => {
    expect(() => connectTcp({ address: 'localhost', port: 5060 }, new Party())).toThrow(UsageError)
    expect(() => connectTcp({ address: '127.0.0.1', port: 70_000 }, new Party())).toThrow(UsageError)
    await expect(listen(new Party(), { address: '[::1]' })).rejects.toThrow(UsageError)
  })

  it('tells a refused connection once, as its only event', async () => {
    const listener = await listen(new Party())
    const { port } = listener.local
    await listener.close()
    const client = new Party()
    const connection = connectTcp({ address: '127.0.0.1', port }, client)
    connection.write('never sent')
    await client.until(() => client.log.length > 0)
    connection.destroy()
    connection.write('nor this')
    connection.end()
    await new Promise(setImmediate)
    expect(client.log).toEqual(['closed: ECONNREFUSED'])
    expect(client.errors[0]?.message).toContain(`tcp 127.0.0.1:${port} refused the connection`)
  })

  it('names the local address where a connection fails for that', async () => {
    const listener = await listen(new Party())
    const client = new Party()
    connectTcp({ address: '127.0.0.1', port: listener.local.port, localAddress: '192.0.2.1' }, client)
    await client.until(() => client.log.length > 0)
    expect(client.log).toEqual(['closed: EADDRNOTAVAIL'])
    expect(client.errors[0]?.message).toMatch(/^tcp 192\.0\.2\.1:0 is not an address of this host/)
  })

  it('gives up a connection that does not come up in time', async () => {
    const listener = await listen(new Party())
    const client = new Party()
    // from the check phase, the timers come before the poll that would see the connection come up
    await new Promise(setImmediate)
    connectTcp({ address: '127.0.0.1', port: listener.local.port, connectTimeout: 1 }, client)
    for (const end = performance.now() + 20; performance.now() < end; );
    await client.until(() => client.log.length > 0)
    expect(client.log).toEqual(['closed: ETIMEDOUT'])
  })

  it('cuts off a reader that is too slow, and says so', async () => {
    const server = new Party()
    const listener = await listen(server, { maxBufferedBytes: 100_000 })
    const peer = new PlainSocket()
    peer.on('error', () => {})
    peer.connect(listener.local.port, '127.0.0.1')
    peer.pause()
    await server.until(() => server.log.length === 1)
    const connection = server.first()
    const chunk = Buffer.alloc(50_000)
    while (server.log.length === 1) {
      connection.write(chunk)
      await new Promise(setImmediate)
    }
    peer.destroy()
    expect(server.log).toEqual(['connected', 'closed: ERR_SLOW_READER'])
    expect(server.errors[0]?.message).toMatch(/^tcp 127\.0\.0\.1:\d+ does not read: 1\d{5} bytes wait for it/)
    expect(connection.bytesOut).toBeGreaterThan(100_000)
  })

  it('closes connections beyond the limit unheard', async () => {
    const server = new Party()
    const listener = await listen(server, { maxConnections: 1 })
    const client = new Party()
    const { port } = listener.local
    connectTcp({ address: '127.0.0.1', port }, client)
    await server.until(() => server.log.length === 1)
    const second = new Party()
    connectTcp({ address: '127.0.0.1', port }, second)
    await second.until(() => second.errors.length === 1)
    expect(server.connections).toHaveLength(1)
    expect([listener.connections, listener.refused]).toEqual([1, 1])
  })

  it('passes the reason given to destroy on, and delivers no bytes after it', async () => {
    const server = new Party()
    const client = new Party()
    const listener = await listen(server)
    const connection = connectTcp({ address: '127.0.0.1', port: listener.local.port }, client)
    await server.until(() => server.log.length === 1)
    server.first().write('late')
    connection.destroy(new EnvironmentError('ERR_IDLE', 'idle for too long'))
    await client.until(() => client.log.includes('closed: ERR_IDLE'))
    await server.until(() => server.log.length === 2)
    expect(client.text).toBe('')
  })

  it('closes a listener with its connections; nothing is heard after', async () => {
    const server = new Party()
    const client = new Party()
    const listener = await listen(server)
    const connection = connectTcp({ address: '127.0.0.1', port: listener.local.port }, client)
    await server.until(() => server.log.length === 1)
    connection.write('late')
    await listener.close()
    expect(server.log).toEqual(['connected', 'closed'])
    expect(server.text).toBe('')
    expect(listener.connections).toBe(0)
  })
})
