import { once } from 'node:events'
import { afterEach, describe, expect, it } from 'vitest'
import { type WebSocket, WebSocketServer } from 'ws'
import { connectWebSocket, type WebSocketConnection } from '../../src/net/websocket.ts'
import type { EnvironmentError } from '../../src/util/errors.ts'

const servers: WebSocketServer[] = []

async function serve(onConnection: (socket: WebSocket) => void, protocol = 'x.example'): Promise<URL> {
  const server = new WebSocketServer({
    host: '127.0.0.1',
    port: 0,
    handleProtocols: offered => (offered.has(protocol) ? protocol : false),
  })
  servers.push(server)
  server.on('connection', onConnection)
  await once(server, 'listening')
  const address = server.address()
  return new URL(`ws://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`)
}

interface Client {
  readonly connection: WebSocketConnection
  readonly messages: string[]
  readonly message: Promise<void>
  readonly closed: Promise<EnvironmentError | undefined>
}

function connect(url: URL): Client {
  const messages: string[] = []
  let heard: () => void = () => {}
  const message = new Promise<void>(resolve => {
    heard = resolve
  })
  let connection: WebSocketConnection | undefined
  const closed = new Promise<EnvironmentError | undefined>(resolve => {
    connection = connectWebSocket(
      url,
      { protocol: 'x.example', maxMessageBytes: 100 },
      {
        onMessage: bytes => {
          messages.push(bytes.toString())
          heard()
        },
        onClosed: resolve,
      },
    )
  })
  if (connection === undefined) throw new Error('a promise runs its function at once')
  return { connection, messages, message, closed }
}

afterEach(async () => {
  for (const server of servers.splice(0)) {
    for (const socket of server.clients) socket.terminate()
    server.close()
    await once(server, 'close')
  }
})

describe('connectWebSocket over a real socket', () => {
  it('sends what was given before it was up, and takes text and binary alike', async () => {
    const url = await serve(socket => socket.on('message', data => socket.send(`${data}!`)))
    const client = connect(url)
    client.connection.send(Buffer.from('early'))
    await client.message
    expect(client.messages).toEqual(['early!'])
    await client.connection.close()
    expect(await client.closed).toBeUndefined()
    client.connection.send(Buffer.from('late'))
  })

  it('tells that the server closed in order', async () => {
    const client = connect(await serve(socket => socket.close(1000)))
    expect(await client.closed).toBeUndefined()
  })

  it('fails where nothing listens', async () => {
    const url = await serve(() => {})
    servers[0]?.close()
    await once(servers.splice(0)[0] ?? new WebSocketServer({ noServer: true }), 'close')
    expect((await connect(url).closed)?.code).toBe('ECONNREFUSED')
  })

  it('refuses a server of another sub-protocol (RFC 6455 §4.1)', async () => {
    const client = connect(await serve(() => {}, 'other'))
    expect((await client.closed)?.message).toContain('subprotocol')
  })

  it('closes at a message longer than allowed', async () => {
    const client = connect(await serve(socket => socket.send('x'.repeat(101))))
    expect((await client.closed)?.code).toBe('WS_ERR_UNSUPPORTED_MESSAGE_LENGTH')
    expect(client.messages).toEqual([])
  })
})
