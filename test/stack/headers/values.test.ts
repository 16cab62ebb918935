import { describe, expect, it } from 'vitest'
import { type Header, h, ParseError, p, parseMessage } from '../../../src/stack/index.ts'

function read<T>(header: Header<T>, value: string): T {
  const message = parseMessage(Buffer.from(`SIP/2.0 200 OK\r\n${header.name}: ${value}\r\n\r\n`, 'utf8'))
  if (message instanceof ParseError) throw message
  const read = message.get(header)
  if (read === undefined) throw new Error('no value')
  return read
}

describe('values of headers', () => {
  it('Date is in milliseconds (RFC 3261 §20.17)', () => {
    expect(read(h.Date, 'Sat, 13 Nov 2010 23:29:00 GMT')).toBe(Date.UTC(2010, 10, 13, 23, 29))
    expect(read(h.Date, 'Thu, 29 Feb 2024 00:00:60 GMT')).toBe(Date.UTC(2024, 2, 1) - 86_400_000 + 60_000)
  })

  it.each([
    'Fri, 01 Jan 2010 16:00:00 EST',
    'Fri, 1 Jan 2010 16:00:00 GMT',
    'Fri, 01 Jan 10 16:00:00 GMT',
    'Foo, 01 Jan 2010 16:00:00 GMT',
    'Fri, 01 Foo 2010 16:00:00 GMT',
    'Wed, 29 Feb 2023 16:00:00 GMT',
    'Fri, 00 Jan 2010 16:00:00 GMT',
    'Fri, 01 Jan 2010 24:00:00 GMT',
    'Fri, 01 Jan 2010 16:60:00 GMT',
    'Fri, 01 Jan 2010 16:00:00 GMT+1',
    '',
  ])('a Date of another form is refused: %s', value => {
    expect(() => read(h.Date, value)).toThrow(ParseError)
  })

  it('Retry-After has a comment and a duration (RFC 3261 §20.33)', () => {
    const value = read(h.RetryAfter, "120 (I'm (in a) \\) meeting);duration=60")
    expect([value.seconds, value.comment, value.duration]).toEqual([120, "I'm (in a) ) meeting", 60])
    expect(() => read(h.RetryAfter, '120 (open')).toThrow('comment is not closed')
  })

  it('Timestamp has a delay (RFC 3261 §20.38)', () => {
    expect(read(h.Timestamp, '54')).toMatchObject({ time: 54, delay: undefined })
    expect(read(h.Timestamp, '54. 0.25')).toMatchObject({ time: 54, delay: 0.25 })
    expect(() => read(h.Timestamp, '.5')).toThrow(ParseError)
  })

  it('Timestamp has any number of digits, and is written with all of them (RFC 3261 §20.38)', () => {
    for (const text of ['1234567890123456', '1234567890.12345678901234567890 0.1', '9'.repeat(400)]) {
      const value = read(h.Timestamp, text)
      expect(value.time).toBe(Number(text.split(' ')[0]))
      expect(String(value)).toBe(text)
    }
  })

  it.each(['256', '300', '4294967295'])(
    'Max-Forwards of %s is refused: it has 0 to 255 (RFC 3261 §20.22)',
    text => {
      expect(() => read(h.MaxForwards, text)).toThrow(ParseError)
      expect(read(h.MaxForwards, '255')).toBe(255)
    },
  )

  it.each([
    'a;to-tag;from-tag=1',
    'a;to-tag=1;from-tag=',
    'a;to-tag=1;from-tag',
    'a;to-tag=1;to-tag=2;from-tag=3',
    'a;to-tag=1;from-tag=3;From-Tag=3',
    'a;to-tag=1',
    'a',
  ])('Replaces and Join have one to-tag and one from-tag, with values: %s (RFC 3891 §6.1)', text => {
    expect(() => read(h.Replaces, text)).toThrow(ParseError)
    expect(() => read(h.Join, text)).toThrow(ParseError)
  })

  it.each(['<sip:a@b>, *', '*, <sip:a@b>', '<sip:a@b>\r\nm: *', '*\r\nm: *'])(
    'Contact: * stands alone: %j (RFC 3261 §10.2.2)',
    text => {
      const message = parseMessage(Buffer.from(`REGISTER sip:a SIP/2.0\r\nm: ${text}\r\n\r\n`))
      if (message instanceof ParseError) throw message
      expect(() => message.all(h.Contact)).toThrow(ParseError)
      expect(read(h.Contact, '*').isWildcard).toBe(true)
    },
  )

  it('Via has received where it is a host, and none where it is not (RFC 3261 §18.2.1, RFC 5118 §4.5)', () => {
    const received = (text: string): string | undefined =>
      read(h.Via, `SIP/2.0/UDP a;received=${text}`).received
    expect(['192.0.2.1', '[2001:db8::1]', '2001:db8::1', '"\\\x1b[2J"', '[:::]'].map(received)).toEqual([
      '192.0.2.1',
      '2001:db8::1',
      '2001:db8::1',
      undefined,
      undefined,
    ])
    expect(() => read(h.Via, 'SIP/2.0/UDP [1::2::3]')).toThrow(ParseError)
  })

  it('challenges keep order, quotes and what is unknown (RFC 3261 §20.44)', () => {
    const challenge = read(
      h.WWWAuthenticate,
      'DIGEST qop="auth,auth-int",nonce="a\\"b" , x=1,algorithm=SHA-256',
    )
    expect(challenge.isDigest).toBe(true)
    expect(challenge.param(p.nonce)).toBe('a"b')
    expect(challenge.text('QOP')).toBe('auth,auth-int')
    expect(String(challenge)).toBe('DIGEST qop="auth,auth-int", nonce="a\\"b", x=1, algorithm=SHA-256')
    expect(read(h.Authorization, 'NoParams')).toMatchObject({ scheme: 'NoParams', token68: '' })
    expect(() => read(h.Authorization, 'Digest realm="a" nonce="b"')).toThrow(ParseError)
    expect(() => read(h.Authorization, 'Digest realm="a')).toThrow('quoted string is not closed')
  })

  it('Subscription-State (RFC 6665 §8.2.3)', () => {
    const state = read(h.SubscriptionState, 'Active;expires=300')
    expect([state.state, state.expires, state.reason, state.retryAfter]).toEqual([
      'active',
      300,
      undefined,
      undefined,
    ])
  })

  it('Session-Expires (RFC 4028 §4)', () => {
    expect(read(h.SessionExpires, '90;refresher=UAC').refresher).toBe('uac')
    expect(read(h.SessionExpires, '90;refresher=none').refresher).toBeUndefined()
    expect(String(read(h.SessionExpires, '90').withRefresher('uas'))).toBe('90;refresher=uas')
  })

  it('Replaces needs both tags (RFC 3891 §6.1); Join too (RFC 3911 §7.1)', () => {
    const value = read(h.Replaces, '98asjd8@test.com;from-tag=1 ;to-tag=2')
    expect([value.callId, value.toTag, value.fromTag, value.earlyOnly]).toEqual([
      '98asjd8@test.com',
      '2',
      '1',
      false,
    ])
    expect(() => read(h.Replaces, '98asjd8@test.com;to-tag=2')).toThrow('one from-tag with a value expected')
    expect(() => read(h.Join, '98asjd8@test.com')).toThrow('one to-tag with a value expected')
    expect(read(h.TargetDialog, 'a;local-tag=x;remote-tag=y')).toMatchObject({
      localTag: 'x',
      remoteTag: 'y',
    })
  })

  it('Reason (RFC 3326 §2)', () => {
    const value = read(h.Reason, 'Q.850;cause=16;text="Normal ; call, clearing"')
    expect([value.protocol, value.cause, value.text]).toEqual(['Q.850', 16, 'Normal ; call, clearing'])
  })

  it('Identity in both forms (RFC 8224 §4, RFC 4474 §9)', () => {
    expect(read(h.Identity, 'a.b.c;info=<https://x.example/y;z,u>;alg=ES256').info).toBe(
      'https://x.example/y;z,u',
    )
    const old = read(h.Identity, '"ZYNBbHC00VMZr2kZt6Vm/+=="')
    expect(old.signature).toBe('ZYNBbHC00VMZr2kZt6Vm/+==')
    expect(String(old)).toBe('"ZYNBbHC00VMZr2kZt6Vm/+=="')
    expect(read(h.Identity, '"56 a3";encoding=hex').toString()).toBe('"56 a3";encoding=hex')
    expect(() => read(h.Identity, 'a.b.c;info=<https://x.example')).toThrow(ParseError)
  })

  it('Resource-Priority (RFC 4412 §3.1)', () => {
    expect(read(h.ResourcePriority, 'wps.0')).toMatchObject({ namespace: 'wps', priority: '0' })
    for (const bad of ['wps', 'wps.', '.0', 'a.b.c'])
      expect(() => read(h.ResourcePriority, bad)).toThrow(ParseError)
  })

  it('Session-ID (RFC 7989 §5) wants 32 digits', () => {
    expect(() => read(h.SessionId, 'abc')).toThrow(ParseError)
  })

  it('+sip.instance is a URN without its brackets (RFC 5626 §4.1)', () => {
    const contact = read(h.Contact, '<sip:a@b>;+sip.instance="<urn:uuid:0>";reg-id=1;q=0.5;lr')
    expect(contact.param(p.instance)).toBe('urn:uuid:0')
    expect([contact.param(p.regId), contact.param(p.q), contact.param(p.expires)]).toEqual([
      1,
      0.5,
      undefined,
    ])
    expect(String(contact.withParam(p.instance, 'urn:uuid:1'))).toContain(';+sip.instance="<urn:uuid:1>"')
  })
})
