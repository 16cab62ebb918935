import {
  type Flow,
  h,
  type Sent,
  type SentResponse,
  type ServerTransaction,
  type SipRequest,
  type SipStack,
  sentByOf,
  type Transport,
  type TransportReceiver,
} from 'resip/stack'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { lines, memoryOf, type Peer, requestText, settled, title, World } from '../world.ts'

const CLIENT = '192.0.2.1'
const SERVER = '192.0.2.2'

let world: World
let stack: SipStack
let peer: Peer
let transactions: ServerTransaction[]
let told: string[]

beforeEach(async () => {
  world = new World()
  world.drawnFrom(CLIENT)
  transactions = []
  told = []
  stack = await world.stack(SERVER, ['UDP', 'TCP'])
  peer = await world.peer(CLIENT)
  stack.addUser({
    accepts: request => request.method !== 'CANCEL',
    onRequest: transaction => void transactions.push(transaction),
    onFailure: (transaction, failure) => void told.push(`${transaction.method} ${failure}`),
    onFlowFailed: flow => void told.push(`flow ${flow.protocol} failed`),
  })
})

afterEach(() => world.close())

function say(...texts: readonly string[]): ServerTransaction {
  for (const text of texts) {
    peer.send(text, SERVER)
    world.advance(0)
  }
  const transaction = transactions.at(-1)
  if (transaction === undefined) throw new Error('nothing came')
  return transaction
}

describe('answers that are sent again by who gave them', () => {
  test('RFC 3261 §13.3.1.4: a 2xx, the same octets, until 64·T1 are over', () => {
    const transaction = say(requestText('INVITE'))
    const sent = transaction.respond(200)
    expect(sent.resend()).toBe(true)
    world.advance(31_999)
    expect(sent.resend()).toBe(true)
    world.advance(1)
    expect(sent.resend()).toBe(false)
    world.advance(0)
    expect(peer.titles).toEqual(['200', '200', '200'])
    expect(new Set(world.wires.slice(1)).size).toBe(1)
    expect(stack.counters.retransmissionsOut).toBe(2)
  })

  test('RFC 3262 §3: a reliable provisional, while there is no final response', () => {
    const transaction = say(requestText('INVITE'))
    const first = transaction.respond(transaction.response(183).set(h.RSeq, 1))
    transaction.respond(transaction.response(180).set(h.RSeq, 2))
    expect(first.resend()).toBe(true)
    transaction.respond(200)
    expect(first.resend()).toBe(false)
    world.advance(0)
    expect(peer.titles).toEqual(['183', '180', '183', '200'])
  })

  test('a refusal is the transaction’s to send again, not its user’s', () => {
    const sent: SentResponse = say(requestText('INVITE')).respond(486)
    expect(sent.resend()).toBe(false)
    world.advance(0)
    expect(peer.titles).toEqual(['486'])
  })

  test('canRespond says what respond would take', () => {
    const call = say(requestText('INVITE', { branch: 'z9hG4bKi' }))
    expect([100, 180, 200, 486].map(status => call.canRespond(status))).toEqual([true, true, true, true])
    call.respond(200)
    expect([180, 200, 202, 486].map(status => call.canRespond(status))).toEqual([false, true, false, false])
    const other = say(requestText('OPTIONS', { branch: 'z9hG4bKo' }))
    expect([100, 180, 200, 408].map(status => other.canRespond(status))).toEqual([true, false, true, false])
    other.respond(200)
    expect([100, 200].map(status => other.canRespond(status))).toEqual([false, false])
    expect(() => other.respond(200)).toThrow('was answered 200 already')
  })
})

test.each([
  ['OPTIONS', 40_000, 'OPTIONS timeout'],
  ['INVITE', 32_000, undefined],
])('an answer to %s when its time is over is not sent, nor counted, nor taken', (method, after, failure) => {
  const transaction = say(requestText(method))
  if (method === 'INVITE') transaction.respond(200)
  world.advance(after)
  expect(transaction.state).toBe('terminated')
  expect(told).toEqual(failure === undefined ? [] : [failure])
  const { length } = world.wires
  const counted = stack.counters.responsesOut[200]
  expect(transaction.canRespond(200)).toBe(false)
  expect(transaction.respond(200).resend()).toBe(false)
  world.advance(0)
  expect(world.wires).toHaveLength(length)
  expect(stack.counters.responsesOut[200]).toBe(counted)
})

test('RFC 6026 §8.8: an answer that could not be sent is sent when the request comes again, which is no new one', () => {
  const transaction = say(requestText('MESSAGE'))
  const udp = memoryOf(stack, 'UDP')
  const { send } = udp
  udp.send = () => 'full'
  transaction.respond(200)
  udp.send = send
  expect(told).toEqual(['MESSAGE transport error'])
  say(requestText('MESSAGE'))
  expect(transactions).toHaveLength(1)
  expect(peer.titles).toEqual(['200'])
})

describe('RFC 3261 §17.2.4, RFC 6026 Figure 7: who gave an answer that cannot be sent is told', () => {
  test.each([
    ['INVITE', 200],
    ['INVITE', 486],
    ['INVITE', 180],
    ['OPTIONS', 200],
  ])('%s, %i, larger than a datagram can be', (method, status) => {
    const transaction = say(requestText(method))
    memoryOf(stack, 'UDP').send = () => 'too large'
    transaction.respond(status)
    expect(told).toEqual([`${method} transport error`])
  })

  /** A stream transport whose connections are opened and lost by the test. */
  class Stream implements Transport {
    readonly key = 'tcp:192.0.2.2:5061'
    readonly protocol = 'TCP'
    readonly isReliable = true
    readonly local = { address: SERVER, port: 5061, family: 4 } as const
    readonly sentBy = sentByOf(SERVER, 5061)
    readonly sent: string[] = []
    receiver: TransportReceiver | undefined
    /** Connections that are up. */
    readonly up = new Set([1])
    #made = 100

    async open(receiver: TransportReceiver): Promise<void> {
      this.receiver = receiver
    }

    send(wire: string, flow: Flow): Sent {
      if (flow.connection !== 0 && !this.up.has(flow.connection)) return 'gone'
      const connection = flow.connection || ++this.#made
      this.up.add(connection)
      this.sent.push(`${connection} ${title(wire)}`)
      return connection === flow.connection ? flow : { ...flow, connection }
    }

    lose(flow: Flow): void {
      this.up.delete(flow.connection)
      this.receiver?.onFlowFailed(flow, undefined)
    }

    async close(): Promise<void> {}
  }

  const flow: Flow = {
    protocol: 'TCP',
    transport: 'tcp:192.0.2.2:5061',
    address: CLIENT,
    port: 40_000,
    connection: 1,
  }

  async function came(method: string): Promise<[Stream, ServerTransaction]> {
    const stream = new Stream()
    await stack.addTransport(stream)
    stack.receive(Buffer.from(requestText(method, { via: `SIP/2.0/TCP ${CLIENT};branch=z9hG4bKt` })), flow)
    const [transaction] = transactions
    if (transaction === undefined) throw new Error('nothing came')
    return [stream, transaction]
  }

  test.each(['INVITE', 'OPTIONS'])(
    '§18.2.2: a lost connection is told to the %s that came by it, which is answered over a new one',
    async method => {
      const [stream, transaction] = await came(method)
      stream.lose(flow)
      expect(told).toEqual([`${method} flow lost`, 'flow TCP failed'])
      transaction.respond(method === 'INVITE' ? 486 : 404)
      expect(stream.sent).toEqual([method === 'INVITE' ? '101 486' : '101 404'])
    },
  )

  test('and where the new one fails as well, that the answer did not arrive', async () => {
    const [stream, transaction] = await came('INVITE')
    stream.lose(flow)
    transaction.respond(486)
    stream.lose({ ...flow, port: 5060, connection: 101 })
    expect(told).toEqual(['INVITE flow lost', 'flow TCP failed', 'INVITE transport error', 'flow TCP failed'])
  })

  test('a 2xx is told where the connection is gone and none can be made', async () => {
    const [stream, transaction] = await came('INVITE')
    const sent = transaction.respond(200)
    expect(told).toEqual([])
    stream.send = () => 'full'
    expect(sent.resend()).toBe(true)
    expect(told).toEqual(['INVITE transport error'])
  })
})

test('§17.2.4: an answer that cannot be sent is told once, however often Timer G tries', () => {
  const transaction = say(requestText('INVITE'))
  memoryOf(stack, 'UDP').send = () => 'too large'
  transaction.respond(486)
  world.advance(100_000)
  expect(told).toEqual(['INVITE transport error', 'INVITE timeout'])
})

describe('RFC 3261 §9.2 CANCEL', () => {
  test.each(['OPTIONS', 'MESSAGE', 'REGISTER'])('of a pending %s gets 200 and changes nothing', method => {
    const transaction = say(requestText(method), requestText('CANCEL'))
    expect(peer.titles).toEqual(['200'])
    expect(transaction.isCancelled).toBe(false)
    transaction.respond(202)
    world.advance(0)
    expect(peer.titles).toEqual(['200', '202'])
  })

  test('that matches nothing gets 481', () => {
    say(requestText('OPTIONS'), requestText('CANCEL', { branch: 'z9hG4bKother' }))
    expect(peer.titles).toEqual(['481'])
  })
})

describe('RFC 3261 §17.2.3: the ACK of RFC 2543 has the To tag of the answer', () => {
  const via = `SIP/2.0/UDP ${CLIENT}:5060`
  const refuse = (): string => {
    const transaction = say(requestText('INVITE', { via }))
    transaction.respond(486)
    world.advance(0)
    return transaction.localTag
  }

  test.each([
    ['the tag', (tag: string) => tag, 'confirmed'],
    ['its beginning', (tag: string) => tag.slice(0, -1), 'completed'],
    ['the From tag', () => 'alice', 'completed'],
  ] as const)('%s: the INVITE is %s afterwards', (_, tagOf, state) => {
    const tag = refuse()
    peer.send(requestText('ACK', { via, toTag: tagOf(tag) }), SERVER)
    world.advance(0)
    expect(transactions[0]?.state).toBe(state)
  })
})

describe('filters', () => {
  test('before a transaction is made: dropped, or refused and nothing kept (RFC 3261 §8.2.7)', () => {
    stack.addFilter(request => (request.from.tag === 'dropped' ? 'drop' : undefined))
    stack.addFilter(request => {
      if (request.from.tag === 'busy') return 503
      if (request.from.tag !== 'unknown') return undefined
      return stack.statelessResponse(request, 480).set(h.Subject, 'no')
    })
    for (const fromTag of ['dropped', 'busy', 'unknown']) {
      for (const method of ['INVITE', 'ACK']) {
        const text = requestText(method, { fromTag, branch: `z9hG4bK${fromTag}`, toTag: 'theirs' })
        peer.send(text, SERVER)
        world.advance(0)
      }
    }
    expect(peer.titles).toEqual(['503', '480'])
    expect(world.wires.flatMap(wire => lines(wire, 'Subject'))).toEqual(['no'])
    expect(stack.transactionCount).toBe(0)
    expect(stack.counters.refusedByFilter).toBe(6)
    expect(transactions).toEqual([])
    world.advance(100_000)
    expect(peer.titles).toHaveLength(2)
    say(requestText('INVITE', { fromTag: 'welcome' }))
    expect(transactions).toHaveLength(1)
  })

  test('one that throws, or answers a promise, refuses: what it guards stays guarded', async () => {
    const verdicts: (() => unknown)[] = [
      () => {
        throw new Error('boom')
      },
      async () => undefined,
    ]
    const { addFilter } = stack as unknown as { addFilter(filter: (request: SipRequest) => unknown): void }
    for (const verdict of verdicts) addFilter.call(stack, verdict)
    peer.send(requestText('INVITE'), SERVER)
    world.advance(0)
    await settled()
    expect(peer.titles).toEqual(['500'])
    expect(transactions).toEqual([])
    expect(stack.counters.handlerErrors).toBe(1)
  })
})

test('RFC 3261 §8.2.7: the ACK to a response that was given without a transaction is nobody’s', async () => {
  const acks: string[] = []
  const asked: string[] = []
  stack.addFilter(request => {
    asked.push(request.method)
    return request.method === 'INVITE' ? 401 : undefined
  })
  stack.onRequest(
    () => {},
    ack => void acks.push(ack.to.tag ?? ''),
  )
  peer.send(requestText('INVITE'), SERVER)
  world.advance(0)
  peer.send(requestText('ACK', { toTag: peer.heard[0]?.to.tag ?? '' }), SERVER)
  world.advance(0)
  expect([asked, acks, stack.counters.strayAcks]).toEqual([['INVITE'], [], 0])
})

test('RFC 3261 §9.2: onCancel hears one CANCEL once, also where that comes again and no transaction was made for it', async () => {
  const full = await world.stack('192.0.2.3', ['UDP'], { limits: { maxTransactions: 1 } })
  const cancels: string[] = []
  full.addUser({
    accepts: () => true,
    onRequest() {},
    onCancel: transaction => void cancels.push(transaction.method),
  })
  for (const method of ['INVITE', 'CANCEL', 'CANCEL']) {
    peer.send(requestText(method), '192.0.2.3')
    world.advance(0)
  }
  expect(peer.titles).toEqual(['200', '200'])
  expect(cancels).toEqual(['INVITE'])
})

test('RFC 3261 §18.2.2: maddr of a Via is followed where that is wished, by transactions too', async () => {
  const other = await world.peer('192.0.2.77')
  for (const followMaddr of [false, true]) {
    const address = followMaddr ? '192.0.2.4' : '192.0.2.3'
    const server = await world.stack(address, ['UDP'], { followMaddr })
    server.onRequest(transaction => transaction.respond(200))
    const via = `SIP/2.0/UDP ${CLIENT}:5060;maddr=192.0.2.77;branch=z9hG4bKm`
    peer.send(requestText('OPTIONS', { via }), address)
    world.advance(0)
    expect([peer.heard.length, other.heard.length]).toEqual(followMaddr ? [1, 1] : [1, 0])
  }
})

test('a message taken as if it had come by a flow: a pending INVITE is taken up again', () => {
  const flow = {
    protocol: 'UDP',
    transport: `udp:${SERVER}:5060`,
    address: CLIENT,
    port: 5060,
    connection: 0,
  } as const
  stack.receive(Buffer.from(requestText('INVITE')), flow)
  stack.receive(Buffer.from('garbage\r\n\r\n'), flow)
  transactions[0]?.respond(200)
  world.advance(0)
  expect(peer.titles).toEqual(['200'])
  expect(stack.counters.malformed).toBe(1)
})
