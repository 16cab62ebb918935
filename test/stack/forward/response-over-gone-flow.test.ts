import { connect, createServer, type Server, type Socket } from 'node:net'
import { SipStack } from 'resip/stack'
import { StatelessProxy } from 'resip/stateless-proxy'
import { afterEach, expect, test } from 'vitest'
import { WebSocketPeer } from '../../net/websocket-peer.ts'
import { requestText } from '../world.ts'

/** A proxy over loop-back whose client hangs up before the answer comes. */
const closers: (() => unknown)[] = []

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

/** Where the client's Via says that it could be reached; `reached` counts who comes. */
async function place(): Promise<{ port: number; reached: () => number }> {
  let reached = 0
  const server: Server = createServer(socket => {
    reached++
    socket.destroy()
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  closers.push(() => server.close())
  const address = server.address()
  return { port: typeof address === 'object' && address !== null ? address.port : 0, reached: () => reached }
}

async function client(protocol: string, port: number): Promise<{ socket: Socket; send(text: string): void }> {
  if (protocol === 'ws') return WebSocketPeer.open(port)
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  return { socket, send: text => void socket.write(text) }
}

test.each([
  ['ws', 'WS 127.0.0.1', 0, 'RFC 7118 §5.3'],
  ['ws', 'TCP 127.0.0.1', 0, 'whatever its Via tells of'],
  ['tcp', 'TCP df7jal23ls0d.invalid', 0, 'RFC 6761 §6.4'],
  ['tcp', 'TCP 127.0.0.1', 1, 'RFC 3261 §18.2.2'],
])('%s, Via %s: a response whose connection is gone makes %i new ones (%s)', async (protocol, via, made) => {
  let answer: (() => void) | undefined
  const server = new SipStack()
  closers.push(() => server.close())
  server.onRequest(transaction => {
    answer = () => void transaction.respond(200)
  })
  await server.listen('udp:127.0.0.1:0')
  const proxy = await StatelessProxy.start({
    listen: [
      `${protocol}:127.0.0.1:0`,
      'udp:127.0.0.1:0',
      ...(protocol === 'tcp' ? [] : ['tcp:127.0.0.1:0']),
    ],
    relay: true,
  })
  closers.push(() => proxy.close())
  const [inbound] = proxy.stack.transports
  const { port, reached } = await place()
  const peer = await client(protocol, inbound?.local.port ?? 0)
  closers.push(() => peer.socket.destroy())
  const to = `sip:127.0.0.1:${server.transports[0]?.local.port}`
  peer.send(requestText('OPTIONS', { uri: to, via: `SIP/2.0/${via}:${port};branch=z9hG4bK1` }))
  await expect.poll(() => answer).toBeDefined()
  peer.socket.destroy()
  await expect.poll(() => inbound).toMatchObject({ connections: 0 })
  const failures = proxy.stack.counters.flowFailures
  answer?.()
  await expect.poll(() => proxy.stack.counters.flowFailures - failures + reached()).toBe(1)
  expect(reached()).toBe(made)
})
