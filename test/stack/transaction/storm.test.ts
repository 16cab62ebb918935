import { h, type SipStack } from 'resip/stack'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { lines, type Peer, requestText, targets, World } from '../world.ts'

const UAC = '192.0.2.1'
const PROXY = '192.0.2.2'
const UAS = '192.0.2.3'

/** What a peer can put into the headers that ACK and CANCEL take over. */
const garbage = [
  ['Route', 'Route: <sip:192.0.2.3;lr>\r\nRoute: <<garbage\r\n'],
  ['Authorization', 'Authorization: "\\\r\n'],
] as const

let world: World

beforeEach(() => {
  world = new World()
  world.drawnFrom(PROXY)
})

afterEach(() => world.close())

/** A proxy of a user's own: what comes is sent on in a transaction. */
async function proxy(): Promise<SipStack> {
  const stack = await world.stack(PROXY)
  const user = { onFinal() {}, onFailure() {} }
  stack.onRequest(transaction => {
    const outgoing = stack.send(
      transaction.request.forward(),
      {
        ...user,
        onProvisional: response => void (response.status === 183 && outgoing.cancel()),
        onFinal: response => void transaction.respond(response.status),
      },
      { targets: targets('UDP', UAS) },
    )
  })
  return stack
}

async function callThrough(extra: string): Promise<Peer> {
  const caller = await world.peer(UAC)
  const callee = await world.peer(UAS)
  caller.send(requestText('INVITE', { uri: 'sip:bob@192.0.2.3', extra }), PROXY)
  world.advance(0)
  return callee
}

test.each(garbage)(
  'RFC 3261 §17.1.1.3: a malformed %s, and each 486 is answered with one ACK, never with the INVITE',
  async (_, extra) => {
    const stack = await proxy()
    const callee = await callThrough(extra)
    const [invite] = callee.heard
    if (invite === undefined) throw new Error('no INVITE')
    for (let times = 0; times < 50; times++) {
      callee.answer(invite, 486)
      world.advance(100)
    }
    expect(callee.titles.filter(title => title === 'INVITE')).toHaveLength(1)
    expect(callee.titles.filter(title => title === 'ACK')).toHaveLength(50)
    const ack = callee.heard.at(-1)?.toString() ?? ''
    expect(lines(ack, 'Route')).toEqual(
      lines(extra.includes('Route') ? `x\r\n${extra}\r\n\r\n` : '', 'Route'),
    )
    expect(lines(ack, 'Via')).toEqual(lines(invite.toString(), 'Via').slice(0, 1))
    world.advance(100_000)
    expect(stack.transactionCount).toBe(0)
    expect(stack.timers.size).toBe(0)
  },
)

test.each(garbage)('§9.1: a malformed %s, and CANCEL goes out as for any other', async (_, extra) => {
  const stack = await proxy()
  const callee = await callThrough(extra)
  const [invite] = callee.heard
  if (invite === undefined) throw new Error('no INVITE')
  callee.answer(invite, 183)
  world.advance(0)
  expect(callee.titles).toEqual(['INVITE', 'CANCEL'])
  expect(callee.heard[1]?.try(h.CSeq).value?.method).toBe('CANCEL')
  callee.answer(invite, 487)
  world.advance(0)
  expect(callee.titles.at(-1)).toBe('ACK')
  world.advance(100_000)
  expect(stack.transactionCount).toBe(0)
})

test('§8.2: what cannot be sent on because of what the peer wrote is answered with what that error suggests', async () => {
  const stack = await proxy()
  const caller = await world.peer(UAC)
  caller.send(requestText('INVITE', { uri: 'sip:bob@192.0.2.3', extra: 'Route: ;;;,,,\r\n' }), PROXY)
  world.advance(0)
  expect(caller.titles).toEqual(['400'])
  expect(stack.counters.handlerErrors).toBe(1)
})
