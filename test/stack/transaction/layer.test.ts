import type { ServerTransaction, SipRequest, SipStack, StackOptions, TransactionUser } from 'resip/stack'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { answerTo, invite, lines, options, type Peer, requestText, World } from '../world.ts'

const CLIENT = '192.0.2.1'
const SERVER = '192.0.2.2'

let world: World

beforeEach(() => {
  world = new World()
  world.drawnFrom(CLIENT)
})

afterEach(() => world.close())

interface Server {
  readonly stack: SipStack
  readonly peer: Peer
  /** What the user was told, in order. */
  readonly told: string[]
  readonly transactions: ServerTransaction[]
}

async function server(user: Partial<TransactionUser> = {}, stackOptions: StackOptions = {}): Promise<Server> {
  const told: string[] = []
  const transactions: ServerTransaction[] = []
  const stack = await world.stack(SERVER, ['UDP'], stackOptions)
  stack.addUser({
    accepts: request => request.method !== 'CANCEL',
    onRequest(transaction) {
      told.push(transaction.method)
      transactions.push(transaction)
    },
    onCancel(transaction, cancel) {
      told.push(`cancelled by ${cancel.method}`)
      transaction.respond(487)
    },
    onAck: ack => void told.push(`ACK ${ack.to.tag}`),
    onFailure: (_, failure) => void told.push(`fails: ${failure}`),
    ...user,
  })
  return { stack, peer: await world.peer(CLIENT), told, transactions }
}

/** Sends texts one after the other, each heard before the next. */
function say(peer: Peer, ...texts: readonly string[]): void {
  for (const text of texts) {
    peer.send(text, SERVER)
    world.advance(0)
  }
}

describe('RFC 3261 §17.2.3 matching requests to server transactions', () => {
  test('another method, branch or sent-by is another transaction', async () => {
    const { peer, told } = await server()
    say(
      peer,
      requestText('OPTIONS', { branch: 'z9hG4bKa' }),
      requestText('OPTIONS', { branch: 'z9hG4bKa' }),
      requestText('MESSAGE', { branch: 'z9hG4bKa' }),
      requestText('OPTIONS', { branch: 'z9hG4bKb' }),
      requestText('OPTIONS', { via: `SIP/2.0/UDP ${CLIENT}:5061;branch=z9hG4bKa` }),
    )
    expect(told).toEqual(['OPTIONS', 'MESSAGE', 'OPTIONS', 'OPTIONS'])
  })

  test('with the cookie nothing else counts: other tags, Call-ID and CSeq number are the same transaction', async () => {
    const { peer, told } = await server()
    say(peer, requestText('OPTIONS'), requestText('OPTIONS', { callId: 'other', fromTag: 'other', cseq: 9 }))
    expect(told).toEqual(['OPTIONS'])
  })

  test.each([
    ['no branch', `SIP/2.0/UDP ${CLIENT}:5060`],
    ['a branch without the cookie', `SIP/2.0/UDP ${CLIENT}:5060;branch=1`],
    ['the cookie and nothing more (RFC 4475 §3.2.1)', `SIP/2.0/UDP ${CLIENT}:5060;branch=z9hG4bK`],
  ])('RFC 2543, %s: Request-URI, From tag, Call-ID, CSeq and Via count', async (_, via) => {
    const { peer, told } = await server()
    say(
      peer,
      requestText('OPTIONS', { via }),
      requestText('OPTIONS', { via }),
      requestText('OPTIONS', { via, callId: 'other' }),
      requestText('OPTIONS', { via, fromTag: 'other' }),
      requestText('OPTIONS', { via, cseq: 2 }),
      requestText('OPTIONS', { via, uri: 'sip:other@192.0.2.2' }),
    )
    expect(told).toEqual(['OPTIONS', 'OPTIONS', 'OPTIONS', 'OPTIONS', 'OPTIONS'])
  })

  test('RFC 2543: the ACK with the response’s To tag belongs to the INVITE, again too; another tag does not', async () => {
    const { peer, told, transactions, stack } = await server()
    const via = `SIP/2.0/UDP ${CLIENT}:5060`
    say(peer, requestText('INVITE', { via }))
    transactions[0]?.respond(486)
    say(peer, requestText('ACK', { via, toTag: 'another' }))
    expect(stack.transactionCounts().inviteServer).toEqual({ completed: 1 })
    expect(told).toEqual(['INVITE', 'ACK another'])
    const ack = requestText('ACK', { via, toTag: transactions[0]?.localTag ?? '' })
    say(peer, ack)
    expect(stack.transactionCounts().inviteServer).toEqual({ confirmed: 1 })
    say(peer, ack)
    expect(told).toEqual(['INVITE', 'ACK another'])
  })

  test('RFC 2543: a CANCEL finds its INVITE', async () => {
    const { peer, told } = await server()
    const via = `SIP/2.0/UDP ${CLIENT}:5060`
    say(peer, requestText('INVITE', { via }), requestText('CANCEL', { via }))
    expect(told).toEqual(['INVITE', 'cancelled by CANCEL'])
    expect(peer.titles).toEqual(['200', '487'])
  })
})

describe('RFC 3261 §17.1.3 matching responses to client transactions', () => {
  async function client(): Promise<{ stack: SipStack; peer: Peer; heard: number[] }> {
    const stack = await world.stack(CLIENT)
    const peer = await world.peer(SERVER)
    const heard: number[] = []
    const user = {
      onFinal: ({ status }: { status: number }) => void heard.push(status),
      onFailure() {},
    }
    stack.send(options(`sip:${SERVER}`), user)
    world.advance(0)
    return { stack, peer, heard }
  }

  const request = (peer: Peer): SipRequest => {
    const [first] = peer.heard
    if (!first?.isRequest) throw new Error('no request')
    return first
  }

  test('the CSeq method must be the request’s', async () => {
    const { stack, peer, heard } = await client()
    peer.send(answerTo(request(peer), 200).replace('1 OPTIONS', '1 INVITE'), CLIENT)
    world.advance(0)
    expect(heard).toEqual([])
    expect(stack.counters.strayResponses).toBe(1)
    peer.send(answerTo(request(peer), 200), CLIENT)
    world.advance(0)
    expect(heard).toEqual([200])
  })

  test('§18.1.2 a response whose sent-by is not ours is dropped and counted', async () => {
    const { stack, peer, heard } = await client()
    peer.send(answerTo(request(peer), 200).replace(`${CLIENT}:5060`, `${CLIENT}:5070`), CLIENT)
    peer.send(answerTo(request(peer), 200).replace(`${CLIENT}:5060`, '192.0.2.9:5060'), CLIENT)
    world.advance(0)
    expect(heard).toEqual([])
    expect(stack.counters.strayResponses).toBe(2)
    expect(stack.counters.responsesIn[200]).toBe(0)
  })

  test('a response with another branch goes to onStrayResponse of every user', async () => {
    const { stack, peer, heard } = await client()
    const stray: number[] = []
    for (const number of [1, 2])
      stack.addUser({ accepts: () => false, onRequest() {}, onStrayResponse: () => void stray.push(number) })
    const { branch } = request(peer).via
    peer.send(answerTo(request(peer), 200).replace(branch, `${branch}x`), CLIENT)
    world.advance(0)
    expect(heard).toEqual([])
    expect(stray).toEqual([1, 2])
    expect(stack.counters.strayResponses).toBe(1)
  })
})

describe('RFC 3261 §9.2 CANCEL at a server', () => {
  test('200 by the layer with the To tag of the INVITE’s responses, the owner is told, and the INVITE gets its 487', async () => {
    const { peer, told, transactions } = await server()
    say(peer, requestText('INVITE'), requestText('CANCEL'))
    expect(told).toEqual(['INVITE', 'cancelled by CANCEL'])
    expect(world.ladder).toEqual(['0 → INVITE', '0 → CANCEL', '0 ← 200', '0 ← 487'])
    const tags = world.wires.slice(2).flatMap(wire => lines(wire, 'To'))
    expect(tags[0]).toBe(tags[1])
    expect(transactions[0]?.isCancelled).toBe(true)
  })

  test('a user without onCancel: the layer answers 487', async () => {
    const stack = await world.stack(SERVER)
    stack.onRequest(transaction => transaction.respond(180))
    const peer = await world.peer(CLIENT)
    say(peer, requestText('INVITE'), requestText('CANCEL'))
    expect(peer.titles).toEqual(['180', '200', '487'])
  })

  test.each([
    ['200', 200],
    ['486', 486],
  ])(
    'after the final response %s: 200 to the CANCEL, and nothing happens to the INVITE',
    async (_, status) => {
      const { peer, told, transactions } = await server()
      say(peer, requestText('INVITE'))
      transactions[0]?.respond(status)
      say(peer, requestText('CANCEL'))
      expect(peer.titles).toEqual([String(status), '200'])
      expect(told).toEqual(['INVITE'])
    },
  )

  test('a CANCEL sent again gets its 200 again, and the owner hears of it once', async () => {
    const { peer, told } = await server({ onCancel: () => void told.push('cancelled') })
    say(peer, requestText('INVITE'), requestText('CANCEL'), requestText('CANCEL'))
    expect(peer.titles).toEqual(['200', '200'])
    expect(told).toEqual(['INVITE', 'cancelled'])
  })

  test('one that matches nothing gets 481', async () => {
    const { peer, told, stack } = await server()
    say(peer, requestText('INVITE'), requestText('CANCEL', { branch: 'z9hG4bKother' }))
    expect(peer.titles).toEqual(['481'])
    expect(told).toEqual(['INVITE'])
    expect(stack.transactionCount).toBe(1)
  })

  test('one that matches nothing gets 481 from a stack with a single handler too', async () => {
    const stack = await world.stack(SERVER)
    stack.onRequest(transaction => transaction.respond(200))
    const peer = await world.peer(CLIENT)
    say(peer, requestText('CANCEL'))
    expect(peer.titles).toEqual(['481'])
  })

  test('§16.10 one that matches nothing goes to a user that claims it, as a proxy does', async () => {
    const { peer, told } = await server({ accepts: () => true })
    say(peer, requestText('CANCEL'))
    expect(told).toEqual(['CANCEL'])
  })
})

describe('ACK', () => {
  test('to nothing we know goes to the owner’s onAck, else it is counted; it never gets an answer', async () => {
    const { peer, told, stack } = await server({ accepts: request => request.callId === 'mine' })
    say(
      peer,
      requestText('ACK', { callId: 'mine', toTag: 't' }),
      requestText('ACK', { callId: 'not', toTag: 't' }),
    )
    expect(told).toEqual(['ACK t'])
    expect(stack.counters.strayAcks).toBe(1)
    expect(peer.heard).toEqual([])
    expect(stack.transactionCount).toBe(0)
  })

  test('RFC 6026 §7.1 with the INVITE’s branch in Accepted goes to the owner; to a 486 it is absorbed', async () => {
    const { peer, told, transactions } = await server()
    say(
      peer,
      requestText('INVITE', { branch: 'z9hG4bKok' }),
      requestText('INVITE', { branch: 'z9hG4bKbusy' }),
    )
    transactions[0]?.respond(200)
    transactions[1]?.respond(486)
    say(
      peer,
      requestText('ACK', { branch: 'z9hG4bKok', toTag: 'ok' }),
      requestText('ACK', { branch: 'z9hG4bKbusy', toTag: 'busy' }),
    )
    expect(told).toEqual(['INVITE', 'INVITE', 'ACK ok'])
  })
})

describe('transaction users', () => {
  test('the first that accepts a request has it, and removed ones are not asked', async () => {
    const { stack, peer, told } = await server({ accepts: request => request.method === 'MESSAGE' })
    const late: string[] = []
    const second: TransactionUser = {
      accepts: () => true,
      onRequest: transaction => void late.push(transaction.method),
    }
    stack.addUser(second)
    say(peer, requestText('MESSAGE', { branch: 'z9hG4bK1' }), requestText('OPTIONS', { branch: 'z9hG4bK2' }))
    stack.removeUser(second)
    say(peer, requestText('OPTIONS', { branch: 'z9hG4bK3' }))
    expect(told).toEqual(['MESSAGE'])
    expect(late).toEqual(['OPTIONS'])
    expect(peer.titles).toEqual(['404'])
  })

  test('§8.2.1 nobody takes it: 404, 405 with Allow, 481 within a dialog', async () => {
    const { peer } = await server({ accepts: () => false, methods: ['INVITE', 'BYE'] })
    say(
      peer,
      requestText('INVITE', { branch: 'z9hG4bK1' }),
      requestText('MESSAGE', { branch: 'z9hG4bK2' }),
      requestText('BYE', { branch: 'z9hG4bK3', toTag: 'gone' }),
      requestText('ACK', { branch: 'z9hG4bK4' }),
    )
    expect(peer.titles).toEqual(['404', '405', '481'])
    expect(world.wires.flatMap(wire => lines(wire, 'Allow'))).toEqual(['INVITE, BYE'])
  })

  test('a stack without users and a user of all methods answer 404 and 405 rightly', async () => {
    const { peer, stack } = await server({ accepts: () => false })
    say(peer, requestText('MESSAGE'))
    expect(peer.titles).toEqual(['404'])
    expect(stack.transactionCount).toBe(0)
  })

  const boom = (): never => {
    throw new Error('boom')
  }

  test('one that throws in onRequest: 500, counted, and the stack goes on', async () => {
    const { peer, stack } = await server({ onRequest: boom })
    say(peer, requestText('OPTIONS', { branch: 'z9hG4bK1' }), requestText('OPTIONS', { branch: 'z9hG4bK2' }))
    expect(peer.titles).toEqual(['500', '500'])
    expect(stack.counters.handlerErrors).toBe(2)
  })

  test('one that throws after its answer: the answer stands', async () => {
    const { peer } = await server({
      onRequest(transaction) {
        transaction.respond(202)
        boom()
      },
    })
    say(peer, requestText('OPTIONS'))
    expect(peer.titles).toEqual(['202'])
  })

  test('one that throws in accepts: 500', async () => {
    const { peer, stack } = await server({ accepts: boom })
    say(peer, requestText('OPTIONS'), requestText('ACK', { toTag: 't', branch: 'z9hG4bKack' }))
    expect(peer.titles).toEqual(['500'])
    expect(stack.counters.handlerErrors).toBe(2)
  })

  test('one that throws in onCancel: 200 to the CANCEL, 487 to the INVITE (§9.2)', async () => {
    const { peer, stack } = await server({ onCancel: boom })
    say(peer, requestText('INVITE'), requestText('CANCEL'))
    expect(peer.titles).toEqual(['200', '487'])
    expect(stack.counters.handlerErrors).toBe(1)
  })

  test('one that throws in onAck and in onStrayResponse is counted', async () => {
    const { peer, stack } = await server({ onAck: boom, onStrayResponse: boom })
    say(peer, requestText('ACK', { toTag: 't' }))
    const response = `SIP/2.0 200 OK\r\n${requestText('OPTIONS', { via: `SIP/2.0/UDP ${SERVER}:5060;branch=z9hG4bKx` }).split('SIP/2.0\r\n')[1]}`
    say(peer, response)
    expect(stack.counters.handlerErrors).toBe(2)
  })

  test('one that throws in onFailure, called by a timer: counted, and the other timers of that time still fire', async () => {
    const { peer, stack, transactions } = await server({ onFailure: boom })
    say(peer, requestText('INVITE', { branch: 'z9hG4bK1' }), requestText('INVITE', { branch: 'z9hG4bK2' }))
    for (const transaction of transactions) transaction.respond(486)
    world.advance(100_000)
    expect(stack.counters.handlerErrors).toBe(2)
    expect(stack.transactionCount).toBe(0)
  })

  test('one that throws in onProvisional, onFinal and onFailure of a request is counted', async () => {
    const stack = await world.stack(CLIENT)
    const peer = await world.peer(SERVER)
    const user = { onProvisional: boom, onFinal: boom, onFailure: boom }
    peer.onMessage = message => {
      if (!message.isRequest || message.method === 'ACK') return
      peer.answer(message, 180)
      peer.answer(message, 486)
    }
    stack.send(invite(), user)
    stack.send(options('sip:bob@192.0.2.9'), user)
    world.advance(100_000)
    expect(peer.titles).toEqual(['INVITE', 'ACK'])
    expect(stack.counters.handlerErrors).toBe(3)
    expect(stack.transactionCount).toBe(0)
  })
})

describe('limits', () => {
  test('maxTransactions: one more is answered 503 with Retry-After, statelessly, until one has ended', async () => {
    const { peer, stack } = await server(
      { onRequest: transaction => transaction.respond(200) },
      { limits: { maxTransactions: 2 } },
    )
    for (const number of [1, 2, 3]) say(peer, requestText('OPTIONS', { branch: `z9hG4bK${number}` }))
    expect(peer.titles).toEqual(['200', '200', '503'])
    expect(world.wires.flatMap(wire => lines(wire, 'Retry-After'))).toEqual(['5'])
    expect(stack.counters.refusedByLimit).toBe(1)
    expect(stack.transactionCount).toBe(2)
    world.advance(32_000)
    say(peer, requestText('OPTIONS', { branch: 'z9hG4bK4' }))
    expect(peer.titles.at(-1)).toBe('200')
  })
})

test('users and a stateless handler do not mix', async () => {
  const { stack } = await server()
  expect(() => stack.onMessage(() => {})).toThrow('stateless (onMessage) or stateful')
  const other = await world.stack('192.0.2.7')
  other.onMessage(() => {})
  expect(() => other.onRequest(() => {})).toThrow('stateless (onMessage) or stateful')
})
