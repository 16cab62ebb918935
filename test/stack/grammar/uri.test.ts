import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  embed,
  embedded,
  h,
  nameAddr,
  ParseError,
  p,
  sameUri,
  textParam,
  type Uri,
  uri,
} from '../../../src/stack/index.ts'

describe('equality of URIs (RFC 3261 §19.1.4)', () => {
  it.each([
    ['sip:%61lice@atlanta.com;transport=TCP', 'sip:alice@AtLanTa.CoM;Transport=tcp'],
    ['sip:carol@chicago.com', 'sip:carol@chicago.com;newparam=5'],
    ['sip:carol@chicago.com', 'sip:carol@chicago.com;security=on'],
    ['sip:carol@chicago.com', 'sip:carol@chicago.com;security=off'],
    [
      'sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com',
      'sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com',
    ],
    [
      'sip:alice@atlanta.com?subject=project%20x&priority=urgent',
      'sip:alice@atlanta.com?priority=urgent&subject=project%20x',
    ],
    ['sip:a%2fb@example.com', 'sip:a%2Fb@example.com'],
    ['sip:[2001:DB8::1]:5070', 'sip:[2001:db8::1]:5070'],
    ['tel:+1-201-555-0123', 'tel:+1(201)555.0123'],
    ['urn:service:sos', 'URN:SERVICE:sos'],
    ['urn:example:a%c3b', 'urn:EXAMPLE:a%C3b?+r?=q#f'],
    ['sip:[2001:db8::1]', 'sip:[2001:0DB8:0:0:0:0:0:1]'],
    ['sip:[::ffff:192.0.2.1]', 'sip:[::FFFF:c000:0201]'],
  ])('%s is %s', (a, b) => {
    expect(sameUri(uri(a), uri(b))).toBe(true)
    expect(sameUri(uri(b), uri(a))).toBe(true)
  })

  it.each([
    ['SIP:ALICE@AtLanTa.CoM;Transport=udp', 'sip:alice@AtLanTa.CoM;Transport=UDP'],
    ['sip:bob@biloxi.com', 'sip:bob@biloxi.com:5060'],
    ['sip:bob@biloxi.com', 'sip:bob@biloxi.com;transport=udp'],
    ['sip:bob@biloxi.com', 'sip:bob@biloxi.com:6000;transport=tcp'],
    ['sip:carol@chicago.com', 'sip:carol@chicago.com?Subject=next%20meeting'],
    ['sip:bob@phone21.boxesbybob.com', 'sip:bob@192.0.2.4'],
    ['sip:carol@chicago.com;security=on', 'sip:carol@chicago.com;security=off'],
    ['sip:bob@biloxi.com', 'sips:bob@biloxi.com'],
    ['sip:bob@biloxi.com', 'sip:biloxi.com'],
    ['sip:bob:pw@biloxi.com', 'sip:bob@biloxi.com'],
    ['sip:bob:pw@biloxi.com', 'sip:bob:PW@biloxi.com'],
    ['sip:biloxi.com', 'sip:biloxi.com;maddr=192.0.2.1'],
    ['sip:biloxi.com', 'sip:biloxi.com;ttl=1'],
    ['sip:biloxi.com', 'sip:biloxi.com;user=ip'],
    ['sip:a%2Fb@example.com', 'sip:a/b@example.com'],
    ['tel:+12015550123', 'tel:+12015550124'],
    ['tel:5550123;phone-context=+1', 'tel:5550123'],
    ['urn:service:sos', 'urn:service:SOS'],
    ['sip:[2001:db8::1]', 'sip:[2001:db8::2]'],
    ['sip:192.0.2.1', 'sip:[::ffff:192.0.2.1]'],
  ])('%s is not %s', (a, b) => {
    expect(sameUri(uri(a), uri(b))).toBe(false)
    expect(sameUri(uri(b), uri(a))).toBe(false)
  })
})

describe('parts of URIs (RFC 3261 §19.1.1, RFC 3966)', () => {
  it('all parts of a SIP URI', () => {
    const value = uri('sips:al%69ce:se%20cret@[2001:db8::1]:5061;transport=TLS;lr;gr=x?Subject=a&b=')
    expect([value.scheme, value.user, value.password, value.host, value.port, value.headers]).toEqual([
      'sips',
      'alice',
      'se cret',
      '2001:db8::1',
      5061,
      'Subject=a&b=',
    ])
    expect([value.param(p.transport), value.param(p.lr), value.param(p.gr), value.secure]).toEqual([
      'tls',
      true,
      'x',
      true,
    ])
    expect(value.hostPort).toBe('[2001:db8::1]:5061')
    expect(String(value)).toBe('sips:al%69ce:se%20cret@[2001:db8::1]:5061;transport=TLS;lr;gr=x?Subject=a&b=')
  })

  it('tel and other schemes', () => {
    expect([uri('tel:+1-201;ext=5').user, uri('TEL:+1-201;ext=5').param(p.ext)]).toEqual(['+1-201', '5'])
    expect(uri('http://example.com/a;b?c').opaque).toBe('//example.com/a;b?c')
    expect(String(uri('urn:uuid:0'))).toBe('urn:uuid:0')
  })

  it.each([
    'sip:',
    'sip:@host',
    'sip:a@',
    'sip:[::1',
    'sip:[192.0.2.1]',
    'sip:[:::]',
    'sip:[1::2::3]',
    'sip:[12345::1]',
    'sip:[1:2:3:4:5:6:7]',
    'sip:[::1%eth0]',
    'sip:a@b?',
    'sip:b;lr?',
    '1sip:a@b',
    '+a:b',
    'a_b:c',
    'sip:host:65536',
    'sip:host:',
    'sip:a%4@b',
    'sip:a%zz@b',
    'host',
    ':host',
    'sip:a b@c',
    'sip:host;=x',
    'tel:',
    '',
    'sip:h\u00e4st',
  ])('%j is none', text => {
    expect(() => uri(text)).toThrow(ParseError)
  })

  it('carries headers (RFC 3261 §19.1.1, RFC 3891 §6.1)', () => {
    const target = nameAddr('<sip:bob@b?R%65places=12%403%3Bto-tag%3D7%3Bfrom-tag%3D8&Subject=%C3%A9>').uri
    expect(embedded(target, h.Replaces)).toMatchObject({ callId: '12@3', toTag: '7', fromTag: '8' })
    expect(embedded(target, h.Subject)).toBe('é')
    expect(embedded(uri('sip:b?s=x'), h.Subject)).toBe('x')
    expect(embedded(target, h.Route)).toBeUndefined()
    expect(() => embedded(uri('sip:b?Subject=a%0D%0AEvil'), h.Subject)).toThrow(ParseError)
    expect(() => embedded(uri('sip:b?Replaces=x'), h.Replaces)).toThrow(ParseError)
    const carrier = embed(embed(uri('sip:c'), h.Subject, 'a&b=é?'), h.Require, 'path')
    expect(String(carrier)).toBe('sip:c?Subject=a%26b%3D%C3%A9%3F&Require=path')
    expect([embedded(carrier, h.Subject), embedded(carrier, h.Require)]).toEqual(['a&b=é?', 'path'])
  })
})

describe('what the wire brought can be written again', () => {
  it('maddr is a host, or absent: of an IPv6 address without its brackets (RFC 3261 §19.1.1, RFC 5954 §4.1)', () => {
    const maddr = (text: string): string | undefined => uri(`sip:a@b;maddr=${text}`).param(p.maddr)
    expect(['[2001:db8::1]', '2001:db8::1', '192.0.2.1', 'c.example', '%63'].map(maddr)).toEqual([
      '2001:db8::1',
      '2001:db8::1',
      '192.0.2.1',
      'c.example',
      'c',
    ])
    for (const text of ['%1b[2J%0aERROR', 'a%20b', '[:::]', '[192.0.2.1]', 'a/b', '%zz'])
      expect(maddr(text)).toBeUndefined()
    const withMaddr = uri('sip:a@b').withParam(p.maddr, '2001:db8::1')
    expect(String(withMaddr)).toBe('sip:a@b;maddr=[2001:db8::1]')
    expect(uri('sip:a').with({ host: withMaddr.param(p.maddr) ?? '' }).hostPort).toBe('[2001:db8::1]')
  })

  it('a bare % in a parameter, which §25.1 does not allow, is kept byte for byte and escaped where it is set', () => {
    const text = 'sip:a@b;x=%zz;y=100%;%=1'
    expect(String(uri(text))).toBe(text)
    expect(uri(text).param(textParam('x'))).toBe('%zz')
    expect(String(uri('sip:b').withParam(textParam('x'), '%zz'))).toBe('sip:b;x=%25zz')
  })

  it('with() and withParam() take every part of a URI that was read', () => {
    const from = (units: string): fc.Arbitrary<string> =>
      fc.string({ unit: fc.constantFrom(...units.split(' ')), maxLength: 8 })
    const user = from('a 0 %41 %0d %0A %1b %00 %zz & = + $ , ; ? / - é')
    const host = fc.constantFrom('b', '192.0.2.1', '[2001:db8::1]', '[::]', '[::1', 'a_b')
    const name = from('a B - [ %41 %')
    const value = from('a 0 [ ] : . / & %0a %1b % %zz 192.0.2.1 [2001:db8::1]')
    let read = 0
    fc.assert(
      fc.property(user, host, name, value, (ofUser, ofHost, ofName, ofValue) => {
        let one: Uri
        try {
          one = uri(`sip:${ofUser}@${ofHost};${ofName}=${ofValue};maddr=${ofValue}`)
        } catch (error) {
          if (error instanceof ParseError) return
          throw error
        }
        read++
        const { scheme, password, port, params, headers } = one
        const other = uri('sip:x').with({
          scheme,
          user: one.user,
          password,
          host: one.host,
          port,
          params,
          headers,
        })
        expect(sameUri(uri(String(other)), one)).toBe(true)
        for (const [key] of one.params.entries())
          one.withParam(p.maddr, one.param(p.maddr) ?? 'x').withoutParam(key)
        one.with({ host: one.param(p.maddr) ?? one.host })
      }),
      { numRuns: 5000 },
    )
    expect(read).toBeGreaterThan(500)
  })

  it('nothing that a ParseError or a UsageError says reaches a terminal unescaped', () => {
    const error = new ParseError('X', 'no "\x1b[2J"', '\x1b\n', 1)
    expect(error.message.replaceAll('\n', '')).toMatch(/^[ -~]*$/)
    expect(() => uri('sip:a').with({ host: '\x1b[2J' })).toThrow('"\\x1b[2J" is neither')
    for (const headers of ['x> SIP/2.0', 'a b', 'a\r\nX: y', '%zz'])
      expect(() => uri('sip:a').with({ headers })).toThrow("cannot be a URI's headers")
    expect(String(uri('sip:a').with({ headers: '%41=%0d&b' }))).toBe('sip:a?%41=%0d&b')
    expect(String(uri('sip:a').with({ scheme: 'SIPS' }))).toBe('sips:a')
    for (const scheme of ['tel', 'mailto'])
      expect(() => uri('sip:a').with({ scheme })).toThrow('has other parts than')
  })
})
