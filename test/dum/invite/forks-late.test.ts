import type { SipMessage } from 'resip/stack'
import { answerTo, type ScriptedPeer, World } from 'resip/testing'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { DialogUsageManager, type ServerInviteSession } from '../../../src/dum/index.ts'
import { Pair, sdp } from '../pair.ts'

test('RFC 3261 §12.2.1.1: the BYE to a 2xx that crossed the CANCEL has a higher CSeq number than the PRACKs', async () => {
  const pair = await Pair.make()
  pair.answering({
    onNewSession: session => {
      pair.callee = session
    },
    onOffer: (session, offer) => {
      offer.answer(sdp(2000))
      for (const status of [180, 183, 182]) (session as ServerInviteSession).provisional(status)
    },
  })
  const call = pair.calling()
  pair.advance(1000)
  pair.callee?.accept()
  call.end()
  pair.advance(60_000)
  expect(pair.ladder.some(line => line.includes('500'))).toBe(false)
  expect(pair.left).toBe(0)
  await pair.close()
})

describe('RFC 3261 §13.2.2: responses that nobody waits for', () => {
  let world: World
  let dum: DialogUsageManager
  let peer: ScriptedPeer
  let invite: SipMessage

  beforeEach(async () => {
    world = new World({ delay: 10 })
    world.drawnFrom('192.0.2.1')
    const stack = await world.stack('192.0.2.1')
    const profile = { aor: 'sip:alice@192.0.2.1', supported: [], sessionExpires: 0 }
    dum = new DialogUsageManager(stack, { profile, limits: { maxForks: 2 } })
    peer = await world.peer('192.0.2.2')
    peer.onMessage = message => {
      if (message.isRequest && message.method === 'INVITE') invite = message
      else if (message.isRequest && message.method !== 'ACK') peer.answer(message, 200)
    }
  })

  afterEach(() => world.close())

  function wireOf(status: number, tag: string): string {
    const { contentType, body } = sdp(2000)
    const end = `Content-Type: ${contentType}\r\nContent-Length: ${body.length}\r\n\r\n${body}`
    const wire = answerTo(invite, status, tag, `Contact: <sip:${tag}@192.0.2.2>\r\n`)
    return status < 200 ? wire : wire.replace('Content-Length: 0\r\n\r\n', end)
  }

  function answer(status: number, tag: string): void {
    peer.send(wireOf(status, tag), '192.0.2.1')
  }

  function call() {
    return dum.invite(
      'sip:bob@192.0.2.2',
      { offer: sdp(1000) },
      {
        onOffer: (_, offer) => offer.reject(),
        onNewSession: session => world.note(`new ${session.remoteTag}`),
        onProvisional: (session, { status }) => world.note(`${session.remoteTag} ${status}`),
        onNonDialogCreatingProvisional: () => world.note('no dialog'),
        onConnected: session => world.note(`${session.remoteTag} connected`),
        onForkDestroyed: session => world.note(`${session.remoteTag} destroyed`),
        onTerminated: (session, why) => world.note(`${session.remoteTag} ${why.kind}`),
        onFailure: (_, why) => world.note(`failed ${why.kind} ${why.status ?? '-'}`),
      },
    )
  }

  /** What was told, without times and messages. */
  function told(): string[] {
    return world.ladder.map(line => line.replace(/^\d+ /, '')).filter(line => !/^[→←]/.test(line))
  }

  test('§9.1: a provisional response after the end is told nobody', () => {
    const made = call()
    world.advance(20)
    answer(180, 'one')
    world.advance(100)
    made.end()
    answer(180, 'one')
    answer(183, 'two')
    world.advance(100)
    expect(told()).toEqual(['new one', 'one 180', 'failed LocalCancel -'])
    answer(487, 'one')
    world.advance(40_000)
    expect(dum.dialogCount).toBe(0)
  })

  test('a fork above maxForks that accepts first is taken all the same; one that accepts later is ACKed and ended', () => {
    call()
    world.advance(20)
    answer(180, 'one')
    answer(180, 'two')
    answer(200, 'three')
    world.advance(100)
    expect(told().at(-1)).toBe('two destroyed')
    expect(told()).toContain('three connected')
    world.ladder.length = 0
    for (const tag of ['four', 'five', 'six']) answer(200, tag)
    world.advance(1000)
    expect(world.ladder.filter(line => line.includes('BYE')).length).toBe(3)
    expect(world.ladder.filter(line => line.includes('ACK')).length).toBe(3)
  })

  test('§12.1.2: a 2xx without To tag makes a dialog whose tag is null', () => {
    call()
    world.advance(20)
    peer.send(wireOf(200, 'x').replace(';tag=x', ''), '192.0.2.1')
    world.advance(100)
    expect(told()).toContain(' connected')
    expect(world.wires.at(-1)).toMatch(/^ACK /)
  })

  test('§12.1.2: a 2xx without Contact is acknowledged at the Request-URI, and counted', () => {
    call()
    world.advance(20)
    peer.send(wireOf(200, 'x').replace(/Contact: .*\r\n/, ''), '192.0.2.1')
    world.advance(100)
    expect(told()).toContain('x connected')
    expect(world.wires.at(-1)).toMatch(/^ACK sip:bob@192\.0\.2\.2 /)
    expect(dum.counters.withoutContact).toBe(1)
  })

  test('§13.2.2.4: the ACK goes by the flow that the 2xx came by, where its Contact leads nowhere', () => {
    call()
    world.advance(20)
    peer.send(wireOf(200, 'x').replace(/@192.0.2.2>\r\n/, '@a1b2.invalid>\r\n'), '192.0.2.1')
    world.advance(100)
    expect(world.wires.at(-1)).toMatch(/^ACK sip:x@a1b2\.invalid /)
  })
})
