import { describe, expect, it } from 'vitest'
import { embed, embedded, h, nameAddr, ParseError, p, sameUri, uri } from '../../../src/stack/index.ts'

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
    ['urn:service:sos', 'URN:service:sos'],
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
