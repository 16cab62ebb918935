import { expect, test } from 'vitest'
import { text, Watching } from '../watching.ts'

test('RFC 6665 §4.1.2, §4.2.2: subscribed, told, refreshed before expiry, unsubscribed with a last NOTIFY', async () => {
  const pair = await Watching.make()
  pair.serving()
  const subscription = pair.watching()
  pair.advance(1000)
  pair.watched?.publish(text('closed'))
  pair.advance(560_000)
  expect(subscription.state).toBe('active')
  expect(subscription.expiresIn).toBeGreaterThan(500)
  const refreshAt = Number(
    pair.ladder.find((line, at) => at > 4 && line.endsWith('→ SUBSCRIBE'))?.split(' ')[0],
  )
  expect(refreshAt).toBeGreaterThanOrEqual(480_000)
  expect(refreshAt).toBeLessThanOrEqual(540_020)
  subscription.end()
  pair.advance(1000)
  expect(pair.steps).toEqual([
    '→ SUBSCRIBE',
    '← 200',
    '← NOTIFY',
    'alice: new',
    'alice: active open',
    '→ 200',
    '← NOTIFY',
    'alice: active closed',
    '→ 200',
    '→ SUBSCRIBE',
    '← 200',
    'bob: refresh',
    '← NOTIFY',
    'alice: active closed',
    '→ 200',
    '→ SUBSCRIBE',
    '← 200',
    'bob: expired by client',
    '← NOTIFY',
    'alice: terminated remote timeout closed',
    '→ 200',
    'bob: terminated remote timeout',
  ])
  expect(pair.sent('SUBSCRIBE', 0)).toContain('Expires: 600\r\n')
  expect(pair.sent('SUBSCRIBE', -1)).toContain('Expires: 0\r\n')
  expect(pair.sent('NOTIFY', 0)).toContain('Subscription-State: active;expires=600\r\n')
  expect(pair.sent('NOTIFY', -1)).toContain('Subscription-State: terminated;reason=timeout\r\n')
  expect(() => subscription.refresh()).toThrow(/is over/)
  expect(pair.left).toBe(0)
  await pair.close()
})

test('RFC 6665 §4.4.3: asked once, by Expires 0', async () => {
  const pair = await Watching.make()
  pair.serving()
  pair.watching({}, { expires: 0 })
  pair.advance(40_000)
  expect(pair.steps).toEqual([
    '→ SUBSCRIBE',
    '← 200',
    '← NOTIFY',
    'alice: new',
    'alice: terminated remote timeout open',
    '→ 200',
    'bob: terminated remote timeout',
  ])
  expect(pair.left).toBe(0)
  await pair.close()
})

test('RFC 6665 §4.2.1.3: held, then authorised; who is held sees no state and no change of it', async () => {
  const pair = await Watching.make()
  pair.serving({
    onNewSubscription: subscription => {
      pair.watched = subscription
      subscription.hold()
    },
  })
  pair.watching()
  pair.advance(100)
  pair.watched?.publish(text('secret'))
  pair.advance(100)
  expect(pair.steps.filter(step => step.startsWith('alice'))).toEqual(['alice: new', 'alice: pending -'])
  pair.watched?.grant()
  pair.advance(100)
  expect(pair.steps.at(-2)).toBe('alice: active secret')
  await pair.close()
})

test('RFC 6665 §4.2.1.1: a handler that leaves it undecided holds it; one that throws answers 500', async () => {
  const pair = await Watching.make()
  pair.serving({ onNewSubscription: () => {} })
  pair.watching()
  pair.advance(100)
  expect(pair.steps).toContain('alice: pending -')
  pair.serving({
    onNewSubscription: () => {
      throw new Error('in the handler')
    },
  })
  pair.watching()
  pair.advance(100)
  expect(pair.steps.slice(-2)).toEqual(['← 500', 'alice: terminated remote 500 -'])
  expect(pair.bob.counters.handlerErrors).toBe(1)
  await pair.close()
})

test('RFC 6665 §4.2.1.3: rejected at once, and after it was held', async () => {
  const pair = await Watching.make()
  pair.serving({ onNewSubscription: subscription => subscription.reject(603) })
  pair.watching()
  pair.advance(100)
  expect(pair.steps).toEqual(['→ SUBSCRIBE', '← 603', 'alice: terminated remote 603 -'])
  pair.serving({
    onNewSubscription: subscription => {
      subscription.hold()
      pair.watched = subscription
    },
  })
  pair.watching()
  pair.advance(100)
  pair.watched?.reject()
  pair.advance(100)
  expect(pair.sent('NOTIFY', -1)).toContain('Subscription-State: terminated;reason=rejected\r\n')
  expect(pair.steps).toContain('alice: terminated remote rejected -')
  expect(pair.left).toBe(0)
  await pair.close()
})

test('RFC 6665 §4.2.1.1: 423 with the least interval, which the next SUBSCRIBE and the refreshes ask for', async () => {
  const pair = await Watching.make()
  pair.serving({}, { min: 120 })
  const subscription = pair.watching({}, { expires: 30 })
  pair.advance(110_000)
  expect(pair.steps.slice(0, 5)).toEqual(['→ SUBSCRIBE', '← 423', '→ SUBSCRIBE', '← 200', '← NOTIFY'])
  expect(pair.steps.filter(step => step === '← 423')).toHaveLength(1)
  expect(pair.steps).toContain('bob: refresh')
  expect(pair.sent('SUBSCRIBE', -1)).toContain('Expires: 120\r\n')
  expect(subscription.state).toBe('active')
  await pair.close()
})

test('RFC 6665 §4.2.1.4: what nobody refreshes is ended by a NOTIFY with reason timeout', async () => {
  const pair = await Watching.make()
  pair.serving({}, { max: 100 })
  pair.watching()
  pair.advance(100)
  expect(pair.watched?.expiresIn).toBe(100)
  pair.world.network.isLost = ({ wire }) => wire.startsWith('SUBSCRIBE')
  pair.advance(100_000)
  expect(pair.sent('NOTIFY', -1)).toContain('Subscription-State: terminated;reason=timeout\r\n')
  expect(pair.steps).toContain('bob: expired')
  expect(pair.steps).toContain('bob: terminated timer timeout')
  await pair.close()
})

test('RFC 6665 §4.2.2: one NOTIFY at a time, then the newest state alone', async () => {
  const pair = await Watching.make()
  pair.serving()
  pair.watching()
  pair.advance(100)
  pair.watched?.publish(text('1'))
  pair.watched?.publish(text('2'))
  let made = 0
  pair.watched?.publish(() => text(`3, made ${++made} times`))
  pair.advance(100)
  expect(pair.steps.filter(step => step.startsWith('alice: active'))).toEqual([
    'alice: active open',
    'alice: active 1',
    'alice: active 3, made 1 times',
  ])
  await pair.close()
})

test('RFC 6665 §4.2.2: 481 to a NOTIFY ends it, and 500 does not', async () => {
  const pair = await Watching.make()
  pair.serving()
  let status = 500
  pair.watching({ onUpdateActive: (_, notify) => notify.reject(status) })
  pair.advance(100)
  expect(pair.watched?.state).toBe('active')
  status = 481
  pair.watched?.publish(text('x'))
  pair.advance(100)
  expect(pair.steps.filter(step => step.startsWith('bob'))).toEqual([
    'bob: rejected 500',
    'bob: rejected 481',
    'bob: terminated remote 481',
  ])
  expect(pair.bob.dialogCount).toBe(0)
  expect(() => pair.watched?.publish(text('y'))).toThrow(/is over/)
  await pair.close()
})

test('RFC 6665 §4.2.2: a NOTIFY without an answer (Timer F) ends it', async () => {
  const pair = await Watching.make()
  pair.serving()
  pair.watching()
  pair.advance(100)
  pair.world.network.isLost = ({ wire }) => wire.startsWith('NOTIFY')
  pair.watched?.publish(text('x'))
  pair.advance(33_000)
  expect(pair.steps.slice(-2)).toEqual(['bob: error', 'bob: terminated network 408'])
  await pair.close()
})

test('RFC 6665 §4.1.2.2: a refresh that is answered 481 is followed by a new subscription in a dialog of its own', async () => {
  const pair = await Watching.make()
  pair.serving()
  const subscription = pair.watching()
  pair.advance(100)
  pair.world.network.isLost = ({ wire }) => wire.startsWith('NOTIFY')
  pair.watched?.publish(text('x'))
  pair.advance(33_000)
  pair.world.network.isLost = () => false
  subscription.refresh()
  pair.advance(100)
  expect(pair.steps.slice(-8)).toEqual([
    '→ SUBSCRIBE',
    '← 481',
    '→ SUBSCRIBE',
    '← 200',
    '← NOTIFY',
    'alice: new',
    'alice: active open',
    '→ 200',
  ])
  const callId = (wire: string) => /Call-ID: (.*)/.exec(wire)?.[1]
  expect(callId(pair.sent('SUBSCRIBE', -1))).not.toBe(callId(pair.sent('SUBSCRIBE', -2)))
  subscription.end()
  pair.advance(40_000)
  expect(pair.left).toBe(0)
  await pair.close()
})

test('RFC 6665 §8.2.1, §3.1.1: 489 with Allow-Events, 406, 400 without Contact; 403 for another event in the dialog', async () => {
  const pair = await Watching.make()
  pair.serving()
  pair.bob.onSubscribe(
    { name: 'dialog', accepts: ['application/dialog-info+xml'] },
    { onNewSubscription: s => s.grant() },
  )
  const failed = (event: string | { name: string; accepts: string[] }) =>
    pair.alice.subscribe(
      'sip:bob@192.0.2.2',
      event,
      {},
      {
        onTerminated: (_, end) => pair.world.note(`alice: ${end.status}`),
      },
    )
  failed('winfo')
  pair.advance(100)
  expect(pair.steps.slice(-2)).toEqual(['← 489', 'alice: 489'])
  expect(pair.world.wires.at(-1)).toContain('Allow-Events: presence, dialog\r\n')
  failed({ name: 'dialog', accepts: ['text/plain'] })
  pair.advance(100)
  expect(pair.steps.slice(-1)).toEqual(['alice: 406'])
  const peer = await pair.world.peer('192.0.2.3')
  const subscribe = (event: string, tag: string, cseq: number, callId: string, contact: string) =>
    peer.send(
      `SUBSCRIBE sip:bob@192.0.2.2 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.3;branch=z9hG4bK${callId}${cseq}\r\nMax-Forwards: 70\r\n` +
        `From: <sip:c@192.0.2.3>;tag=c\r\nTo: <sip:bob@192.0.2.2>${tag}\r\nCall-ID: ${callId}\r\nCSeq: ${cseq} SUBSCRIBE\r\nEvent: ${event}\r\n${contact}Content-Length: 0\r\n\r\n`,
      '192.0.2.2',
    )
  subscribe('presence', '', 1, 'without', '')
  pair.advance(100)
  expect(peer.titles).toEqual(['400'])
  subscribe('presence', '', 1, 'with', 'Contact: <sip:192.0.2.3>\r\n')
  pair.advance(50)
  subscribe('dialog', `;tag=${pair.watched?.id}`, 2, 'with', 'Contact: <sip:192.0.2.3>\r\n')
  pair.advance(50)
  expect(peer.titles).toContain('403')
  await pair.close()
})

test('RFC 6665 §4.2.2: ended by the notifier with a reason and retry-after', async () => {
  const pair = await Watching.make()
  pair.serving()
  pair.watching({ onRequestRetry: () => false })
  pair.advance(100)
  pair.watched?.end('probation', 30)
  pair.advance(100)
  expect(pair.sent('NOTIFY', -1)).toContain(
    'Subscription-State: terminated;reason=probation;retry-after=30\r\n',
  )
  expect(pair.steps).toContain('bob: terminated local probation')
  expect(pair.left).toBe(0)
  await pair.close()
})

test.each([1, 2, 3, 4, 5, 6])(
  'RFC 6665 §4.1.3: over a network that loses, doubles and turns datagrams round, the last state arrives (seed %i)',
  async seed => {
    const pair = await Watching.make({ delay: 20, jitter: 60, loss: 0.2, duplication: 0.1, seed })
    pair.serving()
    const states: string[] = []
    const subscription = pair.watching({
      onUpdateActive: (_, notify) => {
        states.push(notify.body?.text ?? '')
      },
    })
    pair.advance(5000)
    for (let state = 1; state <= 10; state++) {
      pair.watched?.publish(text(String(state)))
      pair.advance(700)
    }
    pair.advance(60_000)
    expect(states.at(-1)).toBe('10')
    const numbers = states.slice(1).map(Number)
    expect(numbers).toEqual([...numbers].sort((a, b) => a - b))
    subscription.end()
    pair.advance(70_000)
    expect(pair.left).toBe(0)
    await pair.close()
  },
)
