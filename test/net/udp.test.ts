import { afterEach, describe, expect, it } from 'vitest'
import { type DatagramReceiver, type UdpOptions, UdpSocket } from '../../src/net/udp.ts'
import type { TransportAddress } from '../../src/util/address.ts'
import { EnvironmentError, UsageError } from '../../src/util/errors.ts'

class Inbox implements DatagramReceiver {
  readonly received: string[] = []
  readonly errors: { error: EnvironmentError; destination: TransportAddress | undefined }[] = []
  #wake: (() => void) | undefined

  onDatagram(bytes: Buffer, address: string, port: number): void {
    this.received.push(`${bytes.toString('latin1')} from ${address}:${port}`)
    this.#wake?.()
  }

  onSocketError(error: EnvironmentError, destination?: TransportAddress): void {
    this.errors.push({ error, destination })
    this.#wake?.()
  }

  /** Resolves once `count` datagrams and errors have come. */
  async until(count: number): Promise<void> {
    while (this.received.length + this.errors.length < count) {
      await new Promise<void>(resolve => {
        this.#wake = resolve
      })
    }
  }
}

const open: UdpSocket[] = []

async function bind(options: UdpOptions, inbox: Inbox): Promise<UdpSocket> {
  const socket = await UdpSocket.bind(options, inbox)
  open.push(socket)
  return socket
}

afterEach(async () => {
  await Promise.all(open.splice(0).map(socket => socket.close()))
})

describe('UdpSocket', () => {
  for (const [family, address] of [
    [4, '127.0.0.1'],
    [6, '::1'],
  ] as const) {
    it(`sends and receives over IPv${family} and counts`, async () => {
      const inbox = new Inbox()
      const one = await bind({ address, port: 0 }, new Inbox())
      const other = await bind({ address, port: 0 }, inbox)
      expect(one.local).toEqual({ address, port: expect.any(Number), family })
      one.send(Buffer.from('OPTIONS'), other.local.port, address)
      one.send(Buffer.alloc(0), other.local.port, address)
      await inbox.until(2)
      expect(inbox.received).toEqual([
        `OPTIONS from ${address}:${one.local.port}`,
        ` from ${address}:${one.local.port}`,
      ])
      expect([one.datagramsOut, one.bytesOut, other.datagramsIn, other.bytesIn]).toEqual([2, 7, 2, 7])
    })
  }

  it('shows IPv4 peers dotted on a dual-stack socket, and reaches them', async () => {
    const inboxes = [new Inbox(), new Inbox()] as const
    const dual = await bind({ address: '::', port: 0, ipv6Only: false }, inboxes[0])
    const plain = await bind({ address: '127.0.0.1', port: 0 }, inboxes[1])
    plain.send(Buffer.from('ping'), dual.local.port, '127.0.0.1')
    await inboxes[0].until(1)
    dual.send(Buffer.from('pong'), plain.local.port, '127.0.0.1')
    await inboxes[1].until(1)
    expect(inboxes[0].received).toEqual([`ping from 127.0.0.1:${plain.local.port}`])
    expect(inboxes[1].received).toEqual([`pong from 127.0.0.1:${dual.local.port}`])
  })

  it('connected to one peer hears no other, and is told that nobody listens there', async () => {
    const inboxes = [new Inbox(), new Inbox(), new Inbox()] as const
    const peer = await bind({ address: '127.0.0.1', port: 0 }, inboxes[0])
    const stranger = await bind({ address: '127.0.0.1', port: 0 }, inboxes[1])
    const one = await bind({ address: '0.0.0.0', port: 0, remote: peer.local }, inboxes[2])
    expect(one.local.address).toBe('127.0.0.1')
    stranger.send(Buffer.from('who'), one.local.port, '127.0.0.1')
    one.send(Buffer.from('ping'), peer.local.port, peer.local.address)
    await inboxes[0].until(1)
    peer.send(Buffer.from('pong'), one.local.port, '127.0.0.1')
    await inboxes[2].until(1)
    expect(inboxes[2].received).toEqual([`pong from 127.0.0.1:${peer.local.port}`])
    await peer.close()
    one.send(Buffer.from('anybody'), peer.local.port, peer.local.address)
    await inboxes[2].until(2)
    expect(inboxes[2].errors).toMatchObject([{ error: { code: 'ECONNREFUSED' }, destination: peer.local }])
  })

  it('raises the receive buffer above the default of the system', async () => {
    const small = await bind({ address: '127.0.0.1', port: 0, receiveBufferSize: 65_536 }, new Inbox())
    const large = await bind({ address: '127.0.0.1', port: 0, sendBufferSize: 65_536 }, new Inbox())
    expect(large.receiveBufferSize).toBeGreaterThan(small.receiveBufferSize)
    expect(large.sendBufferSize).toBeGreaterThanOrEqual(65_536)
  })

  it('says who has a port in use and what to do', async () => {
    const first = await bind({ address: '127.0.0.1', port: 0 }, new Inbox())
    const { port } = first.local
    const failure = await UdpSocket.bind({ address: '127.0.0.1', port }, new Inbox()).catch(error => error)
    expect(failure).toBeInstanceOf(EnvironmentError)
    expect(failure).toMatchObject({
      code: 'EADDRINUSE',
      message: `udp 127.0.0.1:${port} is in use by another process; choose another port or stop it`,
    })
  })

  it('refuses an address that is not of this host, and one that is not numeric', async () => {
    await expect(UdpSocket.bind({ address: '192.0.2.1', port: 0 }, new Inbox())).rejects.toMatchObject({
      code: 'EADDRNOTAVAIL',
      message: expect.stringContaining('udp 192.0.2.1:0 is not an address of this host'),
    })
    await expect(UdpSocket.bind({ address: 'localhost', port: 0 }, new Inbox())).rejects.toThrow(UsageError)
    await expect(UdpSocket.bind({ address: '127.0.0.1', port: 65_536 }, new Inbox())).rejects.toThrow(
      UsageError,
    )
  })

  it('tells what cannot be sent, and lives on', async () => {
    const inbox = new Inbox()
    const socket = await bind({ address: '127.0.0.1', port: 0 }, inbox)
    const { port } = socket.local
    socket.send(Buffer.alloc(70_000), port, '127.0.0.1')
    socket.send(Buffer.from('x'), 0, '127.0.0.1')
    socket.send(Buffer.from('x'), port, 'not-an-address')
    socket.send(Buffer.from('x'), port, '::1')
    socket.send(Buffer.from('still here'), port, '127.0.0.1')
    await inbox.until(5)
    expect(inbox.received).toEqual([`still here from 127.0.0.1:${port}`])
    expect(inbox.errors.map(({ error }) => error.code)).toEqual(['EMSGSIZE', 'ERR_PORT', 'EINVAL', 'EINVAL'])
    expect(inbox.errors.map(({ destination }) => destination)).toEqual([
      { address: '127.0.0.1', port, family: 4 },
      { address: '127.0.0.1', port: 0, family: 4 },
      undefined,
      { address: '::1', port, family: 6 },
    ])
  })

  it('sends what it was given before close', async () => {
    const inbox = new Inbox()
    const receiver = await bind({ address: '127.0.0.1', port: 0 }, inbox)
    const sender = await bind({ address: '127.0.0.1', port: 0 }, new Inbox())
    sender.send(Buffer.from('last words'), receiver.local.port, '127.0.0.1')
    await sender.close()
    await inbox.until(1)
    expect(inbox.received).toEqual([`last words from 127.0.0.1:${sender.local.port}`])
  })

  it('is not connected to port 0, and leaves no socket behind', async () => {
    const before = process.getActiveResourcesInfo().length
    const options = { address: '127.0.0.1', port: 0, remote: { address: '127.0.0.1', port: 0 } }
    await expect(bind(options, new Inbox())).rejects.toMatchObject({ code: 'ERR_PORT' })
    expect(process.getActiveResourcesInfo().length).toBeLessThanOrEqual(before)
  })

  it('delivers nothing after close, which may be called twice', async () => {
    const inbox = new Inbox()
    const sender = await bind({ address: '127.0.0.1', port: 0 }, new Inbox())
    const socket = await bind({ address: '127.0.0.1', port: 0 }, inbox)
    sender.send(Buffer.from('late'), socket.local.port, '127.0.0.1')
    socket.send(Buffer.alloc(70_000), 9, '127.0.0.1')
    const closing = socket.close()
    expect(socket.close()).toBe(closing)
    await closing
    socket.send(Buffer.from('x'), sender.local.port, '127.0.0.1')
    await new Promise(setImmediate)
    expect(inbox).toMatchObject({ received: [], errors: [] })
  })
})
