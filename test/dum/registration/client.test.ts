import { DigestClient, h } from 'resip/stack'
import { answerTo } from 'resip/testing'
import { expect, test } from 'vitest'
import { fieldOf, granting, WithRegistrar } from './registrar-peer.ts'

const challenge = 'WWW-Authenticate: Digest realm="atlanta", qop="auth", nonce="n1", algorithm=MD5\r\n'
const alice = new DigestClient({ username: 'alice', realms: 'atlanta', password: 'secret' })

test('RFC 3665 §2.1: registers with digest, CSeq counted up, Call-ID and From tag kept, and renews at 80 to 90 %', async () => {
  const line = await WithRegistrar.make({ profile: { credentials: alice } })
  line.script = (request, count) =>
    request.has(h.Authorization) ? granting(300)(request, count) : [401, challenge]
  line.register()
  line.advance(239_000)
  expect(line.ladder).toEqual(['0 → REGISTER', '10 ← 401', '20 → REGISTER', '30 ← 200', '40 registered 300'])
  expect(line.texts('CSeq')).toEqual(['1 REGISTER', '2 REGISTER'])
  line.advance(35_000)
  // the nonce is known by now
  expect(line.steps.slice(5)).toEqual(['→ REGISTER', '← 200', 'registered 300'])
  const renewed = Number(line.ladder[5]?.split(' ')[0])
  expect(renewed).toBeGreaterThanOrEqual(30 + 240_000)
  expect(renewed).toBeLessThanOrEqual(40 + 270_000)
  expect(new Set(line.texts('Call-ID')).size).toBe(1)
  expect(new Set(line.texts('From')).size).toBe(1)
  expect(line.texts('CSeq').at(-1)).toBe('3 REGISTER')
  expect(line.heard[0]?.requestUri.toString()).toBe('sip:192.0.2.2')
  await line.close()
})

test('RFC 3665 §2.2: updates the Contact list; what is no longer named is removed by the same request', async () => {
  const line = await WithRegistrar.make()
  const registration = line.register({ contacts: ['<sip:alice@192.0.2.1>'] })
  line.advance(100)
  registration.addContact('<mailto:alice@example.com>')
  line.advance(100)
  registration.change({ contacts: ['<sip:alice@192.0.2.9>'] })
  line.advance(100)
  expect(line.texts('Contact')).toEqual([
    '<sip:alice@192.0.2.1>',
    '<sip:alice@192.0.2.1>, <mailto:alice@example.com>',
    '<sip:alice@192.0.2.9>, <sip:alice@192.0.2.1>;expires=0, <mailto:alice@example.com>;expires=0',
  ])
  expect(registration.contacts.map(String)).toEqual(['<sip:alice@192.0.2.9>'])
  await line.close()
})

test('RFC 3665 §2.3: asks what is bound', async () => {
  const line = await WithRegistrar.make()
  const registration = line.register()
  line.advance(100)
  line.script = () => [200, 'Contact: <sip:a@192.0.2.7>;expires=5, <sip:b@192.0.2.8>;expires=6\r\n']
  registration.query()
  registration.query()
  line.advance(100)
  expect(line.steps.slice(3)).toEqual(['→ REGISTER', '← 200', 'bound: 2'])
  expect(line.texts('Contact')[1]).toBe('')
  expect(registration.contacts).toHaveLength(1)
  await line.close()
})

test('RFC 3665 §2.4: removes its binding, brings it back, and removes it for good', async () => {
  const line = await WithRegistrar.make()
  const registration = line.register()
  line.advance(100)
  registration.remove()
  line.advance(100)
  expect(registration.state).toBe('removed')
  expect(fieldOf(line.heard[1] ?? fail(), 'Contact')).toMatch(/^<sip:alice@192\.0\.2\.1:5060;.*>;expires=0$/)
  registration.refresh()
  line.advance(100)
  expect(registration.state).toBe('registered')
  registration.end()
  registration.end()
  line.advance(10_000_000)
  expect(registration.state).toBe('over')
  expect(line.steps).toEqual([
    ...['→ REGISTER', '← 200', 'registered 3600'],
    ...['→ REGISTER', '← 200', 'removed'],
    ...['→ REGISTER', '← 200', 'registered 3600'],
    ...['→ REGISTER', '← 200', 'removed'],
  ])
  expect(() => registration.refresh()).toThrow(expect.objectContaining({ code: 'ERR_SIP_OVER' }))
  expect(line.dum.registrationCount).toBe(0)
  await line.close()
})

function fail(): never {
  throw new Error('more was expected to be heard')
}

test('RFC 3261 §10.2.2: removes all bindings by the asterisk alone', async () => {
  const line = await WithRegistrar.make()
  const registration = line.register()
  line.advance(100)
  registration.removeAll()
  line.advance(100)
  expect(line.texts('Contact')[1]).toBe('*')
  expect(line.texts('Expires')[1]).toBe('0')
  expect(line.steps.at(-1)).toBe('removed')
  await line.close()
})

test('RFC 3665 §2.5: a wrong password is a failure, told once, and the end', async () => {
  const line = await WithRegistrar.make({ profile: { credentials: alice } })
  let nonce = 0
  line.script = () => [401, challenge.replace('n1', `m${nonce++}`)]
  line.register()
  line.advance(10_000_000)
  expect(line.steps).toEqual(['→ REGISTER', '← 401', '→ REGISTER', '← 401', 'failed 401'])
  expect(line.dum.registrationCount).toBe(0)
  expect(line.world.timers.size).toBe(0)
  await line.close()
})

test('RFC 7616 §3.3: a stale nonce in the middle is replaced without a word', async () => {
  const line = await WithRegistrar.make({ profile: { credentials: alice } })
  const fresh = (nonce: string): string => challenge.replace('n1', nonce)
  let nonce = 's1'
  line.script = (request, count) => {
    const given = fieldOf(request, 'Authorization')
    if (given.includes(`nonce="${nonce}"`)) return granting(60)(request, count)
    return [401, fresh(nonce).replace('Digest', given === '' ? 'Digest' : 'Digest stale=true,')]
  }
  line.register()
  line.advance(1000)
  nonce = 's2'
  line.advance(55_000)
  expect(line.steps).toEqual([
    ...['→ REGISTER', '← 401', '→ REGISTER', '← 200', 'registered 60'],
    ...['→ REGISTER', '← 401', '→ REGISTER', '← 200', 'registered 60'],
  ])
  await line.close()
})

test('RFC 3261 §10.2.8: 423 raises the interval, and it stays raised', async () => {
  const line = await WithRegistrar.make()
  line.script = (request, count) =>
    (request.get(h.Expires) ?? 0) < 600 ? [423, 'Min-Expires: 600\r\n'] : granting()(request, count)
  line.register({ expires: 60 })
  line.advance(600_000)
  expect(line.texts('Expires')).toEqual(['60', '600', '600'])
  expect(line.steps.slice(0, 5)).toEqual(['→ REGISTER', '← 423', '→ REGISTER', '← 200', 'registered 600'])
  await line.close()
})

test('RFC 3261 §10.2.8: a 423 that asks for less than was asked for is a failure, not a loop', async () => {
  const line = await WithRegistrar.make()
  line.script = () => [423, 'Min-Expires: 10\r\n']
  line.register({ expires: 60 })
  line.advance(100_000)
  expect(line.steps).toEqual(['→ REGISTER', '← 423', 'failed 423'])
  await line.close()
})

test('RFC 3261 §8.1.3.4: a redirect is followed by q, and no URI is tried twice', async () => {
  const line = await WithRegistrar.make()
  await line.another('192.0.2.3')
  line.script = (request, count) =>
    request.requestUri.host === '192.0.2.3'
      ? granting()(request, count)
      : [302, 'Contact: <sip:192.0.2.2>;q=0.9, <sip:192.0.2.3>;q=0.5, <sip:192.0.2.4>;q=0.1\r\n']
  line.register()
  line.advance(1000)
  expect(line.steps).toEqual(['→ REGISTER', '← 302', '→ REGISTER', '← 200', 'registered 3600'])
  expect(line.texts('CSeq')).toEqual(['1 REGISTER', '2 REGISTER'])
  await line.close()
})

test('RFC 5626 §4.2.1: 503 with Retry-After is tried again then, and not oftener than the back-off when it goes on', async () => {
  const line = await WithRegistrar.make()
  line.script = (request, count) => (count < 3 ? [503, 'Retry-After: 20\r\n'] : granting()(request, count))
  line.register()
  line.advance(30_000)
  expect(line.steps.slice(0, 5)).toEqual(['→ REGISTER', '← 503', 'retry after 503', '→ REGISTER', '← 503'])
  const again = Number(line.ladder[3]?.split(' ')[0])
  expect(again).toBeGreaterThanOrEqual(20_020)
  expect(again).toBeLessThanOrEqual(22_020)
  line.advance(130_000)
  const third = Number(line.ladder[6]?.split(' ')[0])
  expect(third - again).toBeGreaterThanOrEqual(60_000)
  expect(third - again).toBeLessThanOrEqual(120_020)
  expect(line.steps.at(-1)).toBe('registered 3600')
  await line.close()
})

test('RFC 5626 §4.5: a registrar that is silent is tried after 30 to 60 s, then 60 to 120 s, and found again', async () => {
  const line = await WithRegistrar.make()
  line.script = () => undefined
  const registration = line.register()
  line.advance(32_000)
  expect(line.steps.at(-1)).toBe('retry after 408')
  expect(registration.state).toBe('waiting')
  expect(new Set(line.texts('CSeq')).size).toBe(1)
  line.advance(60_000)
  expect(new Set(line.texts('CSeq')).size).toBe(2)
  line.script = granting()
  line.advance(160_000)
  expect(line.steps.at(-1)).toBe('registered 3600')
  await line.close()
})

test('RFC 3261 §10.2: a change while a REGISTER is under way waits for its answer', async () => {
  const line = await WithRegistrar.make()
  const registration = line.register({ contacts: ['<sip:a@192.0.2.1>'] })
  line.advance(5)
  registration.change({ contacts: ['<sip:b@192.0.2.1>'] })
  registration.change({ contacts: ['<sip:c@192.0.2.1>'] })
  line.advance(1000)
  expect(line.ladder).toEqual([
    ...['0 → REGISTER', '10 ← 200', '20 registered 3600'],
    ...['20 → REGISTER', '30 ← 200', '40 registered 3600'],
  ])
  expect(line.texts('Contact')[1]).toContain('sip:c@192.0.2.1')
  await line.close()
})

test('RFC 3261 §10.2: an end while a REGISTER is under way removes what that binds', async () => {
  const line = await WithRegistrar.make()
  const registration = line.register()
  line.advance(5)
  registration.end()
  expect(line.ladder).toEqual(['0 → REGISTER'])
  line.advance(10_000)
  expect(line.ladder).toEqual(['0 → REGISTER', '10 ← 200', '20 → REGISTER', '30 ← 200', '40 removed'])
  expect(line.texts('Expires')).toEqual(['3600', '0'])
  expect(line.world.timers.size).toBe(0)
  await line.close()
})

test('an end while nobody answers is told after one last try', async () => {
  const line = await WithRegistrar.make()
  line.register()
  line.advance(100)
  const count = line.heard.length
  line.script = () => undefined
  const registration = line.register()
  line.advance(10)
  registration.end()
  line.advance(100_000)
  expect(line.steps.at(-1)).toBe('removed')
  expect(line.heard.length).toBeGreaterThan(count)
  await line.close()
})

test('renewed by hand: told when it is time, and nothing is sent until asked', async () => {
  const line = await WithRegistrar.make()
  line.script = granting(100)
  const registration = line.register({ renew: 'by hand' })
  line.advance(95_000)
  expect(line.steps).toEqual(['→ REGISTER', '← 200', 'registered 100', 'refresh required'])
  registration.refresh()
  line.advance(100)
  expect(line.steps.slice(4)).toEqual(['→ REGISTER', '← 200', 'registered 100'])
  line.advance(101_000)
  expect(registration.isRegistered).toBe(false)
  await line.close()
})

test('RFC 3608 §5, RFC 3327 §5.1, RFC 5627 §4.2, RFC 7315 §4.1: Service-Route, Path, GRUUs, P-Associated-URI', async () => {
  const line = await WithRegistrar.make()
  line.script = request => [
    200,
    `Contact: <${request.get(h.Contact)?.uri}>;+sip.instance="<urn:uuid:1>";pub-gruu="sip:alice@192.0.2.2;gr=1";temp-gruu="sip:t@192.0.2.2;gr";expires=60\r\n` +
      'Service-Route: <sip:p1.example.com;lr>, <sip:p2.example.com;lr>\r\n' +
      'Path: <sip:edge.example.com;lr>\r\nP-Associated-URI: <tel:+15550100>\r\n',
  ]
  const registration = line.register({ instance: 'urn:uuid:1' })
  line.advance(100)
  expect(registration.serviceRoute.map(String)).toEqual([
    '<sip:p1.example.com;lr>',
    '<sip:p2.example.com;lr>',
  ])
  expect(registration.path.map(String)).toEqual(['<sip:edge.example.com;lr>'])
  expect(registration.associated.map(String)).toEqual(['<tel:+15550100>'])
  expect([registration.publicGruu, registration.temporaryGruu]).toEqual([
    'sip:alice@192.0.2.2;gr=1',
    'sip:t@192.0.2.2;gr',
  ])
  const { outboundProxy, contact } = registration.outgoing.values
  expect(outboundProxy.map(String)).toEqual(['<sip:p1.example.com;lr>', '<sip:p2.example.com;lr>'])
  expect(String(contact)).toBe('<sip:alice@192.0.2.2;gr=1>')
  expect(line.texts('Supported')[0]).toContain('gruu')
  await line.close()
})

test('RFC 3581 §4: the address that a NAT shows is registered in the place of ours', async () => {
  const line = await WithRegistrar.make()
  line.peer.onMessage = message => {
    if (!message.isRequest) return
    line.heard.push(message)
    const contacts = message.all(h.Contact).filter(contact => contact.params.text('expires') !== '0')
    const listed = contacts.map(contact => `Contact: ${contact};expires=600\r\n`).join('')
    const answer = answerTo(message, 200, 'r', listed)
    const seen = answer.replace(
      /^(Via: [^;]*).*(;branch=[^;\r]*).*$/m,
      '$1$2;received=203.0.113.7;rport=40000',
    )
    line.peer.send(seen, '192.0.2.1')
  }
  const registration = line.register({ learnsAddress: true })
  line.advance(1000)
  expect(line.heard).toHaveLength(2)
  const [, second = ''] = line.texts('Contact')
  expect(second).toMatch(
    /^<sip:alice@203\.0\.113\.7:40000;rinstance=\w+>, <sip:alice@192\.0\.2\.1:5060;.*>;expires=0$/,
  )
  expect(registration.contacts).toHaveLength(1)
  expect(registration.outgoing.values.contact?.uri.hostPort).toBe('203.0.113.7:40000')
  await line.close()
})

test('a handler that throws, or rejects, changes nothing', async () => {
  const line = await WithRegistrar.make()
  line.script = granting(60)
  line.register(
    {},
    {
      onSuccess: () => {
        throw new Error('of the application')
      },
    },
  )
  line.advance(100_000)
  expect(line.heard.length).toBe(3)
  expect(line.dum.counters.handlerErrors).toBe(3)
  await line.close()
})

test('what a registrar sends malformed counts as absent', async () => {
  const line = await WithRegistrar.make()
  line.script = () => [200, 'Contact: <<>\r\nExpires: many\r\nService-Route: <<<\r\n']
  const registration = line.register({ expires: 120 })
  line.advance(100)
  expect(registration.expires).toBe(120)
  expect(registration.serviceRoute).toEqual([])
  expect(registration.contacts).toEqual([])
  await line.close()
})

test('a registrar that grants 0 seconds has not registered us', async () => {
  const line = await WithRegistrar.make()
  line.script = request => [200, `Contact: ${request.get(h.Contact)};expires=0\r\n`]
  const registration = line.register()
  line.advance(1000)
  expect(line.steps).toEqual(['→ REGISTER', '← 200', 'retry after 200'])
  expect(registration.isRegistered).toBe(false)
  await line.close()
})
