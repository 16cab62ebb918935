import { describe, expect, it } from 'vitest'
import { algorithmNamed } from '../../../src/stack/auth/algorithm.ts'
import { digestResponse, ha1, responseAuth, userHash } from '../../../src/stack/auth/digest.ts'
import { extValue, fromExtValue } from '../../../src/stack/auth/ext-value.ts'
import type { HashName } from '../../../src/stack/auth/io/hash.ts'

const none = new Uint8Array()

function input(algorithm: string, nonce: string, uri: string, cnonce: string, qop?: 'auth' | 'auth-int') {
  const known = algorithmNamed(algorithm)
  if (known === undefined) throw new Error('a known algorithm expected')
  return { algorithm: known, nonce, uri, cnonce, qop, nc: '00000001' }
}

describe('RFC 7616 §3.9.1: Mufasa', () => {
  const nonce = '7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v'
  const cnonce = 'f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ'
  const key = (hash: HashName): string => ha1(hash, 'Mufasa', 'http-auth@example.org', 'Circle of Life')

  it('MD5', () => {
    const given = input('MD5', nonce, '/dir/index.html', cnonce, 'auth')
    expect(digestResponse(key('MD5'), 'GET', none, given)).toBe('8ca523f5e9506fed4657c9700eebdbec')
  })

  it('SHA-256', () => {
    const given = input('SHA-256', nonce, '/dir/index.html', cnonce, 'auth')
    expect(digestResponse(key('SHA-256'), 'GET', none, given)).toBe(
      '753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1',
    )
  })
})

/**
 * The RFC's own figures, 488869… and ae66e6…, are those of SHA-512 cut to 256 bits, which is another hash than the
 * SHA-512/256 of FIPS 180-4 that its registry names: these are the latter's, computed with OpenSSL.
 */
describe('RFC 7616 §3.9.2: Jäsøn Doe, SHA-512-256', () => {
  it('userhash', () => {
    expect(userHash('SHA-512-256', 'Jäsøn Doe', 'api@example.org')).toBe(
      '793263caabb707a56211940d90411ea4a575adeccb7e360aeb624ed06ece9b0b',
    )
  })

  it('response', () => {
    const given = input(
      'SHA-512-256',
      '5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK',
      '/doe.json',
      'NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v',
      'auth',
    )
    const key = ha1('SHA-512-256', 'Jäsøn Doe', 'api@example.org', 'Secret, or not?')
    expect(digestResponse(key, 'GET', none, given)).toBe(
      '3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5',
    )
  })

  it('username* in the notation of RFC 5987', () => {
    expect(extValue('Jäsøn Doe')).toBe("UTF-8''J%C3%A4s%C3%B8n%20Doe")
    expect(fromExtValue("UTF-8''J%C3%A4s%C3%B8n%20Doe")).toBe('Jäsøn Doe')
    expect(fromExtValue("utf-8'en'a%0D%0Ab")).toBe('a\r\nb')
    for (const wrong of ["ISO-8859-1''J%E4s", "UTF-8''%E4", "UTF-8''a b", "UTF-8''%4", 'Jason', '']) {
      expect(fromExtValue(wrong), wrong).toBeUndefined()
    }
  })
})

describe('RFC 2617 §3.5', () => {
  const key = ha1('MD5', 'Mufasa', 'testrealm@host.com', 'Circle Of Life')
  const nonce = 'dcd98b7102dd2f0e8b11d0f600bfb0c093'
  const uri = '/dir/index.html'

  it('auth', () => {
    const given = input('MD5', nonce, uri, '0a4f113b', 'auth')
    expect(digestResponse(key, 'GET', none, given)).toBe('6629fae49393a05397450978507c4ef1')
  })

  it('§3.2.2.1: without qop, as RFC 2069 has it', () => {
    expect(digestResponse(key, 'GET', none, input('MD5', nonce, uri, '0a4f113b'))).toBe(
      '670fd8c2df070c60b045671b8b24ff02',
    )
  })
})

describe('RFC 8760 §2.6, item 7: a message without a body', () => {
  it.each([
    ['MD5', 'd41d8cd98f00b204e9800998ecf8427e'],
    ['SHA-256', 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'],
  ] as const)('H(entity-body) of %s is that of nothing', (algorithm, ofNothing) => {
    const given = input(algorithm, 'n', 'sip:bob@example.com', 'c', 'auth-int')
    const byHand = input(algorithm, 'n', `sip:bob@example.com:${ofNothing}`, 'c', 'auth')
    // A2 with the hash written out differs in the qop alone, which stands outside of A2
    const key = ha1(algorithm, 'bob', 'example.com', 'x')
    expect(digestResponse(key, 'INVITE', none, given)).not.toBe(digestResponse(key, 'INVITE', none, byHand))
    expect(digestResponse(key, 'INVITE', none, given)).toBe(
      digestResponse(key, 'INVITE', none, { ...byHand, qop: 'auth-int', uri: 'sip:bob@example.com' }),
    )
    expect(responseAuth(key, none, given)).toBe(digestResponse(key, '', none, given))
  })
})
