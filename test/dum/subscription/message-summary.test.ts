import { expect, test } from 'vitest'
import { type MessageSummary, messageSummary, simpleMessageSummary, stateOf } from '../../../src/dum/index.ts'
import { Watching } from '../watching.ts'

const example = [
  'Messages-Waiting: yes',
  'Message-Account: sip:alice@vmail.example.com',
  'Voice-Message: 4/8 (1/2)',
  'Fax-Message: 0/1',
  '',
  'To: <alice@atlanta.example.com>',
  'From: <bob@biloxi.example.com>',
  'Subject: carpool tomorrow?',
  '',
  'Subject: HELP!',
  '',
].join('\r\n')

const summary: MessageSummary = {
  waiting: true,
  account: 'sip:alice@vmail.example.com',
  counts: [
    { kind: 'voice-message', new: 4, old: 8, urgentNew: 1, urgentOld: 2 },
    { kind: 'fax-message', new: 0, old: 1 },
  ],
  messages: [
    [
      ['To', '<alice@atlanta.example.com>'],
      ['From', '<bob@biloxi.example.com>'],
      ['Subject', 'carpool tomorrow?'],
    ],
    [['Subject', 'HELP!']],
  ],
}

test('RFC 3842 §5.2: a body with account, counts and headers of messages, read and written', () => {
  const { type } = simpleMessageSummary
  expect(simpleMessageSummary.parse(Buffer.from(example), type)).toEqual(summary)
  expect(simpleMessageSummary.encode(summary)).toBe(example)
})

test('RFC 3842 §5.2: case does not count, nor spaces; bare line feeds are taken', () => {
  const body = Buffer.from('MESSAGES-WAITING : No\nvoice-message : 0 / 3 ( 0/0 )\n')
  expect(simpleMessageSummary.parse(body, simpleMessageSummary.type)).toEqual({
    waiting: false,
    counts: [{ kind: 'voice-message', new: 0, old: 3, urgentNew: 0, urgentOld: 0 }],
    messages: [],
  })
})

test.each([
  '',
  'Voice-Message: 1/2',
  'Messages-Waiting: yes\r\nVoice-Message: many',
  'Messages-Waiting: yes\r\nx',
])('RFC 3842 §5.2: %j is none', body => {
  expect(() => simpleMessageSummary.parse(Buffer.from(body), simpleMessageSummary.type)).toThrow()
})

test('RFC 3842 §5.2: a value with a line end is not written', () => {
  const account = 'sip:a@b\r\nVoice-Message: 9/9'
  expect(() => simpleMessageSummary.encode({ ...summary, account })).toThrow(/line end/)
})

test('RFC 3842 §3: a mailbox is watched; NOTIFYs of another type get 415', async () => {
  const pair = await Watching.make()
  pair.bob.onSubscribe(messageSummary, {
    onNewSubscription: subscription => {
      pair.watched = subscription
      subscription.grant(stateOf(messageSummary, summary))
    },
    onNotifyRejected: (_, response) => pair.world.note(`bob: ${response.status}`),
  })
  const heard: (MessageSummary | undefined)[] = []
  pair.alice.subscribe(
    'sip:bob@192.0.2.2',
    messageSummary,
    {},
    {
      onUpdateActive: (_, notify) => heard.push(notify.contents(messageSummary)),
    },
  )
  pair.advance(100)
  expect(heard).toEqual([summary])
  expect(pair.sent('SUBSCRIBE', 0)).toContain('Accept: application/simple-message-summary\r\n')
  pair.watched?.publish({ contentType: 'text/html', body: 'x' })
  pair.advance(100)
  expect(pair.steps.at(-1)).toBe('bob: 415')
  expect(heard).toHaveLength(1)
  await pair.close()
})
