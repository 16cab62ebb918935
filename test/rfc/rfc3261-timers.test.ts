import type { RequestUser, ServerTransaction, SipResponse, SipStack, TransactionUser } from 'resip/stack'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Protocol } from '../../src/stack/message/flow.ts'
import { invite, memoryOf, options, type Peer, requestText, World } from '../stack/world.ts'

const CLIENT = '192.0.2.1'
const SERVER = '192.0.2.2'

let world: World

beforeEach(() => {
  world = new World()
  world.drawnFrom(CLIENT)
})

afterEach(() => world.close())

async function clientOver(protocol: Protocol): Promise<{ stack: SipStack; peer: Peer }> {
  const stack = await world.stack(CLIENT, [protocol])
  return { stack, peer: await world.peer(SERVER, protocol) }
}

const noting = (): RequestUser => ({
  onProvisional: response => world.note(`heard ${response.status}`),
  onFinal: response => world.note(`final ${response.status}`),
  onFailure: failure => world.note(failure.message.includes('no answer') ? 'timeout' : failure.message),
})

const uri = (protocol: Protocol): string =>
  protocol === 'UDP' ? `sip:bob@${SERVER}` : `sip:bob@${SERVER};transport=tcp`

/** The ladder without what belongs to the peer's side. */
const sent = (): string[] => world.ladder.filter(line => !line.includes('←'))

describe('client transactions', () => {
  test('§17.1.1.2 INVITE over UDP: Timer A doubles from T1, Timer B ends at 64·T1', async () => {
    const { stack } = await clientOver('UDP')
    stack.send(invite(), noting())
    world.advance(100_000)
    expect(world.ladder).toEqual([
      '0 → INVITE',
      '500 → INVITE',
      '1500 → INVITE',
      '3500 → INVITE',
      '7500 → INVITE',
      '15500 → INVITE',
      '31500 → INVITE',
      '32000 timeout',
    ])
    expect(stack.transactionCount).toBe(0)
    expect(stack.timers.size).toBe(0)
  })

  test('§17.1.1.2 INVITE over TCP: no Timer A', async () => {
    const { stack } = await clientOver('TCP')
    stack.send(invite(uri('TCP')), noting())
    world.advance(100_000)
    expect(world.ladder).toEqual(['0 → INVITE', '32000 timeout'])
  })

  test('§17.1.1.2 a provisional response stops A and B: the INVITE then waits without end', async () => {
    const { stack, peer } = await clientOver('UDP')
    peer.onMessage = message => {
      if (world.clock.now() === 500) peer.answer(message, 180)
    }
    stack.send(invite(), noting())
    world.advance(1_000_000)
    expect(world.ladder).toEqual(['0 → INVITE', '500 → INVITE', '500 ← 180', '500 heard 180'])
    expect(stack.transactionCounts().inviteClient).toEqual({ proceeding: 1 })
  })

  test('§17.1.2.2 non-INVITE over UDP: Timer E doubles up to T2, Timer F ends at 64·T1', async () => {
    const { stack } = await clientOver('UDP')
    stack.send(options(), noting())
    world.advance(100_000)
    expect(world.ladder).toEqual([
      ...[0, 500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500].map(at => `${at} → OPTIONS`),
      '32000 timeout',
    ])
  })

  test('§17.1.2.2 non-INVITE in Proceeding: Timer E fires every T2, and Timer F still ends it', async () => {
    const { stack, peer } = await clientOver('UDP')
    peer.onMessage = message => {
      if (world.clock.now() === 500) peer.answer(message, 100)
    }
    stack.send(options(), noting())
    world.advance(100_000)
    expect(sent()).toEqual([
      '0 → OPTIONS',
      '500 → OPTIONS',
      '500 heard 100',
      ...[1500, 5500, 9500, 13500, 17500, 21500, 25500, 29500].map(at => `${at} → OPTIONS`),
      '32000 timeout',
    ])
  })

  test('§17.1.2.2 non-INVITE over TCP: no Timer E', async () => {
    const { stack } = await clientOver('TCP')
    stack.send(options(uri('TCP')), noting())
    world.advance(100_000)
    expect(world.ladder).toEqual(['0 → OPTIONS', '32000 timeout'])
  })

  test.each([
    ['UDP', 32_000],
    ['TCP', 0],
  ] as const)(
    '§17.1.1.2 Timer D over %s: ACK for each 486 seen again, for %i ms',
    async (protocol, timerD) => {
      const { stack, peer } = await clientOver(protocol)
      stack.send(invite(uri(protocol)), noting())
      world.advance(0)
      const [request] = peer.heard
      if (request === undefined) throw new Error('no INVITE')
      peer.answer(request, 486)
      world.advance(0)
      expect(world.ladder.at(-2)).toBe('0 → ACK')
      expect(world.ladder.at(-1)).toBe('0 final 486')
      if (timerD > 0) {
        world.advance(timerD - 1)
        peer.answer(request, 486)
        world.advance(0)
        expect(world.ladder.slice(-2)).toEqual([`${timerD - 1} ← 486`, `${timerD - 1} → ACK`])
        world.advance(1)
      }
      expect(stack.transactionCount).toBe(0)
      const before = world.ladder.length
      peer.answer(request, 486)
      world.advance(0)
      expect(world.ladder.slice(before)).toEqual([`${timerD} ← 486`])
      expect(stack.counters.strayResponses).toBe(1)
    },
  )

  test('§17.1.1.3 the ACK has the INVITE’s top Via, Request-URI, From, Call-ID, CSeq number, and the response’s To', async () => {
    const { stack, peer } = await clientOver('UDP')
    peer.onMessage = message => {
      if (message.isRequest && message.method === 'INVITE') peer.answer(message, 404, 'their-tag')
    }
    stack.send(invite(), noting())
    world.advance(0)
    const [request, ack] = peer.heard
    if (!request?.isRequest || !ack?.isRequest) throw new Error('INVITE and ACK expected')
    expect(ack.method).toBe('ACK')
    expect(String(ack.via)).toBe(String(request.via))
    expect(String(ack.requestUri)).toBe(String(request.requestUri))
    expect(String(ack.from)).toBe(String(request.from))
    expect(ack.callId).toBe(request.callId)
    expect(ack.cseq.number).toBe(request.cseq.number)
    expect(ack.cseq.method).toBe('ACK')
    expect(ack.to.tag).toBe('their-tag')
  })

  test.each([
    ['UDP', 5000],
    ['TCP', 0],
  ] as const)(
    '§17.1.2.2 Timer K over %s: responses seen again are absorbed for %i ms',
    async (protocol, timerK) => {
      const { stack, peer } = await clientOver(protocol)
      stack.send(options(uri(protocol)), noting())
      world.advance(0)
      const [request] = peer.heard
      if (request === undefined) throw new Error('no OPTIONS')
      peer.answer(request, 200)
      world.advance(0)
      if (timerK > 0) {
        world.advance(timerK - 1)
        peer.answer(request, 200)
        world.advance(0)
        expect(stack.counters.strayResponses).toBe(0)
        expect(stack.transactionCount).toBe(1)
        world.advance(1)
      }
      expect(stack.transactionCount).toBe(0)
      peer.answer(request, 200)
      world.advance(0)
      expect(stack.counters.strayResponses).toBe(1)
      expect(world.ladder.filter(line => line.includes('final'))).toEqual(['0 final 200'])
    },
  )

  test.each(['UDP', 'TCP'] as const)(
    'RFC 6026 §7.2 Timer M over %s: each 2xx of each branch goes up for 64·T1, and no ACK goes out',
    async protocol => {
      const { stack, peer } = await clientOver(protocol)
      stack.send(invite(uri(protocol)), noting())
      world.advance(0)
      const [request] = peer.heard
      if (request === undefined) throw new Error('no INVITE')
      const say = (status: number, tag: string, wait: number): void => {
        world.advance(wait)
        peer.answer(request, status, tag)
        world.advance(0)
      }
      say(200, 'one', 0)
      say(200, 'one', 500)
      say(180, 'two', 500)
      say(486, 'two', 500)
      say(200, 'three', 30_499)
      say(200, 'four', 1)
      expect(sent()).toEqual(['0 → INVITE', '0 final 200', '500 final 200', '31999 final 200'])
      expect(stack.counters.strayResponses).toBe(1)
      expect(stack.transactionCount).toBe(0)
    },
  )
})

async function serverOver(
  protocol: Protocol,
  user: Partial<TransactionUser> = {},
): Promise<{ stack: SipStack; peer: Peer; transactions: ServerTransaction[] }> {
  const transactions: ServerTransaction[] = []
  const stack = await world.stack(SERVER, [protocol])
  stack.addUser({
    accepts: () => true,
    onRequest: transaction => void transactions.push(transaction),
    onFailure: (_, failure) => world.note(`fails: ${failure}`),
    ...user,
  })
  return { stack, peer: await world.peer(CLIENT, protocol), transactions }
}

const via = (protocol: Protocol): string => `SIP/2.0/${protocol} ${CLIENT}:5060;branch=z9hG4bKserver`

const received = (): string[] => world.ladder.filter(line => !line.includes('→'))

describe('server transactions', () => {
  test.each(['UDP', 'TCP'] as const)('§17.2.1 over %s: 100 goes out at 200 ms, once', async protocol => {
    const { peer } = await serverOver(protocol)
    peer.send(requestText('INVITE', { via: via(protocol) }), SERVER)
    world.advance(10_000)
    expect(world.ladder).toEqual(['0 → INVITE', '200 ← 100'])
  })

  test('§17.2.1 no 100 where the user answers within 200 ms', async () => {
    const { peer } = await serverOver('UDP', {
      onRequest: transaction => void world.timers.after(199, () => transaction.respond(180)),
    })
    peer.send(requestText('INVITE'), SERVER)
    world.advance(10_000)
    expect(world.ladder).toEqual(['0 → INVITE', '199 ← 180'])
  })

  test('§17.2.1 an INVITE that comes again gets the last provisional response, and none before the first', async () => {
    const { peer, transactions, stack } = await serverOver('UDP')
    peer.send(requestText('INVITE'), SERVER)
    world.advance(100)
    peer.send(requestText('INVITE'), SERVER)
    world.advance(400)
    peer.send(requestText('INVITE'), SERVER)
    world.advance(500)
    transactions[0]?.respond(183)
    peer.send(requestText('INVITE'), SERVER)
    world.advance(0)
    expect(received()).toEqual(['200 ← 100', '500 ← 100', '1000 ← 183', '1000 ← 183'])
    expect(transactions).toHaveLength(1)
    expect(stack.counters.retransmissionsIn).toBe(3)
  })

  test('§17.2.1 over UDP: Timer G sends the final response at T1 doubled up to T2, Timer H ends at 64·T1', async () => {
    const { peer, stack } = await serverOver('UDP', { onRequest: transaction => transaction.respond(486) })
    peer.send(requestText('INVITE'), SERVER)
    world.advance(100_000)
    expect(received()).toEqual([
      ...[0, 500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500].map(at => `${at} ← 486`),
      '32000 fails: timeout',
    ])
    expect(stack.transactionCount).toBe(0)
    expect(stack.timers.size).toBe(0)
  })

  test('§17.2.1 over TCP: no Timer G, but Timer H waits for the ACK', async () => {
    const { peer } = await serverOver('TCP', { onRequest: transaction => transaction.respond(486) })
    peer.send(requestText('INVITE', { via: via('TCP') }), SERVER)
    world.advance(100_000)
    expect(received()).toEqual(['0 ← 486', '32000 fails: timeout'])
  })

  test('§17.2.1 a lost ACK: the response goes out again, and the next ACK stops it', async () => {
    const { peer, stack } = await serverOver('UDP', { onRequest: transaction => transaction.respond(486) })
    let lost = 0
    world.network.isLost = ({ wire }) => wire.startsWith('ACK ') && lost++ === 0
    peer.onMessage = () => peer.send(requestText('ACK', { toTag: 'x', via: via('UDP') }), SERVER)
    peer.send(requestText('INVITE', { via: via('UDP') }), SERVER)
    world.advance(100_000)
    expect(world.ladder).toEqual(['0 → INVITE', '0 ← 486', '0 → ✗ ACK', '500 ← 486', '500 → ACK'])
    expect(stack.transactionCount).toBe(0)
  })

  test.each([
    ['UDP', 5000],
    ['TCP', 0],
  ] as const)(
    '§17.2.1 Timer I over %s: ACKs and INVITEs are absorbed for %i ms',
    async (protocol, timerI) => {
      const acks: string[] = []
      const { peer, stack, transactions } = await serverOver(protocol, {
        onRequest: transaction => {
          transactions.push(transaction)
          transaction.respond(486)
        },
        onAck: ack => void acks.push(ack.callId),
      })
      const ack = requestText('ACK', { toTag: 'x', via: via(protocol) })
      peer.send(requestText('INVITE', { via: via(protocol) }), SERVER)
      peer.send(ack, SERVER)
      world.advance(0)
      if (timerI > 0) {
        world.advance(timerI - 1)
        peer.send(ack, SERVER)
        peer.send(requestText('INVITE', { via: via(protocol) }), SERVER)
        world.advance(0)
        expect(stack.transactionCounts().inviteServer).toEqual({ confirmed: 1 })
        expect(transactions).toHaveLength(1)
        world.advance(1)
      }
      expect(stack.transactionCount).toBe(0)
      expect(acks).toEqual([])
      peer.send(ack, SERVER)
      world.advance(0)
      expect(acks).toEqual(['call-1'])
    },
  )

  test.each(['UDP', 'TCP'] as const)(
    'RFC 6026 §7.1 Timer L over %s: INVITEs are absorbed for 64·T1, 2xx only go out again when given again',
    async protocol => {
      const acks: string[] = []
      const { peer, stack, transactions } = await serverOver(protocol, {
        onAck: ack => void acks.push(ack.to.tag ?? ''),
      })
      const text = requestText('INVITE', { via: via(protocol) })
      peer.send(text, SERVER)
      world.advance(0)
      transactions[0]?.respond(200)
      world.advance(500)
      peer.send(text, SERVER)
      transactions[0]?.respond(200)
      world.advance(500)
      peer.send(requestText('ACK', { via: via(protocol), toTag: 'same-branch' }), SERVER)
      world.advance(30_999)
      peer.send(text, SERVER)
      world.advance(0)
      expect(received()).toEqual(['0 ← 200', '500 ← 200'])
      expect(acks).toEqual(['same-branch'])
      expect(stack.transactionCounts().inviteServer).toEqual({ accepted: 1 })
      world.advance(1)
      expect(stack.transactionCount).toBe(0)
      expect(transactions).toHaveLength(1)
    },
  )

  test.each([
    ['UDP', 32_000],
    ['TCP', 0],
  ] as const)(
    '§17.2.2 Timer J over %s: the final response goes out again for %i ms',
    async (protocol, timerJ) => {
      const { peer, stack } = await serverOver(protocol, {
        onRequest: transaction => transaction.respond(404),
      })
      const text = requestText('OPTIONS', { via: via(protocol) })
      peer.send(text, SERVER)
      world.advance(0)
      if (timerJ > 0) {
        world.advance(timerJ - 1)
        peer.send(text, SERVER)
        world.advance(0)
        expect(received()).toEqual(['0 ← 404', `${timerJ - 1} ← 404`])
        expect(stack.counters.retransmissionsOut).toBe(1)
        world.advance(1)
      }
      expect(stack.transactionCount).toBe(0)
      world.advance(10_000)
      expect(stack.timers.size).toBe(0)
    },
  )

  test('§17.2.2 a request that comes again before any response is discarded', async () => {
    const { peer, transactions } = await serverOver('UDP')
    peer.send(requestText('OPTIONS'), SERVER)
    world.advance(500)
    peer.send(requestText('OPTIONS'), SERVER)
    world.advance(500)
    expect(received()).toEqual([])
    expect(transactions).toHaveLength(1)
  })
})

describe('RFC 4320', () => {
  test('§4.1 100 to a non-INVITE goes out when Timer E has come to T2, 3.5 s; §4.2 no 408 follows', async () => {
    const { peer, stack } = await serverOver('UDP')
    peer.send(requestText('OPTIONS'), SERVER)
    world.advance(100_000)
    expect(world.ladder).toEqual(['0 → OPTIONS', '3500 ← 100', '32000 fails: timeout'])
    expect(stack.transactionCount).toBe(0)
  })

  test('§4.1 the user’s own 100 over UDP waits for that time; over TCP it goes at once and the end stays 64·T1', async () => {
    const { peer } = await serverOver('UDP', { onRequest: transaction => transaction.respond(100) })
    peer.send(requestText('OPTIONS'), SERVER)
    world.advance(3499)
    expect(received()).toEqual([])
    world.advance(1)
    expect(received()).toEqual(['3500 ← 100'])
  })

  test('§4.1 over TCP 100 may go at once, and the transaction still ends after 64·T1', async () => {
    const { peer } = await serverOver('TCP', { onRequest: transaction => transaction.respond(100) })
    peer.send(requestText('OPTIONS', { via: via('TCP') }), SERVER)
    world.advance(100_000)
    expect(received()).toEqual(['0 ← 100', '32000 fails: timeout'])
  })

  test('§4 408, 180 and 199 may not be given to a non-INVITE', async () => {
    const { peer, transactions } = await serverOver('UDP')
    peer.send(requestText('OPTIONS'), SERVER)
    world.advance(0)
    for (const status of [408, 180, 199]) {
      expect(() => transactions[0]?.respond(status)).toThrow(`${status} may not be sent to OPTIONS`)
    }
    transactions[0]?.respond(200)
    expect(() => transactions[0]?.respond(404)).toThrow('OPTIONS was answered 200 already; 404 is too late')
    expect(received()).toEqual(['0 ← 200'])
  })
})

test('a lost TCP connection is a transport error to its client transactions at once, §17.1.4', async () => {
  const { stack } = await clientOver('TCP')
  const lines: string[] = []
  const user: RequestUser = {
    onFinal: (response: SipResponse) => void lines.push(`final ${response.status}`),
    onFailure: failure =>
      void lines.push(`${world.clock.now()} ${failure.status} ${failure.attempts[0]?.outcome}`),
  }
  stack.send(options(uri('TCP')), user)
  await world.peer('192.0.2.3', 'TCP')
  stack.send(options('sip:carol@192.0.2.3;transport=tcp'), user)
  world.advance(1000)
  memoryOf(stack).disconnect(SERVER, 5060)
  expect(lines).toEqual(['1000 503 transport error'])
  expect(stack.transactionCount).toBe(1)
})

test('table 4: every timer follows T1, T2 and T4, but D, which is 32 s at least', async () => {
  const timing = { t1: 100, t2: 400, t4: 1000, trying: 50 }
  const client = await world.stack(CLIENT, ['UDP'], { timing })
  const server = await world.stack(SERVER, ['UDP'], { timing })
  const states: string[] = []
  const look = (...times: readonly number[]): void => {
    for (const time of times) {
      world.advance(time - world.clock.now())
      const counts = Object.entries(client.transactionCounts()).map(
        ([name, count]) => `${name} ${Object.keys(count)}`,
      )
      states.push(`${time} ${counts.filter(count => !count.endsWith(' ')).join()}`)
    }
  }
  server.onRequest(transaction => {
    if (transaction.method === 'INVITE') transaction.respond(486)
  })
  client.send(options(`sip:${SERVER}`), noting())
  client.send(options('sip:192.0.2.9'), noting())
  world.advance(6400)
  expect(world.ladder.filter(line => line.includes('100'))).toContain('300 ← 100')
  expect(world.ladder.filter(line => line.endsWith('timeout'))).toEqual(['6400 timeout', '6400 timeout'])
  client.send(invite(`sip:${SERVER}`), noting())
  look(6400, 6400 + 31_999, 6400 + 32_000)
  expect(states).toEqual(['6400 inviteClient completed', '38399 inviteClient completed', '38400 '])
})
