import { once } from 'node:events'
import type { Socket } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { type WebSocket, WebSocketServer } from 'ws'
import type { StreamConnection } from '../../src/net/stream.ts'
import { openTcp } from '../../src/net/tcp.ts'
import { connectChannel, type WebSocketConnectOptions } from '../../src/net/websocket-client.ts'

const servers: WebSocketServer[] = []

afterEach(() => {
  for (const server of servers.splice(0)) {
    for (const socket of server.clients) socket.terminate()
    server.close()
  }
})

async function serve(
  onConnection: (socket: WebSocket) => void,
  protocol = 'sip',
  path = '/',
): Promise<number> {
  const server = new WebSocketServer({
    host: '127.0.0.1',
    port: 0,
    path,
    handleProtocols: () => protocol,
  })
  servers.push(server)
  server.on('connection', onConnection)
  await once(server, 'listening')
  const place = server.address()
  return typeof place === 'object' && place !== null ? place.port : 0
}

const defaults = {
  protocol: 'ws',
  host: 'server.example.com',
  path: '/',
  subprotocol: 'sip',
  connectTimeout: 2000,
  maxMessageBytes: 100,
  maxBufferedBytes: 1000,
} as const

/** Connects, says a word at once, and closes when a message comes; what happened, in order. */
function told(port: number, parts: Partial<WebSocketConnectOptions> = {}): Promise<string[]> {
  const log: string[] = []
  const options: WebSocketConnectOptions = {
    ...defaults,
    remote: { address: '127.0.0.1', port, family: 4 },
    ...parts,
  }
  return new Promise(resolve => {
    const connection: StreamConnection = connectChannel(
      () => openTcp({ address: '127.0.0.1', port }),
      options,
      {
        onConnected: ({ local }) => log.push(`connected from ${local?.address}`),
        onBytes(_, bytes) {
          log.push(bytes.toString())
          connection.end()
        },
        onClosed(_, error) {
          log.push(error?.code ?? 'closed')
          resolve(log)
        },
      },
    )
    connection.write('hello')
  })
}

test('RFC 6455 §4.1 what was written before the WebSocket was up is sent then; both sides close in order', async () => {
  const port = await serve(socket =>
    socket.on('message', (data, isBinary) => socket.send(`${data} ${isBinary}`)),
  )
  expect(await told(port)).toEqual(['connected from 127.0.0.1', 'hello false', 'closed'])
})

test('a path, a host, an origin and headers stand in the request', async () => {
  let asked: (string | undefined)[] = []
  const port = await serve(socket => socket.send('x'), 'sip', '/ws')
  servers[0]?.on('headers', (_, { headers, url }) => {
    asked = [url, headers.host, headers.origin, headers.cookie]
  })
  await told(port, { path: '/ws?a=b', origin: 'https://a.example', headers: { Cookie: 'c=d' } })
  expect(asked).toEqual(['/ws?a=b', `server.example.com:${port}`, 'https://a.example', 'c=d'])
})

test('RFC 7118 §4.1 a server without the sub-protocol or the path is no server of ours', async () => {
  expect(await told(await serve(() => {}, 'other'))).toEqual(['ERR_SYSTEM'])
  expect(await told(await serve(() => {}), { path: '/elsewhere' })).toEqual(['ERR_WEBSOCKET_REFUSED'])
})

test('a message larger than allowed, and a server that never answers, end the connection', async () => {
  const port = await serve(socket => socket.send('x'.repeat(101)))
  expect(await told(port)).toEqual(['connected from 127.0.0.1', 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH'])
  const deaf = await serve(() => {})
  expect(await told(deaf, { connectTimeout: 0 })).toEqual(['ETIMEDOUT'])
})

test('more than may wait before the WebSocket is up ends it', async () => {
  const port = await serve(() => {})
  expect(await told(port, { maxBufferedBytes: 4 })).toEqual(['ERR_SLOW_READER'])
})

test('a host that SIP knows and a URL does not is asked for all the same', async () => {
  let host: string | undefined
  const port = await serve(socket => socket.send('x'))
  servers[0]?.on('headers', (_, { headers }) => {
    host = headers.host
  })
  for (const name of ['xn--', 'x.0x1', '::1']) {
    expect(await told(port, { host: name })).toContain('x')
    expect(host).toBe(`${name === '::1' ? '[::1]' : name}:${port}`)
  }
})

test('a request that cannot be written leaves no socket behind whose failure nobody hears', async () => {
  const port = await serve(() => {})
  const opened: Socket[] = []
  const open = (): Socket => {
    const socket = openTcp({ address: '127.0.0.1', port })
    opened.push(socket)
    return socket
  }
  const options = { ...defaults, remote: { address: '127.0.0.1', port, family: 4 } as const }
  const nobody = { onConnected() {}, onBytes() {}, onClosed() {} }
  expect(() => connectChannel(open, { ...options, headers: { Cookie: 'a\nb' } }, nobody)).toThrow(TypeError)
  expect(opened[0]?.destroyed).toBe(true)
  expect(opened[0]?.listenerCount('error')).toBe(1)
})
