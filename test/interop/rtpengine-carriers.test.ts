import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { afterEach, describe, expect, it } from 'vitest'
import { type WebSocket, WebSocketServer } from 'ws'
import { RtpEngineClient, type RtpEngineClientOptions } from '../../src/media/rtpengine/client.ts'
import type { StreamConnection } from '../../src/net/stream.ts'
import { listenTcp } from '../../src/net/tcp.ts'
import { UdpSocket } from '../../src/net/udp.ts'
import { UsageError } from '../../src/util/errors.ts'

const PONG = 'd6:result4:ponge'
const cleanUp: (() => Promise<unknown>)[] = []

afterEach(async () => {
  for (const step of cleanUp.splice(0).reverse()) await step()
})

function clientOf(url: string, options?: RtpEngineClientOptions): RtpEngineClient {
  const client = new RtpEngineClient(url, options)
  cleanUp.push(() => client.close())
  return client
}

const codeOf = (request: Promise<unknown>): Promise<string> =>
  request.then(
    () => 'ok',
    error => error.code,
  )

const cookieOf = (request: Buffer): string => request.subarray(0, request.indexOf(0x20)).toString('latin1')

describe('NG over TCP with an engine that misbehaves', () => {
  async function serve(answer: (connection: StreamConnection, request: Buffer) => void): Promise<string> {
    const listener = await listenTcp(
      { address: '127.0.0.1', port: 0 },
      { onConnected() {}, onBytes: answer, onClosed() {}, onListenerError() {} },
    )
    cleanUp.push(() => listener.close())
    return `tcp://127.0.0.1:${listener.local.port}`
  }

  it('puts replies together that come byte by byte', async () => {
    const url = await serve((connection, request) => {
      for (const byte of `${cookieOf(request)} ${PONG}`) setImmediate(() => connection.write(byte))
    })
    expect(await codeOf(clientOf(url).ping())).toBe('ok')
  })

  it('takes a stream that cannot be cut for a malformed reply, and connects anew', async () => {
    let connections = 0
    const url = await serve((connection, request) => {
      connection.write(connections++ === 0 ? 'HTTP/1.1 400 Bad Request' : `${cookieOf(request)} ${PONG}`)
    })
    const client = clientOf(url)
    expect(await codeOf(client.ping())).toBe('ERR_RTPENGINE_REPLY')
    expect(await codeOf(client.ping())).toBe('ok')
    expect(client.counters).toMatchObject({ malformedReplies: 1, replies: 1 })
  })

  it('fails what was under way when the engine closes the connection, and connects anew', async () => {
    let connections = 0
    const url = await serve((connection, request) => {
      if (connections++ === 0) connection.end()
      else connection.write(`${cookieOf(request)} ${PONG}`)
    })
    const client = clientOf(url)
    expect(await codeOf(client.ping())).toBe('ERR_RTPENGINE_GONE')
    expect(await codeOf(client.ping())).toBe('ok')
  })

  it('fails at once where nothing listens, and can be closed while it connects', async () => {
    const listener = await listenTcp(
      { address: '127.0.0.1', port: 0 },
      { onConnected() {}, onBytes() {}, onClosed() {}, onListenerError() {} },
    )
    await listener.close()
    const client = clientOf(`tcp://127.0.0.1:${listener.local.port}`)
    expect(await codeOf(client.ping())).toBe('ECONNREFUSED')
    const late = codeOf(client.ping())
    await client.close()
    expect(await late).toBe('ERR_RTPENGINE_CLOSED')
  })

  it('does not speak JSON', () => {
    expect(() => new RtpEngineClient('tcp://127.0.0.1:2223', { encoding: 'json' })).toThrow(UsageError)
  })
})

describe('NG over UDP with an engine that misbehaves', () => {
  it('hears the engine only', async () => {
    const other = await UdpSocket.bind(
      { address: '127.0.0.1', port: 0 },
      { onDatagram() {}, onSocketError() {} },
    )
    cleanUp.push(() => other.close())
    let requests = 0
    const engine: UdpSocket = await UdpSocket.bind(
      { address: '127.0.0.1', port: 0 },
      {
        onDatagram(request, address, port) {
          const from = requests++ === 0 ? other : engine
          from.send(Buffer.from(`${cookieOf(request)} ${PONG}`), port, address)
        },
        onSocketError() {},
      },
    )
    cleanUp.push(() => engine.close())
    const client = clientOf(`udp://127.0.0.1:${engine.local.port}`, { retransmission: { initial: 50 } })
    expect(await codeOf(client.ping())).toBe('ok')
    expect(client.counters).toMatchObject({ replies: 1, retransmissions: 1, strayReplies: 0 })
  })

  it('fails where the name is not known', async () => {
    const client = clientOf('udp://rtpengine.invalid')
    expect(await codeOf(client.ping())).toMatch(/^(ENOTFOUND|EAI_AGAIN)$/)
  })

  it.each(['udp://', 'ftp://127.0.0.1', 'nothing', 'udp:127.0.0.1:2223'])('refuses the URL %s', url => {
    expect(() => new RtpEngineClient(url)).toThrow(UsageError)
  })
})

describe('NG over HTTP with an engine that misbehaves', () => {
  async function serve(answer: Parameters<typeof createServer>[1]): Promise<string> {
    const server: Server = createServer(answer)
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    cleanUp.push(async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    })
    const address = server.address()
    return `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`
  }

  it('posts to /ng and reports a status that is not 200', async () => {
    const paths: (string | undefined)[] = []
    const url = await serve((request, response) => {
      paths.push(request.url)
      response.writeHead(404).end()
    })
    expect(await codeOf(clientOf(url).ping())).toBe('ERR_RTPENGINE_HTTP')
    expect(await codeOf(clientOf(`${url}/media/ng`).ping())).toBe('ERR_RTPENGINE_HTTP')
    expect(paths).toEqual(['/ng', '/media/ng'])
  })

  it('asks once more where the connection was closed under it', async () => {
    let requests = 0
    const url = await serve(async (request, response) => {
      if (requests++ === 0) {
        request.socket.destroy()
        return
      }
      const chunks: Buffer[] = []
      for await (const chunk of request) chunks.push(chunk)
      response.end(`${cookieOf(Buffer.concat(chunks))} ${PONG}`)
    })
    expect(await codeOf(clientOf(url).ping())).toBe('ok')
    const dead = await serve(request => request.socket.destroy())
    expect(await codeOf(clientOf(dead).ping())).toBe('ECONNRESET')
  })

  it('takes no reply longer than allowed, and lets go of a request that timed out', async () => {
    const long = await serve((_, response) => response.end('x'.repeat(2000)))
    expect(await codeOf(clientOf(long, { limits: { maxLength: 1000 } }).ping())).toBe('ERR_HTTP_BODY')
    let closed = 0
    const silent = await serve(request => request.socket.on('close', () => closed++))
    expect(await codeOf(clientOf(silent).ping({ timeout: 50 }))).toBe('ERR_RTPENGINE_TIMEOUT')
    await expect.poll(() => closed).toBe(1)
  })
})

describe('NG over a WebSocket with an engine that misbehaves', () => {
  async function serve(onRequest: (socket: WebSocket, request: Buffer) => void): Promise<string> {
    const server = new WebSocketServer({
      host: '127.0.0.1',
      port: 0,
      handleProtocols: () => 'ng.rtpengine.com',
    })
    server.on('connection', socket => socket.on('message', (data: Buffer) => onRequest(socket, data)))
    await once(server, 'listening')
    cleanUp.push(async () => {
      for (const socket of server.clients) socket.terminate()
      server.close()
      await once(server, 'close')
    })
    const address = server.address()
    return `ws://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`
  }

  it('fails what was under way when the engine closes, and connects anew', async () => {
    let requests = 0
    const url = await serve((socket, request) => {
      if (requests++ === 0) socket.close()
      else socket.send(`${cookieOf(request)} ${PONG}`)
    })
    const client = clientOf(url)
    expect(await codeOf(client.ping())).toBe('ERR_RTPENGINE_GONE')
    expect(await codeOf(client.ping())).toBe('ok')
  })

  it('has one request at a time on each of its connections, and lets go of those that timed out', async () => {
    const underWay = new Map<WebSocket, number>()
    let most = 0
    let silent = 16
    const url = await serve((socket, request) => {
      if (silent-- > 0) return
      const now = (underWay.get(socket) ?? 0) + 1
      underWay.set(socket, now)
      most = Math.max(most, now)
      setImmediate(() => {
        underWay.set(socket, now - 1)
        socket.send(`${cookieOf(request)} ${PONG}`)
      })
    })
    const client = clientOf(url)
    const unanswered = Array.from({ length: 16 }, () => codeOf(client.ping({ timeout: 100 })))
    const neverSent = codeOf(client.ping({ timeout: 50 }))
    const answered = Array.from({ length: 100 }, () => codeOf(client.ping()))
    expect(await neverSent).toBe('ERR_RTPENGINE_TIMEOUT')
    expect(new Set(await Promise.all(unanswered))).toEqual(new Set(['ERR_RTPENGINE_TIMEOUT']))
    expect(new Set(await Promise.all(answered))).toEqual(new Set(['ok']))
    expect(most).toBe(1)
    expect(underWay.size).toBeLessThanOrEqual(16)
    expect(client.counters).toMatchObject({ lateReplies: 0, strayReplies: 0, replies: 100 })
  })

  it('closes at a message longer than allowed', async () => {
    const url = await serve(socket => socket.send('x'.repeat(2000)))
    const client = clientOf(url, { limits: { maxLength: 1000 } })
    expect(await codeOf(client.ping())).toBe('WS_ERR_UNSUPPORTED_MESSAGE_LENGTH')
  })
})
