import { ack2xx, h, Reason, type RequestOptions, type RequestUser } from 'resip/stack'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { invite, type Peer, targets, World } from '../world.ts'

const CLIENT = '192.0.2.1'
const SLOW = '192.0.2.2'
const SPARE = '192.0.2.3'
const CONTACT = 'Contact: <sip:late@192.0.2.2>\r\nRecord-Route: <sip:192.0.2.2;lr>\r\n'

let world: World
let slow: Peer
let spare: Peer

beforeEach(async () => {
  world = new World()
  world.drawnFrom(CLIENT)
  slow = await world.peer(SLOW)
  spare = await world.peer(SPARE)
})

afterEach(() => world.close())

const user: RequestUser = { onFinal() {}, onFailure() {} }

/** Calls; the first target says nothing for 4 s, the second accepts. */
async function call(options: RequestOptions = {}): Promise<Awaited<ReturnType<World['stack']>>> {
  const stack = await world.stack(CLIENT)
  spare.onMessage = message => {
    if (message.isRequest && message.method === 'INVITE') spare.answer(message, 200, 'spare', CONTACT)
  }
  stack.send(invite(), user, { ...options, targets: targets('UDP', SLOW, SPARE), targetTimeout: 4000 })
  world.advance(4500)
  expect(spare.titles).toEqual(['INVITE'])
  expect(stack.counters.drainedInvites).toBe(1)
  return stack
}

describe('RFC 3261 §13.2.2.4, §15: a target that was given up answers late', () => {
  test('what it accepts is acknowledged and ended; the same 2xx again gets the same ACK', async () => {
    const stack = await call()
    const [late] = slow.heard
    if (late === undefined) throw new Error('no INVITE')
    slow.answer(late, 200, 'late', CONTACT)
    slow.answer(late, 200, 'late', CONTACT)
    world.advance(0)
    const after = slow.heard.filter(message => message.isRequest && message.method !== 'INVITE')
    expect(after.map(message => `${message.cseq} ${message.to.tag}`)).toEqual([
      '1 ACK late',
      '2 BYE late',
      '1 ACK late',
    ])
    expect(after[0]?.toString()).toBe(after[2]?.toString())
    expect(String(after[1]?.isRequest && after[1].requestUri)).toBe('sip:late@192.0.2.2')
    expect(String(after[1]?.all(h.Route))).toBe('<sip:192.0.2.2;lr>')
    world.advance(100_000)
    expect(stack.transactionCount).toBe(0)
    expect(stack.timers.size).toBe(0)
  })

  test('§9.1 the CANCEL has the very Via of its INVITE, what it asks for in it too (RFC 6223)', async () => {
    await call({ keep: {} })
    const [late] = slow.heard
    if (late === undefined) throw new Error('no INVITE')
    slow.answer(late, 180)
    world.advance(0)
    const cancel = slow.heard.at(-1)
    expect(cancel?.isRequest && cancel.method).toBe('CANCEL')
    expect(String(cancel?.via)).toBe(String(late.via))
    expect(String(late.via)).toContain(';keep')
  })

  test('what rings is cancelled once (§9.1), and nothing is left of it', async () => {
    const stack = await call()
    const [late] = slow.heard
    if (late === undefined) throw new Error('no INVITE')
    slow.answer(late, 180)
    slow.answer(late, 183)
    world.advance(0)
    expect(slow.titles.filter(title => title === 'CANCEL')).toHaveLength(1)
    slow.answer(late, 487)
    world.advance(0)
    expect(slow.titles.at(-1)).toBe('ACK')
    world.advance(100_000)
    expect(stack.transactionCount).toBe(0)
    expect(stack.timers.size).toBe(0)
  })

  test('also where the user has cancelled meanwhile: the CANCEL goes out when it rings, with its reasons (RFC 3326)', async () => {
    const stack = await world.stack(CLIENT)
    const told: string[] = []
    const outgoing = stack.send(
      invite(),
      { ...user, onFailure: failure => void told.push(String(failure.status)) },
      { targets: targets('UDP', SLOW, SPARE), targetTimeout: 4000 },
    )
    world.advance(3000)
    outgoing.cancel(new Reason('Q.850'))
    world.advance(1000)
    expect(told).toEqual(['487'])
    const [late] = slow.heard
    if (late === undefined) throw new Error('no INVITE')
    slow.answer(late, 180)
    world.advance(0)
    expect(slow.heard.at(-1)?.all(h.Reason).map(String)).toEqual(['Q.850'])
    expect(slow.titles.at(-1)).toBe('CANCEL')
    slow.answer(late, 487)
    world.advance(100_000)
    expect(spare.heard).toEqual([])
    expect([stack.transactionCount, stack.timers.size]).toEqual([0, 0])
  })

  test('what rings for ever is let go of 64·T1 after its CANCEL', async () => {
    const stack = await call()
    const [late] = slow.heard
    if (late === undefined) throw new Error('no INVITE')
    slow.answer(late, 180)
    world.advance(40_000)
    expect(stack.transactionCount).toBe(0)
    expect(stack.timers.size).toBe(0)
  })

  test('a 2xx without Contact cannot be acknowledged, which is nobody’s mistake here', async () => {
    const stack = await call()
    const [late] = slow.heard
    if (late === undefined) throw new Error('no INVITE')
    slow.answer(late, 200)
    world.advance(0)
    expect(stack.counters.handlerErrors).toBe(0)
    world.advance(100_000)
    expect(stack.transactionCount).toBe(0)
  })
})

test('§13.2.2.4: sendAck answers a handle that sends the same octets again, over a flow where one is given', async () => {
  const stack = await world.stack(CLIENT)
  const finals: string[] = []
  spare.onMessage = message => {
    if (message.isRequest && message.method === 'INVITE') spare.answer(message, 200, 'spare', CONTACT)
  }
  const template = invite()
  const outgoing = stack.send(
    template,
    {
      ...user,
      onFinal(ok) {
        const ack = stack.sendAck(ack2xx(template, ok), outgoing.flow && { flow: outgoing.flow })
        finals.push(`${ack.flow?.address} ${ack.resend()}`)
      },
    },
    { targets: targets('UDP', SPARE) },
  )
  world.advance(0)
  expect(finals).toEqual([`${SPARE} true`])
  const acks = spare.heard.filter(message => message.isRequest && message.method === 'ACK')
  expect(acks).toHaveLength(2)
  expect(acks[0]?.toString()).toBe(acks[1]?.toString())
})
