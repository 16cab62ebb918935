import { answerTo, World } from 'resip/testing'
import { expect, test } from 'vitest'
import { DialogUsageManager } from '../../src/dum/index.ts'
import { sdp } from './pair.ts'

test('maxBody: an INVITE, and a re-INVITE, with a larger body gets 413; a BYE ends its call', async () => {
  const world = new World({ delay: 10 })
  const stack = await world.stack('192.0.2.1')
  const profile = { aor: 'sip:alice@192.0.2.1', supported: [], sessionExpires: 0 }
  const dum = new DialogUsageManager(stack, { profile, limits: { maxBody: 200 } })
  dum.onInvite({ onOffer: (_, offer) => offer.answer(sdp(2000)) })
  const peer = await world.peer('192.0.2.2')
  const statuses: number[] = []
  let tag = ''
  peer.onMessage = message => {
    if (message.isRequest) peer.send(answerTo(message, 200), '192.0.2.1')
    else if (message.status >= 200) {
      statuses.push(message.status)
      tag = message.to.tag ?? ''
    }
  }
  const send = (method: string, cseq: number, body: string, to: string = '', of: string = method): void => {
    peer.send(
      `${method} sip:alice@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.2:5060;branch=z9hG4bK${of}${cseq}\r\nMax-Forwards: 70\r\nFrom: <sip:bob@192.0.2.2>;tag=b\r\nTo: <sip:alice@192.0.2.1>${to}\r\nCall-ID: c\r\nCSeq: ${cseq} ${method}\r\nContact: <sip:bob@192.0.2.2>\r\nContent-Type: application/sdp\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
      '192.0.2.1',
    )
    world.advance(100)
  }
  const large = `${sdp(1000).body}a=${'x'.repeat(200)}\r\n`
  send('INVITE', 1, large)
  expect(statuses.splice(0)).toEqual([413])
  send('ACK', 1, '', `;tag=${tag}`, 'INVITE')
  send('INVITE', 2, sdp(1000).body)
  const dialog = `;tag=${tag}`
  send('ACK', 2, '', dialog)
  expect(statuses.splice(0)).toEqual([200])
  send('INVITE', 3, large, dialog)
  send('ACK', 3, '', dialog, 'INVITE')
  send('INFO', 4, large, dialog)
  expect(statuses.splice(0)).toEqual([413, 413])
  send('BYE', 5, large, dialog)
  expect(statuses).toEqual([200])
  expect(dum.dialogCount).toBe(0)
  await world.close()
})
