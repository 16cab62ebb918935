import { expect, test } from 'vitest'
import { Notifier, Watching } from '../watching.ts'

test('RFC 6665 §4.1.2.4: a NOTIFY that comes before the 2xx makes the dialog', async () => {
  const pair = await Watching.make()
  const notifier = await Notifier.at(pair.world, '192.0.2.9')
  notifier.onSubscribe = subscribe => {
    if (notifier.subscribes.length > 1) return
    notifier.notify(subscribe, 'active;expires=300')
    pair.world.timers.after(5, () => notifier.answer(subscribe, 200, 'Expires: 600\r\n'))
  }
  const subscription = pair.alice.subscribe(
    'sip:bob@192.0.2.9',
    'presence',
    { expires: 600 },
    {
      onUpdateActive: () => pair.world.note('active'),
    },
  )
  pair.advance(100)
  expect(pair.steps).toEqual(['→ SUBSCRIBE', '← NOTIFY', '← 200', 'active', '→ 200'])
  // the NOTIFY's word counts more than the 2xx
  expect(Math.round(subscription.expiresIn)).toBe(300)
  await pair.close()
})

test('RFC 6665 §4.4.1: route set and target are the NOTIFY’s, whatever the 2xx says', async () => {
  const pair = await Watching.make()
  const notifier = await Notifier.at(pair.world, '192.0.2.9')
  notifier.onSubscribe = subscribe => {
    notifier.answer(
      subscribe,
      200,
      'Expires: 600\r\nContact: <sip:wrong@192.0.2.8>\r\nRecord-Route: <sip:192.0.2.8;lr>\r\n',
    )
    notifier.notify(subscribe, 'active', {
      extra: 'Contact: <sip:right@192.0.2.9>\r\nRecord-Route: <sip:192.0.2.9;lr>\r\n',
    })
  }
  const subscription = pair.alice.subscribe('sip:bob@192.0.2.9', 'presence', { expires: 600 }, {})
  pair.advance(100)
  subscription.refresh()
  pair.advance(100)
  const refresh = pair.sent('SUBSCRIBE', -1)
  expect(refresh).toMatch(/^SUBSCRIBE sip:right@192\.0\.2\.9 /)
  expect(refresh).toContain('Route: <sip:192.0.2.9;lr>\r\n')
  await pair.close()
})

test('RFC 6665 §4.1.4: forks are each a subscription of its own where they are kept', async () => {
  const pair = await Watching.make()
  const notifier = await Notifier.at(pair.world, '192.0.2.9')
  notifier.onSubscribe = subscribe => {
    if (notifier.subscribes.length > 1) return
    notifier.answer(subscribe, 200, 'Expires: 600\r\n', 'n1')
    notifier.notify(subscribe, 'active;expires=600', { tag: 'n2' })
    notifier.notify(subscribe, 'pending;expires=600', { tag: 'n1' })
  }
  const heard: string[] = []
  const first = pair.alice.subscribe(
    'sip:bob@192.0.2.9',
    'presence',
    { expires: 600, forks: 'keep' },
    {
      onNewSubscription: subscription => {
        heard.push(subscription === first ? 'new, first' : 'new, a fork')
      },
      onUpdateActive: () => heard.push('active'),
      onUpdatePending: () => heard.push('pending'),
      onTerminated: subscription => heard.push(subscription === first ? 'first over' : 'fork over'),
    },
  )
  pair.advance(100)
  expect(heard).toEqual(['new, first', 'active', 'new, a fork', 'pending'])
  const [subscribe] = notifier.subscribes
  if (subscribe === undefined) throw new Error('a SUBSCRIBE expected')
  notifier.notify(subscribe, 'terminated;reason=noresource', { tag: 'n1' })
  pair.advance(100)
  expect(heard.at(-1)).toBe('fork over')
  expect(first.state).toBe('active')
  // Timer N is over: who comes now is too late
  pair.advance(33_000)
  notifier.notify(subscribe, 'active;expires=600', { tag: 'n3' })
  pair.advance(100)
  expect(notifier.peer.titles.at(-1)).toBe('481')
  expect(first.state).toBe('active')
  await pair.close()
})

test('RFC 6665 §4.1.4, RFC 3842 §3.9: a second notifier gets 481 where one is wanted', async () => {
  const pair = await Watching.make()
  const notifier = await Notifier.at(pair.world, '192.0.2.9')
  notifier.onSubscribe = subscribe => {
    notifier.answer(subscribe, 200, 'Expires: 600\r\n')
    notifier.notify(subscribe, 'active;expires=600', { tag: 'n1' })
    notifier.notify(subscribe, 'active;expires=600', { tag: 'n2' })
  }
  const subscription = pair.alice.subscribe('sip:bob@192.0.2.9', 'presence', { expires: 600 }, {})
  pair.advance(100)
  expect(notifier.peer.titles).toEqual(['SUBSCRIBE', '200', '481'])
  expect(subscription.state).toBe('active')
  await pair.close()
})

test('RFC 6665 §4.1.2.4: Timer N: accepted, but no NOTIFY within 64·T1', async () => {
  const pair = await Watching.make()
  const notifier = await Notifier.at(pair.world, '192.0.2.9')
  notifier.onSubscribe = subscribe => notifier.answer(subscribe, 200, 'Expires: 600\r\n')
  pair.alice.subscribe(
    'sip:bob@192.0.2.9',
    'presence',
    { expires: 600 },
    {
      onNotifyNotReceived: () => pair.world.note('no NOTIFY'),
      onTerminated: (_, end) => pair.world.note(`over by ${end.by}`),
    },
  )
  pair.advance(40_000)
  expect(pair.ladder.slice(2)).toEqual(['32000 no NOTIFY', '32000 over by timer'])
  expect(pair.left).toBe(0)
  await pair.close()
})

test('RFC 6665 §4.1.2.2: Timer N runs for a refresh too; a refusal of it that may pass ends nothing', async () => {
  const pair = await Watching.make()
  const notifier = await Notifier.at(pair.world, '192.0.2.9')
  let status = 503
  notifier.onSubscribe = subscribe => {
    const isFirst = notifier.subscribes.length === 1
    notifier.answer(subscribe, isFirst ? 200 : status, 'Expires: 600\r\n')
    if (isFirst) notifier.notify(subscribe, 'active;expires=600')
  }
  const subscription = pair.alice.subscribe(
    'sip:bob@192.0.2.9',
    'presence',
    { expires: 600 },
    {
      onRequestRetry: () => false,
      onNotifyNotReceived: () => pair.world.note('no NOTIFY'),
      onTerminated: () => pair.world.note('over'),
    },
  )
  pair.advance(100)
  subscription.refresh()
  pair.advance(40_000)
  expect(subscription.state).toBe('active')
  status = 200
  subscription.refresh()
  pair.advance(33_000)
  expect(pair.steps.slice(-4)).toEqual(['→ SUBSCRIBE', '← 200', 'no NOTIFY', 'over'])
  expect(pair.left).toBe(0)
  await pair.close()
})

test('RFC 6665 §8.2.1: a NOTIFY is matched by event and id, byte by byte', async () => {
  const pair = await Watching.make()
  const notifier = await Notifier.at(pair.world, '192.0.2.9')
  notifier.onSubscribe = subscribe => {
    notifier.answer(subscribe, 200, 'Expires: 600\r\n')
    for (const event of ['presence', 'presence;id=8', 'Presence;id=7', 'presence.winfo;id=7'])
      notifier.notify(subscribe, 'active', { event })
  }
  const subscription = pair.alice.subscribe('sip:bob@192.0.2.9', 'presence', { expires: 600, id: '7' }, {})
  pair.advance(100)
  expect(notifier.peer.titles.slice(1)).toEqual(['481', '481', '481', '481'])
  const [subscribe] = notifier.subscribes
  expect(subscribe?.toString()).toContain('Event: presence;id=7\r\n')
  if (subscribe === undefined) throw new Error('a SUBSCRIBE expected')
  notifier.notify(subscribe, 'active', { event: 'presence;id=7' })
  pair.advance(100)
  expect(subscription.state).toBe('active')
  await pair.close()
})

test('RFC 6665 §4.1.3: 400 for a NOTIFY without Subscription-State, or without Contact where it makes a dialog; 481 for a stray one', async () => {
  const pair = await Watching.make()
  const notifier = await Notifier.at(pair.world, '192.0.2.9')
  notifier.onSubscribe = subscribe => {
    notifier.notify(subscribe, 'active', { extra: '' })
    notifier.notify(subscribe, '', {})
  }
  const subscription = pair.alice.subscribe('sip:bob@192.0.2.9', 'presence', { expires: 600 }, {})
  pair.advance(100)
  expect(notifier.peer.titles.slice(1)).toEqual(['400', '400'])
  expect(subscription.state).toBe('notifyWait')
  notifier.peer.send(
    'NOTIFY sip:alice@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKstray\r\nMax-Forwards: 70\r\nFrom: <sip:x@y>;tag=1\r\n' +
      'To: <sip:alice@192.0.2.1>\r\nCall-ID: stray\r\nCSeq: 1 NOTIFY\r\nEvent: presence\r\nSubscription-State: active\r\nContent-Length: 0\r\n\r\n',
    '192.0.2.1',
  )
  pair.advance(100)
  expect(notifier.peer.titles.at(-1)).toBe('481')
  // what made no dialog does not count as the NOTIFY that is waited for
  pair.advance(33_000)
  expect(subscription.state).toBe('terminated')
  expect(pair.left).toBe(0)
  await pair.close()
})

test.each([
  ['deactivated', [0]],
  ['timeout', [0]],
  ['probation;retry-after=90', [90_000]],
  ['giveup;retry-after=45', [45_000]],
  ['rejected', []],
  ['noresource', []],
  ['invariant;retry-after=31536000', []],
  ['unheard-of;retry-after=10', [10_000]],
])('RFC 6665 §4.1.3: terminated;reason=%s: asked anew after %j ms', async (reason, pauses) => {
  const pair = await Watching.make()
  const notifier = await Notifier.at(pair.world, '192.0.2.9')
  notifier.onSubscribe = subscribe => {
    notifier.answer(subscribe, 200, 'Expires: 600\r\n')
    notifier.notify(subscribe, 'active;expires=600')
  }
  const subscription = pair.alice.subscribe('sip:bob@192.0.2.9', 'presence', { expires: 600 }, {})
  pair.advance(100_000)
  const [subscribe] = notifier.subscribes
  if (subscribe === undefined) throw new Error('a SUBSCRIBE expected')
  notifier.notify(subscribe, `terminated;reason=${reason}`)
  pair.advance(95_000)
  const times = pair.ladder
    .filter(line => line.endsWith('→ SUBSCRIBE'))
    .map(line => Number.parseInt(line, 10))
  expect(times.slice(1).map(time => time - 100_010)).toEqual(pauses)
  expect(subscription.state).toBe(pauses.length === 0 ? 'terminated' : 'active')
  await pair.close()
})

test('RFC 6665 §4.1.3: a notifier that ends each subscription at once is asked ever more seldom', async () => {
  const pair = await Watching.make()
  const notifier = await Notifier.at(pair.world, '192.0.2.9')
  notifier.onSubscribe = subscribe => {
    notifier.answer(subscribe, 200, 'Expires: 600\r\n', `n${notifier.subscribes.length}`)
    notifier.notify(subscribe, 'terminated;reason=deactivated', { tag: `n${notifier.subscribes.length}` })
  }
  const subscription = pair.alice.subscribe('sip:bob@192.0.2.9', 'presence', { expires: 600 }, {})
  pair.advance(40_000)
  const times = pair.ladder
    .filter(line => line.endsWith('→ SUBSCRIBE'))
    .map(line => Number.parseInt(line, 10))
  expect(times).toEqual([0, 20, 1040, 3060, 7080, 15_100, 31_120])
  subscription.end()
  pair.advance(400_000)
  expect(subscription.state).toBe('terminated')
  expect(pair.left).toBe(0)
  await pair.close()
})

test('RFC 6665 §4.1.2: ended before the first NOTIFY: unsubscribed when it comes, its state told to nobody', async () => {
  const pair = await Watching.make()
  const notifier = await Notifier.at(pair.world, '192.0.2.9')
  notifier.onSubscribe = subscribe => {
    notifier.answer(subscribe, 200, 'Expires: 600\r\n')
    if (notifier.subscribes.length === 1)
      pair.world.timers.after(100, () => notifier.notify(subscribe, 'active;expires=600'))
    else notifier.notify(subscribe, 'terminated;reason=timeout')
  }
  const subscription = pair.alice.subscribe(
    'sip:bob@192.0.2.9',
    'presence',
    { expires: 600 },
    {
      onUpdateActive: () => pair.world.note('active'),
      onTerminated: (_, end) => pair.world.note(`over ${end.reason}`),
    },
  )
  subscription.end()
  pair.advance(1000)
  expect(pair.steps).toEqual([
    '→ SUBSCRIBE',
    '← 200',
    '← NOTIFY',
    '→ 200',
    '→ SUBSCRIBE',
    '← 200',
    '← NOTIFY',
    'over timeout',
    '→ 200',
  ])
  pair.advance(33_000)
  expect(pair.left).toBe(0)
  await pair.close()
})

test('RFC 6665 §4.1.3: a state that RFC 6665 does not know is told as such', async () => {
  const pair = await Watching.make()
  const notifier = await Notifier.at(pair.world, '192.0.2.9')
  notifier.onSubscribe = subscribe => {
    notifier.answer(subscribe, 200, 'Expires: 600\r\n')
    notifier.notify(subscribe, 'waiting;expires=600')
  }
  const heard: string[] = []
  pair.alice.subscribe(
    'sip:bob@192.0.2.9',
    'presence',
    { expires: 600 },
    {
      onUpdateExtension: (subscription, notify) => heard.push(`${notify.state} ${subscription.state}`),
    },
  )
  pair.advance(100)
  expect(heard).toEqual(['waiting pending'])
  await pair.close()
})

test('a handler’s promise holds the answer to a NOTIFY up, for 16 s at the most', async () => {
  const pair = await Watching.make()
  const notifier = await Notifier.at(pair.world, '192.0.2.9')
  notifier.onSubscribe = subscribe => {
    notifier.answer(subscribe, 200, 'Expires: 600\r\n')
    notifier.notify(subscribe, 'active;expires=600')
  }
  pair.alice.subscribe(
    'sip:bob@192.0.2.9',
    'presence',
    { expires: 600 },
    {
      onUpdateActive: () => new Promise(() => {}),
    },
  )
  pair.advance(16_100)
  expect(pair.ladder.at(-1)).toBe('16020 → 200')
  expect(pair.alice.counters.staleDuties).toBe(1)
  await pair.close()
})

test('RFC 6665 §4.4.3: a question is over with its answer, whatever state a notifier gives it', async () => {
  const pair = await Watching.make()
  const notifier = await Notifier.at(pair.world, '192.0.2.9')
  notifier.onSubscribe = subscribe => {
    notifier.answer(subscribe, 200, 'Expires: 0\r\n')
    notifier.notify(subscribe, 'active;expires=0')
  }
  const subscription = pair.alice.subscribe(
    'sip:bob@192.0.2.9',
    'presence',
    { expires: 0 },
    {
      onTerminated: (_, end) => pair.world.note(`over by ${end.by}`),
    },
  )
  pair.advance(100)
  expect(pair.steps.slice(-2)).toEqual(['over by remote', '→ 200'])
  expect(subscription.state).toBe('terminated')
  expect(pair.left).toBe(0)
  await pair.close()
})

test('RFC 6665 §4.1.2.2: the last NOTIFY wins over a refresh that is under way', async () => {
  const pair = await Watching.make()
  const notifier = await Notifier.at(pair.world, '192.0.2.9')
  notifier.onSubscribe = subscribe => {
    if (notifier.subscribes.length === 1) {
      notifier.answer(subscribe, 200, 'Expires: 600\r\n')
      notifier.notify(subscribe, 'active;expires=600')
    } else {
      notifier.notify(subscribe, 'terminated;reason=noresource')
      pair.world.timers.after(50, () => notifier.answer(subscribe, 200, 'Expires: 600\r\n'))
    }
  }
  const subscription = pair.alice.subscribe(
    'sip:bob@192.0.2.9',
    'presence',
    { expires: 600 },
    {
      onTerminated: (_, end) => pair.world.note(`over: ${end.reason}`),
    },
  )
  pair.advance(100)
  subscription.refresh()
  pair.advance(40_000)
  expect(pair.steps.filter(step => step.startsWith('over'))).toEqual(['over: noresource'])
  expect(pair.left).toBe(0)
  await pair.close()
})

test('RFC 6665 §4.1.3: an older NOTIFY that comes late is refused and changes nothing', async () => {
  const pair = await Watching.make()
  const notifier = await Notifier.at(pair.world, '192.0.2.9')
  notifier.onSubscribe = subscribe => {
    notifier.answer(subscribe, 200, 'Expires: 600\r\n')
    notifier.notify(subscribe, 'active;expires=600', { cseq: 5 })
    notifier.notify(subscribe, 'pending;expires=600', { cseq: 4 })
  }
  const subscription = pair.alice.subscribe('sip:bob@192.0.2.9', 'presence', { expires: 600 }, {})
  pair.advance(100)
  expect(notifier.peer.titles.slice(1)).toEqual(['200', '500'])
  expect(subscription.state).toBe('active')
  await pair.close()
})

test('RFC 6665 §4.1.3, RFC 3261 §8.2.3: a first body that is not understood gets 415, and its state holds', async () => {
  const pair = await Watching.make()
  const notifier = await Notifier.at(pair.world, '192.0.2.9')
  notifier.onSubscribe = subscribe => {
    notifier.answer(subscribe, 200, 'Expires: 600\r\n')
    if (notifier.subscribes.length > 1) return
    const { address } = notifier
    notifier.peer.send(
      `NOTIFY sip:alice@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP ${address};branch=z9hG4bKbody\r\nMax-Forwards: 70\r\nFrom: ${subscribe.to};tag=n1\r\n` +
        `To: ${subscribe.from}\r\nCall-ID: ${subscribe.callId}\r\nCSeq: 1 NOTIFY\r\nContact: <sip:${address}>\r\nEvent: presence\r\n` +
        'Subscription-State: active;expires=600\r\nContent-Type: text/html\r\nContent-Length: 1\r\n\r\nx',
      '192.0.2.1',
    )
  }
  const event = { name: 'presence', accepts: ['text/plain'] }
  const subscription = pair.alice.subscribe(
    'sip:bob@192.0.2.9',
    event,
    { expires: 600 },
    {
      onUpdateActive: () => pair.world.note('active'),
    },
  )
  pair.advance(40_000)
  expect(notifier.peer.titles).toEqual(['SUBSCRIBE', '415'])
  expect(pair.steps).not.toContain('active')
  expect(subscription.state).toBe('active')
  await pair.close()
})
