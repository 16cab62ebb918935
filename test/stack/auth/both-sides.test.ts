import fc from 'fast-check'
import { DigestClient, h, request, response } from 'resip/stack'
import { describe, expect, it } from 'vitest'
import { algorithms, credential, Pair, received, receivedResponse, register, SECRET } from './pair.ts'

/** What a name or a secret may hold: quotes, backslashes, colons, blanks, commas, Unicode. */
const odd = fc.string({
  unit: fc.constantFrom('a', 'Z', '0', '"', '\\', ':', ' ', ',', ';', '=', '%', "'", '*', 'ä', '漢', '🔑'),
  minLength: 1,
  maxLength: 12,
})

describe('RFC 7616, RFC 8760: client and server agree', () => {
  for (const algorithm of algorithms) {
    for (const qop of ['auth', 'auth-int'] as const) {
      for (const userhash of [false, true]) {
        it(`${algorithm}, ${qop}${userhash ? ', userhash' : ''}: whatever stands in name, secret, realm and body`, () => {
          fc.assert(
            fc.property(odd, odd, odd, fc.uint8Array({ maxLength: 40 }), (username, secret, realm, body) => {
              const pair = new Pair({
                username,
                secret,
                realm,
                userhash,
                algorithms: [algorithm],
                qop: [qop],
                nextNonceAfter: 0,
              })
              const template = request('MESSAGE', 'sip:alice@example.com', {
                from: '<sip:bob@example.com>',
              }).setBody('application/octet-stream', body)
              const exchange = pair.client.begin(template)
              const next = exchange.next(pair.refusal(received(exchange.first())))
              if (next === undefined) throw new Error('the challenge was not answered')
              const message = received(next)
              const verdict = pair.check(message)
              if (verdict.kind !== 'authenticated') throw new Error(`refused: ${JSON.stringify(verdict)}`)
              expect([verdict.username, verdict.algorithm, verdict.qop]).toEqual([username, algorithm, qop])
              const ok = response(message, 200, 'tag').setBody('application/octet-stream', body)
              const answer = receivedResponse(verdict.addInfo(ok))
              expect(exchange.next(answer)).toBeUndefined()
              expect(pair.client.proofOf(answer)).toBe('right')
              // nextnonce: the request after that goes out under it, and is taken at once
              const second = pair.client.begin(template.derive()).first()
              expect(pair.check(received(second)).kind).toBe('authenticated')
            }),
            { numRuns: 25 },
          )
        })
      }
    }
  }

  it('RFC 7616 §3.4: a name with a control character is sent as username*', () => {
    const pair = new Pair({ username: 'bo\tb\u0001' })
    const message = pair.authenticated()
    expect(credential(message, 'username')).toBeUndefined()
    expect(credential(message, 'username*')).toBe("UTF-8''bo%09b%01")
    expect(pair.check(message)).toMatchObject({ kind: 'authenticated', username: 'bo\tb\u0001' })
  })

  it('RFC 2617 §3.2.2.1: credentials without qop are taken, each nonce once', () => {
    const pair = new Pair({ algorithms: ['MD5'] })
    const challenge = pair.refusal(received(register())).get(h.WWWAuthenticate)
    if (challenge === undefined) throw new Error('a challenge expected')
    const old = response(received(register()), 401, 'tag').set(
      h.WWWAuthenticate,
      challenge.withParams(challenge.params.without('qop')),
    )
    const exchange = pair.client.begin(register())
    const next = exchange.next(receivedResponse(old))
    if (next === undefined) throw new Error('not answered')
    const message = received(next)
    expect(
      credential(message, 'qop') ?? credential(message, 'cnonce') ?? credential(message, 'nc'),
    ).toBeUndefined()
    expect(pair.check(message).kind).toBe('authenticated')
    expect(pair.check(message)).toMatchObject({ kind: 'refused', why: 'replay' })
    const strict = new DigestClient({
      username: 'bob',
      realms: 'example.com',
      password: SECRET,
      withoutQop: false,
    })
    expect(strict.begin(register()).next(receivedResponse(old))).toBeUndefined()
  })

  it('RFC 7616 §3.3, §3.4: what must stand in quotes does, and what must not does not', () => {
    const pair = new Pair({
      algorithms: ['SHA-256'],
      userhash: true,
      opaque: 'op',
      domain: 'sip:example.com',
    })
    const challenge = pair.refusal(received(register())).get(h.WWWAuthenticate)?.toString() ?? ''
    expect(challenge).toMatch(
      /^Digest realm="example\.com", domain="sip:example\.com", nonce="[^"]{48}", opaque="op", algorithm=SHA-256, qop="auth", charset=UTF-8, userhash=true$/,
    )
    const value = pair.authenticated().get(h.Authorization)?.toString() ?? ''
    expect(value).toMatch(
      /^Digest username="[0-9a-f]{64}", realm="example\.com", nonce="[^"]{48}", uri="sip:example\.com", response="[0-9a-f]{64}", algorithm=SHA-256, cnonce="[^"]{16}", opaque="op", qop=auth, nc=00000001, userhash=true$/,
    )
  })

  it('credentials may be kept as HA1, for the algorithms they were made for', () => {
    const pair = new Pair()
    const users = pair.users.find('bob', 'example.com')
    const client = new DigestClient({
      username: 'bob',
      realms: 'example.com',
      ha1: { 'SHA-256': users?.ha1('SHA-256') ?? '' },
    })
    const exchange = client.begin(register())
    const next = exchange.next(pair.refusal(received(exchange.first())))
    // SHA-512-256 stands first, and this account cannot do it (RFC 8760 §2.4)
    expect(next?.get(h.Authorization)?.text('algorithm')).toBe('SHA-256')
    if (next !== undefined) expect(pair.check(received(next)).kind).toBe('authenticated')
  })
})
