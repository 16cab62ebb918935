import { createServer, type Server, type Socket } from 'node:net'
import {
  type Flow,
  type KeepAliveUser,
  type RequestFailure,
  request,
  type ServerTransaction,
  SipStack,
} from 'resip/stack'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { UdpSocket } from '../../../src/net/udp.ts'
import { SimulatedClock } from '../../../src/util/clock.ts'
import { requestText, settled } from '../world.ts'

let clock: SimulatedClock
let told: string[]
const open: { close(): unknown }[] = []

beforeEach(() => {
  clock = new SimulatedClock()
  told = []
})

afterEach(async () => {
  await Promise.all(open.splice(0).map(each => each.close()))
})

async function until(done: () => boolean): Promise<void> {
  for (let turn = 0; !done(); turn++) {
    if (turn > 20_000) throw new Error(`it did not come to pass: ${told.join(', ')}`)
    await settled()
  }
}

/** A peer over TCP that is no stack: what its connections sent, as text. */
class RawServer {
  readonly sockets: Socket[] = []
  readonly heard: string[] = []
  closed = 0
  onText: (socket: Socket, text: string) => void = () => {}
  readonly #server: Server = createServer(socket => {
    const at = this.sockets.push(socket) - 1
    this.heard[at] = ''
    socket.on('error', () => {})
    socket.on('close', () => this.closed++)
    socket.on('data', bytes => {
      this.heard[at] += bytes.toString('latin1')
      this.onText(socket, bytes.toString('latin1'))
    })
  })

  static async start(): Promise<RawServer> {
    const raw = new RawServer()
    await new Promise<void>(resolve => raw.#server.listen(0, '127.0.0.1', resolve))
    open.push(raw)
    return raw
  }

  get uri(): string {
    const address = this.#server.address()
    const port = typeof address === 'object' ? address?.port : 0
    return `sip:bob@127.0.0.1:${port};transport=tcp`
  }

  close(): void {
    for (const socket of this.sockets) socket.destroy()
    this.#server.close()
  }
}

async function stackOver(point: string, limits: object = {}): Promise<SipStack> {
  const stack = new SipStack({ clock, limits, udpErrors: true })
  open.push(stack)
  await stack.listen(point)
  return stack
}

const user = (name: string) => ({
  onFinal: () => void told.push(`${name} final`),
  onFailure: (failure: RequestFailure) => void told.push(`${name} ${failure.message}`),
})

const optionsTo = (target: string) => request('OPTIONS', target, { from: 'sip:alice@127.0.0.1' })

/** A request under way over a connection, with its flow. */
async function underWay(stack: SipStack, raw: RawServer, name = 'one'): Promise<Flow> {
  const before = raw.sockets.length
  const outgoing = stack.send(optionsTo(raw.uri), user(name))
  await until(() => raw.sockets.length > before && (raw.heard[before] ?? '').includes('OPTIONS'))
  if (outgoing.flow === undefined) throw new Error('a flow expected')
  return outgoing.flow
}

describe('RFC 5626 §4.4.1 from outside, over TCP', () => {
  test('two CR LF leave, one comes back; when none comes the connection is closed and the transaction told', async () => {
    const raw = await RawServer.start()
    const stack = await stackOver('tcp:127.0.0.1:0')
    const flow = await underWay(stack, raw)
    raw.heard[0] = ''
    const who: KeepAliveUser = { interval: 10_000, onFailed: (_, error) => void told.push(`${error?.code}`) }
    const keepAlive = stack.flows.keepAlive(flow, who)
    if (typeof keepAlive === 'string') throw new Error(keepAlive)
    clock.advance(10_000)
    await until(() => raw.heard[0] !== '')
    expect(raw.heard).toEqual(['\r\n\r\n'])
    raw.sockets[0]?.write('\r\n')
    await until(() => keepAlive.answered === 1)
    clock.advance(10_000)
    await until(() => (raw.heard[0]?.length ?? 0) === 8)
    // the ping left 0 to 2 s before that
    clock.advance(7_999)
    expect(told).toEqual([])
    clock.advance(2_001)
    await until(() => raw.closed === 1 && told.length === 2)
    expect(told[0]).toBe('ERR_SIP_KEEP_ALIVE')
    expect(told[1]).toMatch(/^one OPTIONS: the last try ended with transport error/)
    expect(stack.flows.keepAlive(flow, who)).toBe('gone')
  })
})

describe('a connection that is lost', () => {
  test('is told at once to client transactions, server transactions, users and watchers', async () => {
    const raw = await RawServer.start()
    const stack = await stackOver('tcp:127.0.0.1:0')
    const flow = await underWay(stack, raw)
    stack.addUser({
      accepts: () => true,
      onRequest: (transaction: ServerTransaction) => void told.push(`server ${transaction.request.method}`),
      onFailure: (_, failure) => void told.push(`server ${failure}`),
      onFlowFailed: () => void told.push('user'),
    })
    stack.flows.watch(flow, { onFlowEnded: () => void told.push('watcher') })
    raw.sockets[0]?.write(requestText('INVITE', { via: 'SIP/2.0/TCP 127.0.0.1;branch=z9hG4bKin' }))
    await until(() => told.length === 1)
    raw.sockets[0]?.destroy()
    await until(() => told.length >= 5)
    expect(told[0]).toBe('server INVITE')
    expect(told[1]).toMatch(/^one OPTIONS: the last try ended with transport error/)
    expect(told.slice(2)).toEqual([expect.stringMatching(/^server /), 'user', 'watcher'])
    expect(clock.now()).toBe(0)
  })

  test('RFC 5626 §5.3 a request pinned to it fails at once, and says what to do', async () => {
    const raw = await RawServer.start()
    const stack = await stackOver('tcp:127.0.0.1:0')
    const flow = await underWay(stack, raw)
    raw.sockets[0]?.destroy()
    await until(() => told.length === 1)
    stack.send(optionsTo(raw.uri), user('pinned'), { flow })
    expect(told[1]).toMatch(
      /^pinned OPTIONS: the connection to tcp 127\.0\.0\.1:\d+ that it must go over is closed; register/,
    )
    await expect(stack.request(optionsTo(raw.uri), { flow })).rejects.toMatchObject({
      status: 503,
      cause: { code: 'ERR_SIP_FLOW' },
    })
    expect(raw.sockets).toHaveLength(1)
  })

  test('a side socket whose datagram is refused is told at once, and the next target tried', async () => {
    const dead = await UdpSocket.bind(
      { address: '127.0.0.1', port: 0 },
      { onDatagram() {}, onSocketError() {} },
    )
    const { port } = dead.local
    await dead.close()
    const server = await stackOver('udp:127.0.0.1:0')
    server.onRequest(transaction => transaction.respond(200))
    const client = await stackOver('udp:127.0.0.1:0')
    client.addUser({
      accepts: () => false,
      onRequest() {},
      onFlowFailed: (_, error) => void told.push(`${error?.code}`),
    })
    const target = (to: number) => ({ protocol: 'UDP', address: '127.0.0.1', port: to }) as const
    const targets = [target(port), target(server.transports[0]?.local.port ?? 0)]
    client.send(optionsTo('sip:bob@127.0.0.1'), user('fail-over'), { targets })
    await until(() => told.length === 2)
    expect(told).toEqual(['ECONNREFUSED', 'fail-over final'])
    expect(clock.now()).toBe(0)
  })
})

describe('RFC 3261 §18 connections from outside', () => {
  test('what is sent while a connection is made goes over that one, in its order', async () => {
    const raw = await RawServer.start()
    const stack = await stackOver('tcp:127.0.0.1:0')
    for (const name of ['a', 'b', 'c']) stack.send(optionsTo(raw.uri.replace('bob', name)), user(name))
    await until(() => (raw.heard[0]?.match(/OPTIONS sip:/g) ?? []).length === 3)
    expect(raw.sockets).toHaveLength(1)
    expect(raw.heard[0]?.match(/(?<=OPTIONS sip:)\w/g)).toEqual(['a', 'b', 'c'])
  })

  test('when as many as may be are made, the one that is idle longest gives way; none that is busy does', async () => {
    const raws = [await RawServer.start(), await RawServer.start(), await RawServer.start()] as const
    const stack = await stackOver('tcp:127.0.0.1:0', { maxOutboundConnections: 2 })
    for (const raw of raws) {
      raw.onText = (socket, text) => {
        const head = text.slice(text.indexOf('\r\n') + 2).replace('Max-Forwards: 70\r\n', '')
        socket.write(`SIP/2.0 200 OK\r\n${head}`)
      }
    }
    stack.send(optionsTo(raws[0].uri), user('one'))
    await until(() => told.length === 1)
    clock.advance(1_000)
    stack.send(optionsTo(raws[1].uri), user('two'))
    await until(() => told.length === 2)
    stack.send(optionsTo(raws[2].uri), user('early'))
    await until(() => told.length === 3)
    expect(told[2]).toMatch(/^early OPTIONS: the last try ended with transport error/)
    expect(stack.counters.refusedConnections).toBe(1)
    clock.advance(31_000)
    stack.send(optionsTo(raws[2].uri), user('three'))
    await until(() => told.length === 4 && raws[0].closed === 1)
    expect(told[3]).toBe('three final')
    expect([raws[1].closed, stack.counters.evictedConnections]).toEqual([0, 1])
  })

  test('a peer that does not read is cut off when its own bytes that wait are too many, and its transactions told', async () => {
    const raw = await RawServer.start()
    const stack = await stackOver('tcp:127.0.0.1:0', { maxBufferedBytes: 100_000 })
    await underWay(stack, raw)
    raw.sockets[0]?.pause()
    const large = optionsTo(raw.uri).setBody('text/plain', 'x'.repeat(60_000))
    for (let i = 0; i < 400 && stack.counters.slowReaders === 0; i++) {
      stack.send(large, user('large'))
      await settled()
    }
    await until(
      () =>
        stack.counters.slowReaders === 1 && stack.transactionCounts().nonInviteClient.trying === undefined,
    )
    expect(told[0]).toMatch(/transport error/)
    expect(told.every(text => text.includes('transport error'))).toBe(true)
  })
})
