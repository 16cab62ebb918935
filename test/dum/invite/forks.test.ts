import type { SipMessage } from 'resip/stack'
import { answerTo, type ScriptedPeer, World } from 'resip/testing'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type ClientInviteHandler, DialogUsageManager } from '../../../src/dum/index.ts'
import { portOf, sdp } from '../pair.ts'

let world: World
let dum: DialogUsageManager
let peer: ScriptedPeer
let invite: SipMessage

beforeEach(async () => {
  world = new World({ delay: 10 })
  world.drawnFrom('192.0.2.1')
  const stack = await world.stack('192.0.2.1')
  const profile = { aor: 'sip:alice@192.0.2.1', supported: [], sessionExpires: 0 }
  dum = new DialogUsageManager(stack, { profile })
  peer = await world.peer('192.0.2.2')
  peer.onMessage = message => {
    if (message.isRequest && message.method === 'INVITE') invite = message
    else if (message.isRequest && message.method !== 'ACK') peer.answer(message, 200)
  }
})

afterEach(() => world.close())

/** Answers as a fork would: with a tag, a Contact of its own and, where it accepts, an answer. */
function answer(status: number, tag: string, port: number = 2000): void {
  const contact = `Contact: <sip:${tag}@192.0.2.2>\r\n`
  const { contentType, body } = sdp(port)
  const end = `Content-Type: ${contentType}\r\nContent-Length: ${body.length}\r\n\r\n${body}`
  const wire = answerTo(invite, status, tag, contact)
  peer.send(status < 200 ? wire : wire.replace('Content-Length: 0\r\n\r\n', end), '192.0.2.1')
}

function call(forks: 'end' | 'keep' = 'end', handler: Partial<ClientInviteHandler> = {}) {
  return dum.invite(
    'sip:bob@192.0.2.2',
    { offer: sdp(1000), forks },
    {
      onOffer: (_, offer) => offer.reject(),
      onNewSession: session => world.note(`new ${session.remoteTag}`),
      onAnswer: (session, given) => world.note(`${session.remoteTag} answer ${portOf(given)}`),
      onConnected: session => world.note(`${session.remoteTag} connected`),
      onForkDestroyed: session => world.note(`${session.remoteTag} destroyed`),
      onTerminated: (session, why) => world.note(`${session.remoteTag} ${why.kind}`),
      onFailure: (_, why) => world.note(`failed ${why.kind} ${why.status ?? '-'}`),
      ...handler,
    },
  )
}

function steps(): string[] {
  return world.ladder.map(line => line.replace(/^\d+ /, ''))
}

describe('RFC 3261 §13.2.2.4: a forked INVITE', () => {
  test('the first 2xx is kept, others are ACKed and ended, those that ring are over', () => {
    call()
    world.advance(20)
    answer(180, 'one')
    answer(180, 'two')
    answer(180, 'three')
    world.advance(100)
    world.ladder.length = 0
    answer(200, 'two', 2002)
    world.advance(1000)
    answer(200, 'one', 2001)
    world.advance(1000)
    expect(steps()).toEqual([
      '← 200',
      'two answer 2002',
      '→ ACK',
      'two connected',
      'one destroyed',
      'three destroyed',
      '← 200',
      '→ ACK',
      '→ BYE',
      '← 200',
    ])
    expect(dum.dialogCount).toBe(1)
  })

  test('all that accept are kept where the application wants them', () => {
    const made = call('keep')
    world.advance(20)
    answer(200, 'one', 2001)
    world.advance(100)
    answer(200, 'two', 2002)
    world.advance(40_000)
    expect(steps()).toEqual([
      '→ INVITE',
      '← 200',
      'new one',
      'one answer 2001',
      '→ ACK',
      'one connected',
      '← 200',
      'new two',
      'two answer 2002',
      '→ ACK',
      'two connected',
    ])
    world.ladder.length = 0
    made.end()
    world.advance(40_000)
    expect(steps()).toEqual(['→ BYE', 'one LocalBye', '→ BYE', 'two LocalBye', '← 200', '← 200'])
    expect(dum.dialogCount).toBe(0)
  })

  test('RFC 6228: 199 ends one fork alone', () => {
    call()
    world.advance(20)
    answer(180, 'one')
    answer(180, 'two')
    answer(199, 'one')
    world.advance(100)
    expect(steps().slice(1)).toEqual(['← 180', '← 180', '← 199', 'new one', 'new two', 'one destroyed'])
  })

  test('§9.1: all that ring are cancelled by one CANCEL, and told once', () => {
    const made = call()
    world.advance(20)
    answer(180, 'one')
    answer(180, 'two')
    world.advance(100)
    world.ladder.length = 0
    made.end()
    world.advance(50)
    answer(487, 'one')
    world.advance(40_000)
    expect(steps()).toEqual(['failed LocalCancel -', '→ CANCEL', '← 200', '← 487', '→ ACK'])
    expect(dum.dialogCount).toBe(0)
  })

  test('a provisional response without To tag makes no dialog', () => {
    call('end', {
      onNonDialogCreatingProvisional: (_, response) => world.note(`no dialog ${response.status}`),
    })
    world.advance(20)
    peer.send(answerTo(invite, 183).replace(';tag=peer', ''), '192.0.2.1')
    world.advance(100)
    expect(steps()).toEqual(['→ INVITE', '← 183', 'no dialog 183'])
  })
})
