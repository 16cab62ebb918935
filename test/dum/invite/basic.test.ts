import { SipStack } from 'resip/stack'
import { World } from 'resip/testing'
import { expect, test } from 'vitest'
import { DialogUsageManager, type ServerInviteSession } from '../../../src/dum/index.ts'

const sdp = (port: number) => ({
  contentType: 'application/sdp',
  body: `v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio ${port} RTP/AVP 0\r\n`,
})

test('RFC 3665 §3.1: a call, answered and hung up', async () => {
  const world = new World({ delay: 10 })
  world.drawnFrom('192.0.2.1')
  const alice = new DialogUsageManager(await world.stack('192.0.2.1'), {
    profile: { aor: 'sip:alice@192.0.2.1' },
  })
  const bob = new DialogUsageManager(await world.stack('192.0.2.2'), {
    profile: { aor: 'sip:bob@192.0.2.2' },
  })
  let callee: ServerInviteSession | undefined
  bob.onInvite({
    onNewSession: session => session.provisional(180),
    onOffer(session, offer) {
      offer.answer(sdp(2000))
      if (session.state === 'early') session.accept()
    },
    onConnectedConfirmed: session => {
      callee = session
      world.note('bob confirmed')
    },
    onTerminated: (_, why) => world.note(`bob ${why.kind}`),
  })
  const call = alice.invite(
    'sip:bob@192.0.2.2',
    { offer: sdp(1000) },
    {
      onOffer: (_, offer) => offer.reject(),
      onAnswer: (_, answer) => world.note(`answer ${answer.text.includes('2000')}`),
      onConnected: () => world.note('alice connected'),
      onTerminated: (_, why) => world.note(`alice ${why.kind}`),
      onFailure: (_, why) => world.note(`alice failed ${why.status}`),
    },
  )
  world.advance(1000)
  console.log(world.ladder.join('\n'))
  callee?.offer(sdp(3000), {
    answer: () => world.note('reinvite answered'),
    reject: s => world.note(`reinvite ${s}`),
  })
  world.advance(1000)
  call.end()
  world.advance(60_000)
  console.log(world.ladder.join('\n'))
  console.log(alice.dialogCount, bob.dialogCount, alice.counters, bob.counters)
  await world.close()
})
