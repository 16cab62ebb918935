import { expect, test } from 'vitest'
import { text, Watching } from '../watching.ts'

const bob = 'sip:bob@192.0.2.2'

test('RFC 3428 §8: one MESSAGE a target is under way, the rest in order behind it', async () => {
  const pair = await Watching.make()
  pair.bob.onMessage({ onMessageArrived: (_, body) => pair.world.note(`bob: ${body?.text}`) })
  const note = (what: string) => ({ onSuccess: () => pair.world.note(`alice: ${what} delivered`) })
  pair.alice.message(bob, text('1'), {}, note('1'))
  const second = pair.alice.message(bob, text('2'), {}, note('2'))
  expect(second.state).toBe('waiting')
  pair.advance(1000)
  expect(pair.ladder).toEqual([
    '0 → MESSAGE',
    '10 bob: 1',
    '10 ← 200',
    '20 → MESSAGE',
    '20 alice: 1 delivered',
    '30 bob: 2',
    '30 ← 200',
    '40 alice: 2 delivered',
  ])
  expect(second.state).toBe('over')
  expect(pair.sent('MESSAGE', 0)).not.toContain('Contact:')
  await pair.close()
})

test('RFC 3428 §8: the line is bounded; another target has its own', async () => {
  const pair = await Watching.make()
  pair.bob.onMessage({ onMessageArrived: () => {} })
  for (let waiting = 0; waiting < 33; waiting++) pair.alice.message(bob, text('x'))
  expect(() => pair.alice.message(bob, text('x'))).toThrow(/32 messages wait/)
  expect(pair.alice.message('sip:carol@192.0.2.2', text('x')).state).toBe('sent')
  pair.advance(10_000)
  expect(pair.steps.filter(step => step === '← 200')).toHaveLength(34)
  await pair.close()
})

test('RFC 3428 §8: more than 1,300 octets only where every hop is safe', async () => {
  const pair = await Watching.make()
  const large = text('x'.repeat(1000))
  expect(() => pair.alice.message(bob, large)).toThrow(/octets, more than 1300/)
  expect(pair.ladder).toEqual([])
  expect(pair.alice.message(bob, large, { congestionSafe: true }).state).toBe('sent')
  await pair.close()
})

test('RFC 3428 §7: refused by its handler, 202 for later, 405 where nobody takes any, 415 and 413', async () => {
  const pair = await Watching.make({}, { accept: { MESSAGE: ['text/*'], '*': ['*/*'] } })
  const heard: string[] = []
  const send = (body = text('x')) => {
    pair.alice.message(
      bob,
      body,
      { congestionSafe: true },
      {
        onSuccess: (_, response) => heard.push(`${response.status}`),
        onFailure: (_, status) => heard.push(`failed ${status}`),
      },
    )
    pair.advance(1000)
  }
  send()
  pair.bob.onMessage({ onMessageArrived: (_message, _body, reply) => reply.reject(486) })
  send()
  pair.bob.onMessage({ onMessageArrived: (_message, _body, reply) => reply.accept(202) })
  send()
  send({ contentType: 'application/x-y', body: 'x' })
  pair.bob.onMessage({
    onMessageArrived: () => {
      throw new Error('in the handler')
    },
  })
  send()
  expect(heard).toEqual(['failed 405', 'failed 486', '202', 'failed 415', 'failed 500'])
  await pair.close()
})

test('RFC 3428 §8: a lost MESSAGE is sent again, and one that nobody answers lets the next go', async () => {
  const pair = await Watching.make()
  pair.bob.onMessage({ onMessageArrived: (_, body) => pair.world.note(`bob: ${body?.text}`) })
  pair.world.network.isLost = ({ wire }) => wire.includes('\r\n\r\nlost')
  pair.alice.message(bob, text('lost'), {}, { onFailure: (_, status) => pair.world.note(`failed ${status}`) })
  pair.alice.message(bob, text('next'))
  pair.advance(40_000)
  expect(pair.steps.slice(-4)).toEqual(['→ MESSAGE', 'failed 408', 'bob: next', '← 200'])
  await pair.close()
})
