import { h } from 'resip/stack'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Callee } from '../../examples/uas.mjs'
import { lines, type Peer, requestText, title, World } from '../stack/world.ts'

const UAS = '192.0.2.2'
const CONTACT = 'Contact: <sip:alice@192.0.2.1:5060>\r\n'

let world: World
let alice: Peer
let callee: Callee

beforeEach(async () => {
  world = new World()
  alice = await world.peer('192.0.2.1')
  callee = new Callee(await world.stack(UAS))
})

afterEach(() => world.close())

/** The messages of one kind that the callee sent, with the time at which each left. */
function sent(kind: string): number[] {
  return world.ladder.filter(line => line.endsWith(` ← ${kind}`)).map(line => Number.parseInt(line, 10))
}

function call(extra: string = CONTACT): string {
  world.drawnFrom('192.0.2.1')
  alice.send(requestText('INVITE', { extra }), UAS)
  world.advance(100)
  const ok = alice.heard.find(message => title(message.toString()) === '200')
  return ok?.to.tag ?? ''
}

describe('examples/uas.mjs', () => {
  it('RFC 3261 §13.3.1.4: the 2xx goes out from T1 up to T2, and after 64·T1 without an ACK a BYE ends the call', () => {
    const tag = call(
      `${CONTACT}Record-Route: <sip:192.0.2.1;lr;first>\r\nRecord-Route: <sip:192.0.2.9;lr>\r\n`,
    )
    expect(callee.calls.size).toBe(1)
    world.advance(40_000)
    const start = sent('180')[0] ?? 0
    expect(sent('200').map(time => time - start)).toEqual([
      0, 500, 1_500, 3_500, 7_500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500,
    ])
    expect((sent('BYE')[0] ?? 0) - start).toBe(32_000)
    expect(callee.calls.size).toBe(0)
    const bye = world.wires.find(wire => wire.startsWith('BYE ')) ?? ''
    expect(bye).toMatch(/^BYE sip:alice@192\.0\.2\.1:5060 SIP\/2\.0\r\n/)
    expect(lines(bye, 'From')).toEqual([`<sip:bob@example.com>;tag=${tag}`])
    expect(lines(bye, 'To')).toEqual(['<sip:alice@example.com>;tag=alice'])
    expect(lines(bye, 'Call-ID')).toEqual(['call-1'])
    // the order of a UAS is that of the INVITE (§12.1.1)
    expect(lines(bye, 'Route')).toEqual(['<sip:192.0.2.1;lr;first>', '<sip:192.0.2.9;lr>'])
  })

  it('RFC 3261 §13.3.1.4: an ACK ends the retransmissions, and the call stays until a BYE', () => {
    const tag = call()
    world.advance(1_000)
    const before = sent('200').length
    alice.send(requestText('ACK', { toTag: tag, branch: 'z9hG4bKack' }), UAS)
    world.advance(60_000)
    expect([sent('200').length, sent('BYE'), callee.calls.size]).toEqual([before, [], 1])
    alice.send(requestText('BYE', { toTag: tag, branch: 'z9hG4bKbye', cseq: 2 }), UAS)
    world.advance(100)
    expect([callee.calls.size, sent('200').length]).toEqual([0, before + 1])
  })

  it('RFC 3261 §14.2, §21.4.6: a re-INVITE leaves the call as it is, 405 names what is allowed, 481 is for no call', () => {
    const tag = call()
    alice.send(requestText('ACK', { toTag: tag, branch: 'z9hG4bKack' }), UAS)
    const say = (method: string, toTag: string): unknown => {
      alice.send(requestText(method, { toTag, branch: `z9hG4bK${method}${toTag}`, cseq: 2 }), UAS)
      world.advance(10)
      const answer = alice.heard.at(-1)
      return [answer?.isResponse && answer.status, answer?.all(h.Allow).length]
    }
    expect(say('INVITE', tag)).toEqual([488, 0])
    expect(say('INFO', tag)).toEqual([405, 5])
    expect(say('INFO', 'nobody')).toEqual([481, 0])
    expect(callee.calls.size).toBe(1)
  })

  it('RFC 3261 §15.1.2: a BYE before the ACK ends the call and the retransmissions', () => {
    const tag = call()
    alice.send(requestText('BYE', { toTag: tag, branch: 'z9hG4bKbye', cseq: 2 }), UAS)
    world.advance(100)
    const before = sent('200').length
    world.advance(60_000)
    expect([sent('200').length, sent('BYE'), callee.calls.size]).toEqual([before, [], 0])
  })

  it('a caller without a Contact, whom no BYE reaches, is forgotten all the same', () => {
    call('')
    world.advance(60_000)
    expect([sent('BYE'), callee.calls.size]).toEqual([[], 0])
    expect(world.timers.size).toBe(0)
  })
})
