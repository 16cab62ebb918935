import {
  EnvironmentError,
  type Flow,
  type FlowConnection,
  type KeepAlive,
  type KeepAliveUser,
  type SendFailure,
  type Sent,
  type SipStack,
  sentByOf,
  type Transport,
  type TransportReceiver,
} from 'resip/stack'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Protocol } from '../../../src/stack/message/flow.ts'
import { flowTo } from '../../../src/stack/message/flow.ts'
import { MappedAddress, XorMappedAddress } from '../../../src/stun/attributes/address.ts'
import { ErrorCode } from '../../../src/stun/attributes/general.ts'
import { parseStun, StunMessage } from '../../../src/stun/message.ts'
import { StunWriter } from '../../../src/stun/writer.ts'
import { deaf, memoryOf, options, title, World } from '../world.ts'

const CLIENT = '192.0.2.1'
const SERVER = '192.0.2.2'

let world: World
let failed: string[]

beforeEach(() => {
  world = new World()
  failed = []
})

afterEach(() => world.close())

const user = (interval?: number): KeepAliveUser => ({
  ...(interval !== undefined && { interval }),
  onFailed: (flow, error) => void failed.push(`${world.clock.now()} ${flow.address} ${error?.code}`),
})

/** A client that has sent a request over the flow, and who answers it. */
async function connected(protocol: Protocol): Promise<{ client: SipStack; server: SipStack; flow: Flow }> {
  const client = await world.stack(CLIENT, [protocol])
  const server = await world.stack(SERVER, [protocol])
  server.onRequest(transaction => transaction.respond(200))
  const transport = client.transports[0]?.key ?? ''
  const to = flowTo({ protocol, address: SERVER, port: 5060 }, own(transport))
  if (protocol !== 'UDP') {
    client.send(options(), { onFinal() {}, onFailure() {} }, { flow: to })
    world.advance(0)
  }
  world.ladder.length = 0
  return { client, server, flow: memoryOf(client).connectionOf(to)?.flow ?? to }
}

function begin(stack: SipStack, flow: Flow, who: KeepAliveUser, asked?: number): KeepAlive {
  const keepAlive = stack.flows.keepAlive(flow, who, asked)
  if (typeof keepAlive === 'string') throw new Error(keepAlive)
  return keepAlive
}

/** When something was sent to the right, counted from the start. */
const times = (arrow: '→' | '←' = '→'): number[] =>
  world.ladder.filter(line => line.includes(arrow)).map(line => Number.parseInt(line, 10))

/** What lies between the times. */
const gaps = (of: readonly number[]): number[] => of.slice(1).map((time, at) => time - (of[at] ?? 0))

describe('RFC 5626 §4.4.1 keep-alive with CRLF', () => {
  test.each(['TCP', 'TLS', 'WS', 'WSS'] as const)(
    'over %s (RFC 7118 §6): a ping each 96 to 120 s, at random, each answered',
    async protocol => {
      const { client, flow } = await connected(protocol)
      world.drawnFrom(CLIENT)
      const keepAlive = begin(client, flow, user())
      world.advance(20 * 120_000)
      const waits = gaps([0, ...times()])
      expect(waits.length).toBeGreaterThanOrEqual(20)
      expect(Math.min(...waits)).toBeGreaterThanOrEqual(96_000)
      expect(Math.max(...waits)).toBeLessThanOrEqual(120_000)
      expect(new Set(waits).size).toBeGreaterThan(15)
      expect(keepAlive.answered).toBe(waits.length)
      expect(failed).toEqual([])
    },
  )

  test('no pong within 10 s: the flow is given up; transactions, users and watchers are told, each once', async () => {
    const { client, line } = await overLine()
    const told: string[] = []
    const note = (what: string) => void told.push(`${world.clock.now()} ${what}`)
    client.addUser({
      accepts: () => false,
      onRequest() {},
      onFlowFailed: (_, error) => note(`user ${error?.code}`),
    })
    client.flows.watch(line.flow, { onFlowEnded: (_, error) => note(`watcher ${error?.code}`) })
    const keepAlive = begin(client, line.flow, user(10_000))
    client.send(options(), { onFinal() {}, onFailure: failure => note(failure.message) }, { flow: line.flow })
    world.advance(30_000)
    expect(line.sent).toEqual(['OPTIONS', 'ping'])
    const at = Number.parseInt(failed[0] ?? '', 10)
    expect(at).toBeGreaterThanOrEqual(18_000)
    expect(at).toBeLessThanOrEqual(20_000)
    expect(failed).toEqual([`${at} ${SERVER} ERR_SIP_KEEP_ALIVE`])
    expect(told).toEqual([
      `${at} OPTIONS: the last try ended with transport error; tried tcp ${SERVER}:5060 transport error (ERR_SIP_KEEP_ALIVE)`,
      `${at} user ERR_SIP_KEEP_ALIVE`,
      `${at} watcher ERR_SIP_KEEP_ALIVE`,
    ])
    expect(keepAlive.isEnded).toBe(true)
    expect(client.counters.keepAliveFailures).toBe(1)
    expect(client.flows.keepAlive(line.flow, user())).toBe('gone')
    expect(client.flows.size).toBe(0)
  })

  test('a message under way when the 10 s are over is waited for, and the pong behind it counts', async () => {
    const { client, line } = await overLine()
    const keepAlive = begin(client, line.flow, user(10_000))
    world.advance(10_000)
    line.isReceiving = true
    world.advance(20_000)
    expect(failed).toEqual([])
    line.pong()
    expect(keepAlive.answered).toBe(1)
    world.advance(10_000)
    world.advance(45_000)
    expect(failed.map(text => text.split(' ')[2])).toEqual(['ERR_SIP_KEEP_ALIVE'])
  })

  test('a connection that is lost ends it at once, and no ping follows; the next handle has to be begun anew', async () => {
    const { client, line } = await overLine()
    const keepAlive = begin(client, line.flow, user(10_000))
    world.advance(1)
    line.lose()
    expect(failed).toEqual([`1 ${SERVER} ECONNRESET`])
    world.advance(100_000)
    expect(line.sent).toEqual([])
    keepAlive.stop()
    expect(failed).toHaveLength(1)
    expect(client.timers.size).toBe(0)
  })

  test('where nothing can be queued the ping waits for the next time; where the flow is gone that is told', async () => {
    const { client, line } = await overLine()
    const keepAlive = begin(client, line.flow, user(10_000))
    line.refusal = 'full'
    world.advance(60_000)
    expect([failed, keepAlive.isEnded]).toEqual([[], false])
    line.refusal = 'gone'
    world.advance(10_000)
    expect(failed).toHaveLength(1)
    expect(keepAlive.isEnded).toBe(true)
  })

  test('a user that throws when told of the failure harms nobody', async () => {
    const { client, line } = await overLine()
    begin(client, line.flow, {
      onFailed() {
        throw new Error('thrown')
      },
    })
    begin(client, line.flow, user())
    line.lose()
    expect(failed).toHaveLength(1)
    expect(client.counters.handlerErrors).toBe(1)
  })
})

describe('RFC 5626 §4.4 the interval', () => {
  test('Flow-Timer: 80 to 100 % of it, whatever the user would like at the most', async () => {
    const { client, flow } = await connected('TCP')
    world.drawnFrom(CLIENT)
    const keepAlive = begin(client, flow, user(600_000), 50)
    world.advance(1_000_000)
    const waits = gaps([0, ...times()])
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(40_000)
    expect(Math.max(...waits)).toBeLessThanOrEqual(50_000)
    keepAlive.askedFor(20)
    const before = times().length
    world.advance(200_000)
    expect(times().length - before).toBeGreaterThanOrEqual(10)
  })

  test('several users of a flow share its pings, and the shortest interval counts until its user stops', async () => {
    const { client, flow } = await connected('TCP')
    world.drawnFrom(CLIENT)
    const long = begin(client, flow, user(100_000))
    const short = begin(client, flow, user(10_000))
    world.advance(10_000)
    expect(times()).toHaveLength(1)
    short.stop()
    expect([short.isEnded, long.isEnded]).toEqual([true, false])
    world.advance(10_000)
    const before = times().length
    world.advance(300_000)
    expect(times().length - before).toBeLessThanOrEqual(4)
    long.stop()
    expect(client.timers.size).toBe(0)
    expect(client.flows.size).toBe(0)
    expect(failed).toEqual([])
  })

  test('a user that asks again keeps its one handle; asking does not put the next ping off', async () => {
    const { client, flow } = await connected('TCP')
    world.drawnFrom(CLIENT)
    const who = user(10_000)
    const handle = begin(client, flow, who)
    for (let i = 0; i < 20; i++) {
      world.advance(1_000)
      expect(begin(client, flow, who, 10 - (i % 2))).toBe(handle)
    }
    expect(times().length).toBeGreaterThanOrEqual(2)
    expect(client.flows.size).toBe(1)
  })

  test.each([0, 999, Number.NaN, -1])('of %d ms is refused', async interval => {
    const { client, flow } = await connected('TCP')
    expect(() => client.flows.keepAlive(flow, { interval })).toThrow(/give 1000 or more/)
  })

  test('maxFlowWatches bounds all of them together', async () => {
    const client = await world.stack(CLIENT, ['UDP'], { limits: { maxFlowWatches: 2 } })
    const to = (port: number): Flow =>
      flowTo({ protocol: 'UDP', address: SERVER, port }, own(client.transports[0]?.key ?? ''))
    const first = begin(client, to(1), user())
    expect(client.flows.watch(to(2), { onFlowEnded() {} })).not.toBe('full')
    expect(client.flows.keepAlive(to(3), user())).toBe('full')
    expect(client.flows.keepAlive(to(1), user())).toBe('full')
    expect(client.flows.watch(to(2), { onFlowEnded() {} })).toBe('full')
    expect(client.flows.expect(to(3), 10)).toBe('full')
    expect(client.counters.refusedFlowWatches).toBe(4)
    first.stop()
    expect(client.flows.expect(to(3), 10)).not.toBe('full')
  })

  test('10,000 flows have one timer each, and a round of pings makes no more', async () => {
    const client = await world.stack(CLIENT)
    const key = client.transports[0]?.key ?? ''
    for (let i = 0; i < 10_000; i++) {
      begin(
        client,
        flowTo({ protocol: 'UDP', address: `10.0.${i >> 8}.${i & 255}`, port: 5060 }, own(key)),
        user(),
      )
    }
    expect(client.timers.size).toBe(10_000)
    let probes = 0
    world.network.onPassage = () => void probes++
    world.advance(29_000)
    expect(probes).toBeGreaterThanOrEqual(10_000)
    expect(client.timers.size).toBeLessThanOrEqual(10_000)
  })
})

describe('RFC 5626 §4.4.2 keep-alive with STUN', () => {
  test('a Binding request each 24 to 29 s, which the stack at the other end answers (§8)', async () => {
    const { client, server, flow } = await connected('UDP')
    world.drawnFrom(CLIENT)
    const keepAlive = begin(client, flow, user())
    world.advance(20 * 29_000)
    const waits = gaps([0, ...times()])
    expect(waits.length).toBeGreaterThanOrEqual(20)
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(24_000)
    expect(Math.max(...waits)).toBeLessThanOrEqual(29_000)
    expect(keepAlive.answered).toBe(waits.length)
    expect(keepAlive.mapped).toBe(`${CLIENT}:5060`)
    expect(server.counters.bindingRequests).toBe(waits.length)
    const ids = world.wires.filter(wire => wire.length === 20).map(wire => wire.slice(8))
    expect(new Set(ids).size).toBe(waits.length)
  })

  test('RFC 5389 §7.2.1 sent again after 500 ms, 1 s, 2 s …, seven times in all, given up 8 s after the last', async () => {
    const { client, flow } = await connected('UDP')
    world.drawnFrom(CLIENT)
    world.network.isLost = ({ from }) => from.includes(CLIENT)
    begin(client, flow, user())
    world.advance(80_000)
    const [first = 0] = times()
    expect(times().map(time => time - first)).toEqual([0, 500, 1500, 3500, 7500, 15_500, 31_500])
    expect(failed).toEqual([`${first + 39_500} ${SERVER} ERR_SIP_KEEP_ALIVE`])
    expect(new Set(world.wires.filter(wire => wire.length === 20)).size).toBe(1)
  })

  test('a lost request is made good by its retransmission', async () => {
    const { client, flow } = await connected('UDP')
    world.drawnFrom(CLIENT)
    let toLose = 3
    world.network.isLost = ({ from }) => from.includes(CLIENT) && toLose-- > 0
    const keepAlive = begin(client, flow, user())
    world.advance(35_000)
    expect(times()).toHaveLength(4)
    expect([keepAlive.answered, failed]).toEqual([1, []])
  })

  const answering = async (
    respond: (request: StunMessage, count: number) => Buffer,
  ): Promise<{ keepAlive: KeepAlive; client: SipStack }> => {
    const client = await world.stack(CLIENT)
    const flow = flowTo(
      { protocol: 'UDP', address: SERVER, port: 5060 },
      own(client.transports[0]?.key ?? ''),
    )
    const peer = world.network.transport('UDP', SERVER, 5060)
    let count = 0
    await peer.open({
      ...deaf,
      onDatagram(bytes, from) {
        const message = parseStun(bytes)
        if (message instanceof StunMessage) peer.send(respond(message, count++).latin1Slice(), from)
      },
    })
    return { client, keepAlive: begin(client, flow, user()) }
  }
  const mapped = (request: StunMessage, port: number): StunWriter =>
    StunWriter.responseTo(request, 'success').add(XorMappedAddress, { address: '203.0.113.7', port })

  test('another XOR-MAPPED-ADDRESS than before is a lost flow', async () => {
    const { keepAlive } = await answering((request, count) =>
      mapped(request, count < 2 ? 40_000 : 40_001).finish(),
    )
    world.advance(2 * 29_000)
    expect([keepAlive.mapped, keepAlive.answered]).toEqual(['203.0.113.7:40000', 2])
    world.advance(29_000)
    expect(failed.map(text => text.split(' ')[2])).toEqual(['ERR_SIP_KEEP_ALIVE'])
  })

  test.each([
    [
      'an error response',
      (request: StunMessage) =>
        StunWriter.responseTo(request, 'error').add(ErrorCode, { code: 500, reason: '' }),
    ],
    ['a response without an address', (request: StunMessage) => StunWriter.responseTo(request, 'success')],
    [
      'a response with what must be understood and is not (RFC 8489 §6.3.3)',
      (request: StunMessage) => mapped(request, 4).addOctets(0x7777, Buffer.alloc(4)),
    ],
  ])('%s is a lost flow', async (_, write) => {
    await answering(request => write(request).finish())
    world.advance(29_000)
    expect(failed).toHaveLength(1)
  })

  test('MAPPED-ADDRESS of an RFC 3489 server is taken; a wrong fingerprint and another transaction are not', async () => {
    const spoilt = (bytes: Buffer): Buffer => {
      bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1
      return bytes
    }
    const answers = [
      (request: StunMessage) => spoilt(mapped(request, 40_000).fingerprint().finish()),
      () =>
        new StunWriter(1, 'success', new Uint8Array(12))
          .add(XorMappedAddress, { address: CLIENT, port: 1 })
          .finish(),
      (request: StunMessage) =>
        StunWriter.responseTo(request, 'success')
          .add(MappedAddress, { address: '203.0.113.7', port: 7 })
          .finish(),
    ]
    const { keepAlive } = await answering(
      (request, count) => answers[count % 3]?.(request) ?? Buffer.alloc(0),
    )
    world.advance(35_000)
    expect([keepAlive.mapped, keepAlive.answered, failed]).toEqual(['203.0.113.7:7', 1, []])
  })
})

/** A stream that does what the test says, and says nothing by itself. */
class Line implements Transport {
  readonly protocol = 'TCP'
  readonly isReliable = true
  readonly key = 'tcp:line'
  readonly local = { address: CLIENT, port: 5060, family: 4 } as const
  readonly sentBy = sentByOf(CLIENT, 5060)
  readonly sent: string[] = []
  readonly heardAt = 0
  isReceiving = false
  isOpen = true
  refusal: SendFailure | undefined
  readonly flow: Flow = { protocol: 'TCP', transport: this.key, address: SERVER, port: 5060, connection: 1 }
  #receiver: TransportReceiver = deaf

  async open(receiver: TransportReceiver): Promise<void> {
    this.#receiver = receiver
  }

  send(wire: string): Sent {
    if (!this.isOpen || this.refusal !== undefined) return this.refusal ?? 'gone'
    this.sent.push(title(wire))
    return this.flow
  }

  keepAlive(): Sent {
    return this.send('ping \r\n')
  }

  connectionOf(): FlowConnection | undefined {
    return this.isOpen ? this : undefined
  }

  cutOff(code: string, what: string): void {
    this.lose(code, what)
  }

  lose(code: string = 'ECONNRESET', what: string = 'lost'): void {
    this.isOpen = false
    this.#receiver.onFlowFailed(this.flow, new EnvironmentError(code, what))
  }

  pong(): void {
    this.#receiver.onPong(this.flow)
  }

  async close(): Promise<void> {}
}

async function overLine(): Promise<{ client: SipStack; line: Line }> {
  const client = await world.stack(CLIENT, [])
  const line = new Line()
  await client.addTransport(line)
  return { client, line }
}

/** What a flow needs to know of the transport that it goes from. */
function own(key: string): { readonly key: string; readonly local: { readonly address: string } } {
  return { key, local: { address: CLIENT } }
}
