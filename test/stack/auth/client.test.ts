import { DigestClient, h, request, response, type SipResponse } from 'resip/stack'
import { describe, expect, it } from 'vitest'
import { UsageError } from '../../../src/util/errors.ts'
import { Pair, REALM, received, receivedResponse, register, SECRET } from './pair.ts'

const account = { username: 'bob', realms: REALM, password: SECRET }

/** A 401 with challenges as they are written, some of them for a proxy's 407. */
function challenged(...challenges: readonly string[]): SipResponse {
  const out = response(received(register()), 401, 'tag')
  return receivedResponse(out.setText(h.WWWAuthenticate, ...challenges))
}

function digest(nonce: string, more: string = 'qop="auth", algorithm=MD5', realm: string = REALM): string {
  return `Digest realm="${realm}", nonce="${nonce}", ${more}`
}

/** What a client answers: the algorithms, realms and counts of its credentials; `undefined` for nothing. */
function answer(client: DigestClient, ...challenges: readonly string[]): unknown {
  return client
    .begin(register())
    .next(challenged(...challenges))
    ?.all(h.Authorization)
    .map(value => [value.text('realm'), value.text('algorithm'), value.text('nonce')])
}

describe('RFC 8760 §2.4: which challenge is answered', () => {
  it('the topmost that it can, whatever is stronger below', () => {
    const client = new DigestClient(account)
    expect(
      answer(
        client,
        digest('1', 'qop="auth", algorithm=AKAv2'),
        digest('2'),
        digest('3', 'qop="auth", algorithm=SHA-256'),
      ),
    ).toEqual([[REALM, 'MD5', '2']])
  })

  it('none that is weaker than its account allows', () => {
    const client = new DigestClient({ ...account, weakest: 'SHA-256' })
    expect(answer(client, digest('1'))).toBeUndefined()
    expect(answer(client, digest('1'), digest('2', 'qop="auth", algorithm=SHA-512-256-sess'))).toEqual([
      [REALM, 'SHA-512-256-sess', '2'],
    ])
    expect(client.counters).toMatchObject({ unanswered: 1, answered: 1 })
  })

  it('none of a realm that is not configured, one of each that is (RFC 3261 §22.3)', () => {
    const other = { username: 'b', realms: 'other', password: 'x' }
    const client = new DigestClient([account, other])
    expect(answer(client, digest('1', 'qop="auth"', 'evil'))).toBeUndefined()
    expect(answer(client, digest('1', 'qop="auth"', 'other'), digest('2'), digest('3'))).toEqual([
      ['other', 'MD5', '1'],
      [REALM, 'MD5', '2'],
    ])
  })

  it.each([
    ['Basic, which SIP has not (RFC 3261 §22)', `Basic realm="${REALM}"`],
    ['a qop that nobody knows', digest('1', 'qop="auth-conf"')],
    ['another charset', digest('1', 'qop="auth", charset=ISO-8859-1')],
    ['no nonce', `Digest realm="${REALM}", qop="auth"`],
    ['an empty nonce', digest('')],
    ['a nonce twice', digest('1', 'nonce="2", qop="auth"')],
    ['-sess without qop (RFC 3261 §22.4, item 8)', digest('1', 'algorithm=MD5-sess')],
    ['what cannot be read', 'Digest realm="'],
    ['a nonce that nobody wants to keep', digest('n'.repeat(5000))],
  ])('%s is ignored, and the next one answered', (_what, ignored) => {
    expect(answer(new DigestClient(account), ignored, digest('9'))).toEqual([[REALM, 'MD5', '9']])
  })

  it('of a thousand challenges a few are looked at', () => {
    const others = Array.from({ length: 400 }, (_, at) => digest('1', 'qop="auth"', `realm-${at}`))
    expect(answer(new DigestClient(account), ...others, digest('2'))).toBeUndefined()
    expect(answer(new DigestClient(account), digest('2'), ...others)).toEqual([[REALM, 'MD5', '2']])
  })

  it('what an account is given must fit together', () => {
    expect(() => new DigestClient({ username: 'bob', realms: REALM })).toThrow('either password or ha1')
    expect(() => new DigestClient({ ...account, ha1: {} })).toThrow('either password or ha1')
    expect(() => new DigestClient({ username: 'bob', realms: [REALM, 'b'], ha1: {} })).toThrow('one realm')
    expect(() => new DigestClient({ username: 'bob', realms: REALM, ha1: { MD5: 'x' } })).toThrow(
      '32 hexadecimal digits',
    )
    expect(() => new DigestClient({ ...account, realms: [] })).toThrow('name the realms')
  })

  it.each<[string, object, string]>([
    ['no name', { username: undefined }, 'username'],
    ['an empty name', { username: '' }, 'username'],
    ['a number as realm', { realms: [5] }, 'realms'],
    ['no realms', { realms: undefined }, 'realms'],
    ['a number as password', { password: 5 }, 'password'],
    ['a qop that is none', { qop: 'auth-conf' }, 'qop'],
    ['no hash', { password: undefined, ha1: {} }, 'no hash'],
    ['a hash of another name', { password: undefined, ha1: { 'sha-256': '0'.repeat(64) } }, 'sha-256'],
  ])('an account is told at once that it is given %s', (_, wrong, said) => {
    const make = (): unknown => Reflect.construct(DigestClient, [{ ...account, ...wrong }])
    expect(make).toThrow(UsageError)
    expect(make).toThrow(said)
  })
})

describe('RFC 3261 §22.1: no loops', () => {
  it('a secret that was refused is not tried again, under whatever nonce', () => {
    const exchange = new DigestClient(account).begin(register())
    expect(exchange.next(challenged(digest('1')))).toBeDefined()
    expect(exchange.next(challenged(digest('2')))).toBeUndefined()
  })

  it('a stale nonce is replaced once, and never by itself', () => {
    const stale = 'stale=TRUE, qop="auth"'
    const exchange = new DigestClient(account).begin(register())
    expect(exchange.next(challenged(digest('1')))).toBeDefined()
    expect(exchange.next(challenged(digest('1', stale)))).toBeUndefined()
    const other = new DigestClient(account).begin(register())
    expect(other.next(challenged(digest('1')))).toBeDefined()
    expect(other.next(challenged(digest('2', stale)))?.cseq.number).toBe(3)
    expect(other.next(challenged(digest('3', stale)))).toBeUndefined()
  })

  it('one proxy after the other may ask, a few of them', () => {
    const realms = Array.from({ length: 20 }, (_, at) => `realm-${at}`)
    const exchange = new DigestClient({ username: 'bob', realms, password: SECRET }).begin(register())
    const counts = realms.map(
      realm => exchange.next(challenged(digest('1', 'qop="auth"', realm)))?.all(h.Authorization).length,
    )
    expect(counts.filter(count => count !== undefined)).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
  })

  it('RFC 7616 §3.4: the count of a realm’s nonce goes up with each repeat', () => {
    const client = new DigestClient({ username: 'bob', realms: ['a', 'b'], password: SECRET })
    const exchange = client.begin(register())
    exchange.next(challenged(digest('1', 'qop="auth"', 'a')))
    const out = exchange.next(challenged(digest('2', 'qop="auth"', 'b')))
    expect(out?.all(h.Authorization).map(value => value.text('nc'))).toEqual(['00000002', '00000001'])
    expect([out?.cseq.number, out?.callId, out?.from.tag]).toEqual([
      3,
      exchange.first().callId,
      exchange.first().from.tag,
    ])
  })

  it('a nonce that nobody asked for anew may be refused: the next one is answered, once', () => {
    const client = new DigestClient(account)
    client.begin(register()).next(challenged(digest('1')))
    const exchange = client.begin(register())
    expect(exchange.first().get(h.Authorization)?.text('nc')).toBe('00000002')
    expect(exchange.next(challenged(digest('2')))).toBeDefined()
    expect(exchange.next(challenged(digest('3')))).toBeUndefined()
    // what was refused is forgotten
    expect(client.begin(register()).first().has(h.Authorization)).toBe(false)
  })
})

describe('RFC 3261 §22.2, §22.3: what credentials go along with', () => {
  const proxied = (): SipResponse => {
    const out = response(received(register()), 407, 'tag')
    return receivedResponse(out.setText(h.ProxyAuthenticate, digest('1')))
  }

  it('those of a server with requests to the same To, those of a proxy with the same Call-ID', () => {
    const client = new DigestClient(account)
    const first = register()
    client.begin(first).next(challenged(digest('1')))
    client.begin(first).next(proxied())
    const with_ = (template = register()): boolean[] => {
      const out = client.begin(template).first()
      return [out.has(h.Authorization), out.has(h.ProxyAuthorization)]
    }
    expect(with_()).toEqual([true, false])
    expect(with_(first)).toEqual([true, true])
    expect(with_(request('MESSAGE', 'sip:carol@example.com', { from: '<sip:bob@example.com>' }))).toEqual([
      false,
      false,
    ])
  })

  it('those of one’s own outbound proxy with everything', () => {
    const client = new DigestClient({ ...account, everywhere: true })
    client.begin(register()).next(proxied())
    const elsewhere = request('MESSAGE', 'sip:carol@example.net', { from: '<sip:bob@example.com>' })
    expect(client.begin(elsewhere).first().get(h.ProxyAuthorization)?.text('nc')).toBe('00000002')
  })

  it('sessions are bounded: the one not used for longest goes', () => {
    const client = new DigestClient(account)
    const to = (at: number) => request('MESSAGE', `sip:u${at}@example.com`, { from: '<sip:bob@example.com>' })
    for (let at = 0; at <= 1000; at++) client.begin(to(at)).next(challenged(digest('1')))
    expect(client.begin(to(0)).first().has(h.Authorization)).toBe(false)
    expect(client.begin(to(1)).first().has(h.Authorization)).toBe(true)
  })
})

describe('RFC 7616 §3.5: what Authentication-Info proves', () => {
  const answered = (change: (info: string) => string): [DigestClient, SipResponse, string] => {
    const pair = new Pair({ nextNonceAfter: 0 })
    const exchange = pair.client.begin(register())
    const next = exchange.next(pair.refusal(received(exchange.first())))
    const message = received(next ?? register())
    const verdict = pair.check(message)
    if (verdict.kind !== 'authenticated') throw new Error(verdict.kind)
    const ok = verdict.addInfo(response(message, 200, 'tag'))
    const nonce = ok.get(h.AuthenticationInfo)?.text('nextnonce') ?? ''
    const answer = receivedResponse(
      ok.setText(h.AuthenticationInfo, change(ok.get(h.AuthenticationInfo)?.join(', ') ?? '')),
    )
    exchange.next(answer)
    return [pair.client, answer, nonce]
  }
  const used = (client: DigestClient): string | undefined =>
    client.begin(register()).first().get(h.Authorization)?.text('nonce')

  it('the right proof, and the next nonce is used', () => {
    const [client, ok, next] = answered(info => info)
    expect([client.proofOf(ok), used(client)]).toEqual(['right', next])
  })

  it('no proof: the next nonce is used all the same', () => {
    const [client, ok, next] = answered(info => info.replace(/rspauth="[^"]*", /, ''))
    expect([client.proofOf(ok), used(client)]).toEqual(['none', next])
  })

  it.each([
    ['a wrong rspauth', /rspauth="..../, 'rspauth="0000'],
    ['a wrong count', /nc=\w+/, 'nc=00000002'],
    ['another protection', 'qop=auth', 'qop=auth-int'],
  ])('%s: the next nonce is not taken', (_what, from, to) => {
    const [client, ok, next] = answered(info => info.replace(from, to))
    expect(client.proofOf(ok)).toBe('wrong')
    expect(client.counters.wrongProofs).toBe(1)
    expect(used(client)).not.toBe(next)
  })

  it('what is about another request says nothing', () => {
    const [client, ok, next] = answered(info => info.replace(/cnonce="./, 'cnonce="?'))
    expect(client.proofOf(ok)).toBe('none')
    expect(used(client)).not.toBe(next)
  })
})
