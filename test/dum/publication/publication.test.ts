import { expect, test } from 'vitest'
import type {
  ClientPublicationHandler,
  PublicationReply,
  ServerPublicationHandler,
} from '../../../src/dum/index.ts'
import { text, Watching } from '../watching.ts'

const bob = 'sip:alice@192.0.2.2'

function taking(pair: Watching, handler: ServerPublicationHandler = {}, policy = {}): void {
  const note = (what: string) => (publication: { body: { text: string } }) =>
    pair.world.note(`bob: ${what} ${publication.body.text}`)
  pair.bob.onPublish(
    { name: 'presence', accepts: ['text/plain'] },
    {
      onInitial: note('initial'),
      onRefresh: note('refresh'),
      onUpdate: note('update'),
      onRemoved: note('removed'),
      onExpired: note('expired'),
      ...handler,
    },
    policy,
  )
}

function publishing(pair: Watching, handler: ClientPublicationHandler = {}, expires = 600) {
  return pair.alice.publish(
    bob,
    'presence',
    text('open'),
    { expires },
    {
      onSuccess: () => pair.world.note('alice: success'),
      onRemove: () => pair.world.note('alice: removed'),
      onFailure: (_, status) => pair.world.note(`alice: failed ${status}`),
      onStaleUpdate: () => pair.world.note('alice: stale'),
      ...handler,
    },
  )
}

const etagIn = (wire: string, name: string): string | undefined =>
  new RegExp(`^${name}: (.*)\r$`, 'm').exec(wire)?.[1]

test('RFC 3903 §4.1, table 1: initial, refresh without body, modify, remove; each with the tag given before', async () => {
  const pair = await Watching.make()
  taking(pair)
  const publication = publishing(pair)
  pair.advance(550_000)
  publication.update(text('busy'))
  pair.advance(1000)
  publication.end()
  pair.advance(1000)
  expect(pair.steps).toEqual([
    '→ PUBLISH',
    'bob: initial open',
    '← 200',
    'alice: success',
    '→ PUBLISH',
    'bob: refresh open',
    '← 200',
    'alice: success',
    '→ PUBLISH',
    'bob: update busy',
    '← 200',
    'alice: success',
    '→ PUBLISH',
    '← 200',
    'bob: removed busy',
    'alice: removed',
  ])
  const wires = pair.world.wires
  const rows = [0, 2, 4, 6].map(at => ({
    match: etagIn(wires[at] ?? '', 'SIP-If-Match'),
    body: wires[at]?.split('\r\n\r\n')[1],
    expires: etagIn(wires[at] ?? '', 'Expires'),
    cseq: etagIn(wires[at] ?? '', 'CSeq'),
  }))
  const tags = [1, 3, 5, 7].map(at => etagIn(wires[at] ?? '', 'SIP-ETag'))
  expect(rows).toEqual([
    { match: undefined, body: 'open', expires: '600', cseq: '1 PUBLISH' },
    { match: tags[0], body: '', expires: '600', cseq: '2 PUBLISH' },
    { match: tags[1], body: 'busy', expires: '600', cseq: '3 PUBLISH' },
    { match: tags[2], body: '', expires: '0', cseq: '4 PUBLISH' },
  ])
  expect(new Set(tags).size).toBe(4)
  expect(() => publication.update(text('x'))).toThrow(/is over/)
  await pair.close()
})

test('RFC 3903 §5: 412 leads to a whole initial publication; 423 to the longer interval', async () => {
  const pair = await Watching.make()
  taking(pair, {}, { min: 300 })
  const publication = publishing(pair, {}, 100)
  pair.advance(1000)
  expect(pair.steps.slice(0, 6)).toEqual([
    '→ PUBLISH',
    '← 423',
    '→ PUBLISH',
    'bob: initial open',
    '← 200',
    'alice: success',
  ])
  // the server forgets all
  taking(pair, {}, { min: 300 })
  publication.refresh()
  pair.advance(1000)
  expect(pair.steps.slice(6)).toEqual([
    '→ PUBLISH',
    '← 412',
    'alice: stale',
    '→ PUBLISH',
    'bob: initial open',
    '← 200',
    'alice: success',
  ])
  expect(pair.sent('PUBLISH', -1)).not.toContain('SIP-If-Match')
  await pair.close()
})

test('RFC 3903 §4: one PUBLISH a Request-URI at a time; of several changes the newest goes next', async () => {
  const pair = await Watching.make()
  taking(pair)
  const publication = publishing(pair)
  publication.update(text('1'))
  publication.update(text('2'))
  const other = pair.alice.publish(bob, 'presence', text('other'), {}, {})
  pair.advance(5)
  expect(pair.steps.filter(step => step === '→ PUBLISH')).toHaveLength(1)
  pair.advance(1000)
  expect(pair.steps.filter(step => step.startsWith('bob'))).toEqual([
    'bob: initial open',
    'bob: initial other',
    'bob: update 2',
  ])
  expect(other.state).toBe('held')
  await pair.close()
})

test('RFC 3903 §6: 489, 404, 400, 412, 415, 400 without a body, in their order', async () => {
  const pair = await Watching.make()
  taking(pair, { accepts: resource => resource === bob })
  const peer = await pair.world.peer('192.0.2.3')
  let branch = 0
  const publish = (uri: string, headers: string, body = ''): string => {
    branch++
    peer.send(
      `PUBLISH ${uri} SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.3;branch=z9hG4bKp${branch}\r\nMax-Forwards: 70\r\nFrom: <sip:c@192.0.2.3>;tag=c\r\n` +
        `To: <${uri}>\r\nCall-ID: p${branch}\r\nCSeq: 1 PUBLISH\r\n${headers}Content-Length: ${body.length}\r\n\r\n${body}`,
      '192.0.2.2',
    )
    pair.advance(50)
    return peer.titles.at(-1) ?? ''
  }
  const presence = 'Event: presence\r\n'
  const plain = 'Content-Type: text/plain\r\n'
  expect(publish(bob, '')).toBe('489')
  expect(publish(bob, 'Event: dialog\r\n')).toBe('489')
  expect(pair.world.wires.at(-1)).toContain('Allow-Events: presence\r\n')
  expect(publish('sip:carol@192.0.2.2', presence)).toBe('404')
  expect(publish(bob, `${presence}SIP-If-Match: a\r\nSIP-If-Match: b\r\n`)).toBe('400')
  expect(publish(bob, `${presence}SIP-If-Match: a\r\n`)).toBe('412')
  expect(publish(bob, `${presence}Expires: 10\r\n${plain}`, 'x')).toBe('423')
  expect(publish(bob, `${presence}Content-Type: text/html\r\n`, 'x')).toBe('415')
  expect(publish(bob, presence)).toBe('400')
  expect(publish(bob, presence + plain, 'x'.repeat(100_000))).toBe('413')
  expect(publish(bob, presence + plain, 'x')).toBe('200')
  expect(pair.world.wires.at(-1)).toContain('Expires: 3600\r\n')
  await pair.close()
})

test('RFC 3903 §6, step 5: what a handler refuses changes nothing; those behind wait for it in order', async () => {
  const pair = await Watching.make()
  const replies: PublicationReply[] = []
  taking(pair, {
    onUpdate: (_, reply) => {
      replies.push(reply)
      return new Promise(() => {})
    },
  })
  const publication = publishing(pair)
  pair.advance(1000)
  const [first] = [publication.etag]
  publication.update(text('busy'))
  pair.advance(100)
  pair.alice.publish('<sip:alice@192.0.2.2;x=1>', 'presence', text('second'), {}, {})
  pair.advance(100)
  expect(pair.steps.at(-1)).toBe('→ PUBLISH')
  replies[0]?.reject(504)
  expect(() => replies[0]?.accept()).toThrow(/answered already/)
  pair.advance(100)
  expect(pair.steps.slice(-3)).toEqual(['← 504', 'bob: initial second', '← 200'])
  expect(publication.etag).toBe(first)
  await pair.close()
})

test('RFC 3903 §6: what nobody refreshes expires, and is told', async () => {
  const pair = await Watching.make()
  taking(pair, {}, { max: 100 })
  publishing(pair)
  pair.advance(50)
  pair.world.network.isLost = ({ wire }) => wire.startsWith('PUBLISH')
  pair.advance(100_000)
  expect(pair.ladder).toContain('100010 bob: expired open')
  pair.world.network.isLost = () => false
  pair.advance(100_000)
  // tried again after the time-out; what is lapsed is published whole
  expect(pair.steps.slice(-3)).toContain('← 200')
  expect(pair.steps.filter(step => step === 'bob: initial open')).toHaveLength(2)
  await pair.close()
})

test('RFC 3903 §5: refused for good, and for now by Retry-After; the application may say otherwise', async () => {
  const pair = await Watching.make()
  let status = 503
  pair.bob.onRequest('PUBLISH', { onReceivedRequest: (_, reply) => reply.reject(status) })
  const publication = publishing(pair)
  pair.advance(31_000)
  expect(publication.state).toBe('waiting')
  expect(pair.steps.filter(step => step === '→ PUBLISH')).toHaveLength(2)
  status = 403
  pair.advance(61_000)
  expect(pair.steps.slice(-2)).toEqual(['← 403', 'alice: failed 403'])
  status = 503
  publishing(pair, { onRequestRetry: () => false })
  pair.advance(1000)
  expect(pair.steps.at(-1)).toBe('alice: failed 503')
  const third = publishing(pair)
  pair.advance(1000)
  third.end()
  expect(pair.steps.at(-1)).toBe('alice: removed')
  await pair.close()
})

test('RFC 3903 §3: who watches is told of what is published, changed and removed', async () => {
  const pair = await Watching.make()
  taking(pair)
  pair.serving({
    onPublished: (subscription, published) => subscription.publish(text(published.body?.text ?? 'offline')),
  })
  pair.alice.subscribe(
    '<sip:alice@192.0.2.2;transport=udp>',
    'presence',
    {},
    {
      onUpdateActive: (_, notify) => pair.world.note(`watcher: ${notify.body?.text}`),
    },
  )
  pair.advance(100)
  const publication = publishing(pair, {}, 600)
  pair.advance(100)
  publication.update(text('busy'))
  pair.advance(100)
  publication.end()
  pair.advance(100)
  expect(pair.steps.filter(step => step.startsWith('watcher'))).toEqual([
    'watcher: open',
    'watcher: open',
    'watcher: busy',
    'watcher: offline',
  ])
  await pair.close()
})

test.each([1, 2, 3])(
  'RFC 3903 §4: over a network that loses and turns round, the last state stands (seed %i)',
  async seed => {
    const pair = await Watching.make({ delay: 20, jitter: 60, loss: 0.2, duplication: 0.1, seed })
    const states: string[] = []
    const keep = (publication: { body: { text: string } }) => {
      states.push(publication.body.text)
    }
    taking(pair, { onInitial: keep, onUpdate: keep })
    const publication = publishing(pair)
    for (let state = 1; state <= 10; state++) {
      pair.advance(700)
      publication.update(text(String(state)))
    }
    pair.advance(120_000)
    expect(states.at(-1)).toBe('10')
    publication.end()
    pair.advance(70_000)
    expect(publication.state).toBe('ended')
    await pair.close()
  },
)
