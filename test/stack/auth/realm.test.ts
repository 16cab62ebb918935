import { inspect } from 'node:util'
import {
  DigestRealm,
  h,
  MemoryUsers,
  type RealmOptions,
  request,
  response,
  type SipRequest,
  type UserStore,
} from 'resip/stack'
import { SimulatedClock, seededRandom } from 'resip/testing'
import { describe, expect, it } from 'vitest'
import { NonceCounts } from '../../../src/stack/auth/nonce-counts.ts'
import { UsageError } from '../../../src/util/errors.ts'
import { credential, Pair, REALM, received, receivedText, register, SECRET } from './pair.ts'

const KEY = new Uint8Array(20).fill(7)

/** The same request with other credentials: a text in the place of another. */
function changed(message: SipRequest, from: string | RegExp, to: string, address?: string): SipRequest {
  const before = message.toString()
  const after = before.replace(from, to)
  if (after === before) throw new Error(`${from} is not in the request`)
  return receivedText(after, address)
}

describe('RFC 8760 §2.3: what a realm offers', () => {
  const offered = (options: Partial<RealmOptions>): unknown =>
    new Pair(options)
      .refusal(received(register()))
      .all(h.WWWAuthenticate)
      .map(value => value.text('algorithm'))

  it('strongest first unless said, each algorithm once', () => {
    expect(offered({})).toEqual(['SHA-512-256', 'SHA-256', 'MD5'])
    expect(offered({ algorithms: ['MD5', 'SHA-256-sess'] })).toEqual(['MD5', 'SHA-256-sess'])
    expect(() => new Pair({ algorithms: ['MD5', 'MD5'] })).toThrow('an algorithm is named twice')
    expect(() => new Pair({ algorithms: [] })).toThrow('name one algorithm')
    expect(() => new Pair({ realm: 'a\r\nb' })).toThrow('control character')
    expect(() => new Pair({ qop: [] })).toThrow('qop is empty')
    expect(() => new Pair({ nonceLifetime: Number.NaN })).toThrow('a number of 1 or more')
    expect(() => new Pair({ nonceKey: new Uint8Array(8) })).toThrow('too short')
  })

  it.each<[string, object]>([
    ['no realm', { realm: undefined }],
    ['an empty realm', { realm: '' }],
    ['a number as realm', { realm: 5 }],
    ['no store', { users: undefined }],
    ['a store without find', { users: {} }],
    ['one algorithm as a text', { algorithms: 'MD5' }],
    ['a number as algorithm', { algorithms: [5] }],
    ['one qop as a text', { qop: 'auth' }],
    ['a qop that is none', { qop: ['auth-conf'] }],
    ['an onWrong that is none', { onWrong: 'ignore' }],
    ['a text as key', { nonceKey: 'a text that is long enough' }],
    ['no function as acceptsUri', { acceptsUri: true }],
    ['NaN look-ups', { maxLookUps: Number.NaN }],
    ['a text as time', { lookUpTimeout: '5000' }],
  ])('is told at once where it is given %s', (_, wrong) => {
    const users = new MemoryUsers()
    const options: object = { realm: REALM, users, ...wrong }
    const make = (): unknown => Reflect.construct(DigestRealm, [options])
    expect(make).toThrow(UsageError)
  })

  it('no userhash where the store cannot find by it (RFC 7616 §3.4.4)', () => {
    const find = (): undefined => undefined
    const asked = (users: UserStore): unknown =>
      new Pair({ userhash: true, users })
        .refusal(received(register()))
        .get(h.WWWAuthenticate)
        ?.text('userhash')
    expect(asked({ find })).toBeUndefined()
    expect(asked({ find, findHashed: find })).toBe('true')
  })

  it('RFC 3261 §22.3: a proxy asks with 407 and the Proxy headers', () => {
    const refusal = new Pair({ proxy: true }).refusal(received(register()))
    expect(refusal.status).toBe(407)
    expect(refusal.has(h.WWWAuthenticate)).toBe(false)
    expect(refusal.all(h.ProxyAuthenticate)).toHaveLength(3)
  })

  it('RFC 3261 §22.1: ACK and CANCEL are never challenged', () => {
    const pair = new Pair()
    for (const method of ['ACK', 'CANCEL']) {
      const message = received(request(method, 'sip:bob@example.com', { from: '<sip:a@b>' }))
      expect(pair.check(message).kind).toBe('exempt')
    }
  })
})

describe('RFC 7616 §5.4, §5.5: nonces', () => {
  it('one whose time is over is stale, and a client that gets another goes on', () => {
    const pair = new Pair({ nonceLifetime: 60_000 })
    const message = pair.authenticated()
    pair.clock.advance(60_001)
    const refusal = pair.refusal(message)
    expect(refusal.get(h.WWWAuthenticate)?.text('stale')).toBe('true')
    expect(pair.realm.counters.stale).toBe(1)
    expect(pair.realm.remembered.nonces).toBe(0)
  })

  it.each([
    ['another realm', { realm: 'other.example.com', nonceKey: KEY }],
    ['another key', { nonceKey: new Uint8Array(20).fill(8) }],
  ])('one of %s is none of ours', (_what, options) => {
    const other = new Pair({ ...options }).authenticated()
    const pair = new Pair({ nonceKey: KEY })
    const message = receivedText(other.toString().replace(/realm="[^"]*"/, `realm="${REALM}"`))
    expect(pair.check(message)).toMatchObject({ why: 'stale' })
  })

  it('one from the future is none; a second between the clocks of two nodes is nothing', () => {
    const ahead = new Pair({ nonceKey: KEY })
    ahead.clock.advance(1000)
    const pair = new Pair({ nonceKey: KEY })
    expect(pair.check(ahead.authenticated()).kind).toBe('authenticated')
    ahead.clock.advance(1)
    expect(pair.check(ahead.authenticated())).toMatchObject({ why: 'stale' })
  })

  it('nodes that share a key take each other’s', () => {
    const [one, other] = [new Pair({ nonceKey: KEY }), new Pair({ nonceKey: KEY })]
    expect(other.check(one.authenticated()).kind).toBe('authenticated')
  })

  it('bound to the source, it is of no use to another address', () => {
    const free = new Pair()
    const message = free.authenticated()
    const moved = receivedText(message.toString(), '203.0.113.9')
    expect(free.check(moved).kind).toBe('authenticated')
    const bound = new Pair({ bindSource: true })
    const own = bound.authenticated()
    expect(bound.check(receivedText(own.toString(), '203.0.113.9'))).toMatchObject({ why: 'stale' })
    expect(bound.check(own).kind).toBe('authenticated')
  })

  it('nothing is remembered of a challenge, nor of credentials that are wrong', () => {
    const pair = new Pair()
    for (let i = 0; i < 1000; i++) pair.check(received(register()))
    const wrong = changed(pair.authenticated(), /response="./, 'response="g')
    expect(pair.check(wrong)).toMatchObject({ why: 'wrong' })
    expect(pair.realm.remembered.nonces).toBe(0)
  })

  it('each count is taken once, out of order too, and none that is below the window', () => {
    const counts = new NonceCounts(10, 1000)
    const nonce = '000000000001abcdefghijkl'
    const taken = (...list: number[]): boolean[] => list.map(count => counts.take(nonce, count, 1))
    expect(taken(1, 1)).toEqual([true, false])
    expect(taken(5, 3, 3, 4, 2, 5)).toEqual([true, true, false, true, true, false])
    expect(taken(40, 9, 8, 5)).toEqual([true, true, false, false])
    expect(taken(39, 39)).toEqual([true, false])
    expect(taken(0xffffffff, 0xffffffff, 0xfffffffe)).toEqual([true, false, true])
    expect(taken(41, 100)).toEqual([false, false])
  })

  it('what is remembered is bounded, and what was forgotten cannot be replayed', () => {
    const counts = new NonceCounts(100, 1_000_000)
    const nonceOf = (at: number): string => `${at.toString(16).padStart(12, '0')}abcdefghijkl`
    for (let at = 1; at <= 1000; at++) expect(counts.take(nonceOf(at), 1, at)).toBe(true)
    expect(counts.size).toBe(100)
    expect(counts.evicted).toBe(900)
    for (let at = 1; at <= 1000; at++) expect(counts.take(nonceOf(at), 1, 1000)).toBe(false)
    expect(counts.take(nonceOf(1000), 2, 1000)).toBe(true)
    expect(counts.take(nonceOf(1001), 1, 1001)).toBe(true)
    // those whose time is over make room without being counted
    expect(counts.take(nonceOf(3_000_000), 1, 3_000_000)).toBe(true)
    expect([counts.size, counts.evicted]).toEqual([1, 901])
  })
})

describe('RFC 7616 §3.4: credentials that are refused', () => {
  const pair = new Pair({ algorithms: ['SHA-256', 'SHA-256-sess'], qop: ['auth'] })
  const good = (): SipRequest => pair.authenticated()

  it.each([
    ['a count of 0', /nc=\w+/, 'nc=00000000', 'improper'],
    ['a count that is none', /nc=\w+/, 'nc=0000000g', 'improper'],
    ['a count of nine digits', /nc=\w+/, 'nc=100000000', 'improper'],
    ['no count', /, nc=\w+/, '', 'improper'],
    ['no cnonce', /, cnonce="[^"]*"/, '', 'improper'],
    ['an empty cnonce', /cnonce="[^"]*"/, 'cnonce=""', 'improper'],
    ['no nonce', / nonce="[^"]*",/, '', 'improper'],
    ['no uri', / uri="[^"]*",/, '', 'improper'],
    ['no response', / response="[^"]*",/, '', 'improper'],
    ['no username', / username="[^"]*",/, '', 'improper'],
    ['both kinds of username', 'username=', "username*=UTF-8''bob, username=", 'improper'],
    ['username* that is a hash', 'username="bob"', "username*=UTF-8''bob, userhash=true", 'improper'],
    ['a parameter twice', 'uri=', 'uri="sip:example.com", uri=', 'improper'],
    ['a response that is too short', /response="../, 'response="', 'improper'],
    ['a response that is too long', /response="/, 'response="00', 'improper'],
    ['a response that is wrong', /response="..../, 'response="....', 'wrong'],
    ['another count than was signed', /nc=\w+/, 'nc=00000002', 'wrong'],
    ['another cnonce than was signed', /cnonce="./, 'cnonce="?', 'wrong'],
    ['another user than was signed', 'username="bob"', 'username="bobo"', 'wrong'],
    ['another method than was signed', /^REGISTER/, 'OPTIONS', 'wrong'],
    ['qop that was not offered', 'qop=auth', 'qop=auth-int', 'improper'],
    ['qop that nobody knows', 'qop=auth', 'qop=auth-conf', 'improper'],
    ['an algorithm that was not offered', /algorithm=[\w-]+/, 'algorithm=SHA-512-256', 'weak'],
    ['an algorithm that nobody knows', /algorithm=[\w-]+/, 'algorithm=AKAv1-MD5', 'weak'],
    [
      'a weaker algorithm (downgrade)',
      /response="\w{32}(\w{32})", algorithm=SHA-256/,
      'response="$1", algorithm=MD5',
      'weak',
    ],
    ['no algorithm, which is MD5', /response="\w{32}(\w{32})", algorithm=SHA-256/, 'response="$1"', 'weak'],
    ['another uri', 'uri="sip:example.com"', 'uri="sip:example.net"', 'improper'],
    ['a uri that is none', 'uri="sip:example.com"', 'uri="http:"', 'improper'],
    ['another scheme', 'Authorization: Digest', 'Authorization: Basic', 'no credentials'],
    ['another realm', 'realm="example.com"', 'realm="EXAMPLE.COM"', 'no credentials'],
    ['an empty response (RFC 8760 §2.7)', /response="[^"]*"/, 'response=""', 'no credentials'],
    ['what cannot be read', 'Authorization: Digest', 'Authorization: Digest =,', 'improper'],
    ['-sess without qop', /algorithm=SHA-256(.*), qop=auth/, 'algorithm=SHA-256-sess$1', 'improper'],
  ] as const)('%s', (_what, from, to, why) => {
    const verdict = pair.check(changed(good(), from, to))
    expect(verdict).toMatchObject({ kind: 'refused', why, status: why === 'improper' ? 400 : 401 })
  })

  it('qop and algorithm in quotes, as many clients write them, are taken', () => {
    expect(pair.check(changed(good(), 'qop=auth', 'qop="auth"')).kind).toBe('authenticated')
    expect(pair.check(changed(good(), 'algorithm=SHA-256', 'algorithm="sha-256"')).kind).toBe('authenticated')
  })

  it('a replay is refused, from the same source and from another, with a new nonce', () => {
    const message = good()
    expect(pair.check(message).kind).toBe('authenticated')
    expect(pair.check(message)).toMatchObject({ why: 'replay', status: 401 })
    expect(pair.check(receivedText(message.toString(), '203.0.113.9'))).toMatchObject({ why: 'replay' })
    expect(pair.refusal(message).get(h.WWWAuthenticate)?.text('stale')).toBe('true')
  })

  it('auth-int covers every octet of the body, a boundary of multipart too', () => {
    const whole = new Pair({ qop: ['auth-int'], clientQop: 'auth-int' })
    const body = '--x\r\nContent-Type: text/plain\r\n\r\none\r\n--x--\r\n'
    const message = whole.authenticated(register().setBody('multipart/mixed;boundary=x', body))
    expect(whole.check(changed(message, '--x--', '--y--'))).toMatchObject({ why: 'wrong' })
    expect(whole.check(message)).toMatchObject({ kind: 'authenticated', qop: 'auth-int' })
  })

  it('RFC 3261 §22.3: of several credentials those for this realm count, and of two the one whose nonce is good', () => {
    const message = good()
    const [own = ''] = /Authorization: .*\r\n/.exec(message.toString()) ?? []
    const others = own.replace(/realm="[^"]*"/, 'realm="other"').repeat(5)
    const old = own.replace(/nonce="[^"]*"/, `nonce="${'0'.repeat(48)}"`)
    expect(pair.check(changed(message, own, others + old + own)).kind).toBe('authenticated')
  })

  it('huge headers and a thousand of them cost little and are refused', () => {
    const message = good()
    const many = changed(message, 'qop=auth', `${'x=y, '.repeat(10_000)}qop=auth`)
    expect(pair.check(many).kind).toBe('authenticated')
    const long = changed(good(), 'username="bob"', `username="${'b'.repeat(50_000)}"`)
    expect(pair.check(long)).toMatchObject({ why: 'wrong' })
    const lines = 'Authorization: Digest realm="example.com", nonce="x"\r\n'.repeat(450)
    expect(pair.check(changed(good(), 'Authorization:', `${lines}Authorization:`))).toMatchObject({
      why: 'improper',
    })
  })

  it('RFC 3261 §22.4, item 6: the digest-uri may differ in what proxies change, and who runs a server may decide', () => {
    const asked = received(
      request('INVITE', 'sip:bob@192.0.2.7:5070;transport=tcp', {
        from: '<sip:bob@example.com>',
        to: '<sip:alice@example.com>',
      }),
    )
    const verdictOn = (uri: string, options: Partial<RealmOptions> = {}): string => {
      const own = new Pair(options)
      const exchange = own.client.begin(
        request('INVITE', uri, { from: '<sip:bob@example.com>', to: '<sip:alice@example.com>' }),
      )
      const next = exchange.next(own.refusal(asked))
      const [line = ''] = /Authorization: .*\r\n/.exec(received(next ?? register()).toString()) ?? []
      return own.check(changed(asked, 'Max-Forwards', `${line}Max-Forwards`)).kind
    }
    expect(verdictOn('sip:bob@192.0.2.7:5070;transport=tcp')).toBe('authenticated')
    expect(verdictOn('sip:bob@192.0.2.7')).toBe('authenticated')
    expect(verdictOn('sip:alice@EXAMPLE.com')).toBe('authenticated')
    expect(verdictOn('sip:192.0.2.7')).toBe('authenticated')
    expect(verdictOn('sip:carol@example.com')).toBe('refused')
    expect(verdictOn('tel:+15551234')).toBe('refused')
    expect(verdictOn('sip:carol@example.com', { acceptsUri: uri => uri.user === 'carol' })).toBe(
      'authenticated',
    )
    const throwing = (): never => {
      throw new Error('in acceptsUri')
    }
    expect(verdictOn('sip:alice@example.com', { acceptsUri: throwing })).toBe('refused')
  })
})

describe('RFC 7616 §3.5: Authentication-Info', () => {
  it('the next nonce comes when the present one has reached half its life time', () => {
    const pair = new Pair({ nonceLifetime: 60_000 })
    const infoAt = (advance: number): string | undefined => {
      const message = pair.authenticated()
      pair.clock.advance(advance)
      const verdict = pair.check(message)
      if (verdict.kind !== 'authenticated') throw new Error(verdict.kind)
      const ok = verdict.addInfo(response(message, 200, 'tag'))
      return ok.get(h.AuthenticationInfo)?.text('nextnonce')
    }
    expect(infoAt(29_999)).toBeUndefined()
    expect(infoAt(30_000)).toMatch(/^.{48}$/)
  })
})

describe('what forwarding takes away', () => {
  it('RFC 3261 §22.3: own credentials, and those of no other realm, byte for byte', () => {
    const pair = new Pair({ proxy: true })
    const own = 'Proxy-Authorization: Digest realm="example.com", nonce="a"\r\n'
    const other = 'Proxy-Authorization: Digest  realm="other" ,nonce="b"\r\n'
    const broken = 'Proxy-Authorization: Digest realm="\r\n'
    const message = changed(received(register()), 'Max-Forwards', `${own}${other}${broken}Max-Forwards`)
    const out = received(pair.realm.strip(message.forward())).toString()
    expect(out).not.toContain('realm="example.com"')
    expect(out).toContain('Digest  realm="other" ,nonce="b"\r\n')
    expect(out).toContain('Digest realm="\r\n')
  })
})

describe('user stores', () => {
  const realmWith = (
    users: UserStore,
    options: Partial<RealmOptions> = {},
  ): { pair: Pair; realm: DigestRealm } => {
    const clock = new SimulatedClock()
    const shared = { clock, nonceKey: KEY }
    const realm = new DigestRealm({ realm: REALM, users, random: seededRandom(3), ...shared, ...options })
    return { pair: new Pair(shared), realm }
  }
  const table = new MemoryUsers([{ username: 'bob', realm: REALM, secret: SECRET }])

  it('one that answers later is waited for', async () => {
    const { pair, realm } = realmWith({ find: async (name, of) => table.find(name, of) })
    const verdict = realm.check(pair.authenticated())
    expect(verdict).toBeInstanceOf(Promise)
    expect(await verdict).toMatchObject({ kind: 'authenticated', username: 'bob' })
  })

  it('one that throws, rejects, is too slow or gives what is none: 500 or not known, and it is told', async () => {
    const told: string[] = []
    const failed = (error: unknown): unknown => told.push(error instanceof Error ? error.message : '')
    const throwing = realmWith(
      {
        find: () => {
          throw new Error('thrown')
        },
      },
      { failed },
    )
    expect(throwing.realm.check(throwing.pair.authenticated())).toMatchObject({ status: 500, why: 'failed' })
    const rejecting = realmWith({ find: () => Promise.reject(new Error('rejected')) }, { failed })
    expect(await rejecting.realm.check(rejecting.pair.authenticated())).toMatchObject({ status: 500 })
    const garbage = realmWith({ find: () => ({ username: 'bob', ha1: () => 'short' }) }, { failed })
    expect(garbage.realm.check(garbage.pair.authenticated())).toMatchObject({ why: 'wrong' })
    const clock = new SimulatedClock()
    const slow = realmWith({ find: () => new Promise(() => {}) }, { failed, clock, lookUpTimeout: 700 })
    const pending = slow.realm.check(slow.pair.authenticated())
    clock.advance(700)
    expect(await pending).toMatchObject({ status: 500 })
    expect(told).toEqual(['thrown', 'rejected', 'the user store did not answer within 700 ms'])
  })

  it('look-ups at a time are bounded', async () => {
    const waiting: (() => void)[] = []
    const find = (): Promise<undefined> => new Promise(resolve => waiting.push(() => resolve(undefined)))
    const { pair, realm } = realmWith({ find }, { maxLookUps: 2 })
    const first = [realm.check(pair.authenticated()), realm.check(pair.authenticated())]
    expect(realm.check(pair.authenticated())).toMatchObject({ status: 500, why: 'failed' })
    for (const answer of waiting) answer()
    await Promise.all(first)
    expect(realm.check(pair.authenticated())).toBeInstanceOf(Promise)
  })

  it('a wrong secret is answered 403 where that is wanted, for users that are known and others alike', () => {
    const { pair, realm } = realmWith(table, { onWrong: 'forbid' })
    for (const name of ['bob', 'nobody']) {
      const message = receivedText(
        pair.authenticated().toString().replace('username="bob"', `username="${name}"`),
      )
      const wrong = changed(message, /response="..../, 'response="0000')
      expect(realm.check(wrong)).toMatchObject({ status: 403, why: 'forbidden' })
    }
  })

  it('no secret can be seen from outside', () => {
    const pair = new Pair()
    const message = pair.authenticated()
    const shown = [pair.client, pair.client.accounts[0], pair.realm, pair.users, pair.check(message)]
      .map(
        value =>
          `${JSON.stringify(value)} ${String(value)} ${inspect(value, { depth: 9, showHidden: true })}`,
      )
      .join()
    expect(shown).not.toContain(SECRET)
    expect(shown).not.toContain(pair.users.find('bob', REALM)?.ha1('SHA-256'))
    expect(credential(message, 'username')).toBe('bob')
  })
})
