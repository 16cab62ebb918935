import { describe, expect, it } from 'vitest'
import {
  h,
  nameAddr,
  ParseError,
  PeerError,
  parseMessage,
  type SipRequest,
  type SipResponse,
  uri,
} from '../../../src/stack/index.ts'
import { ack2xx, ackNon2xx, cancel, register, request, response } from '../../../src/stack/message/build.ts'
import { encode, type Hop } from '../../../src/stack/message/encode.ts'
import { Identifiers } from '../../../src/stack/message/identifiers.ts'
import { seededRandom, Tokens } from '../../../src/util/random.ts'

const ids = new Identifiers(new Tokens(seededRandom(1)))
const VIA = 'SIP/2.0/UDP pc33.atlanta.com;branch=z9hG4bK776asdhds'
const hop: Hop = { via: VIA, localUri: empty => empty.with({ host: 'pc33.atlanta.com' }) }

/** F1 of RFC 3261 §24.2 without its body, in our order of headers. */
const INVITE =
  'INVITE sip:bob@biloxi.com SIP/2.0\r\n' +
  `Via: ${VIA}\r\n` +
  'Max-Forwards: 70\r\n' +
  'From: Alice <sip:alice@atlanta.com>;tag=1928301774\r\n' +
  'To: Bob <sip:bob@biloxi.com>\r\n' +
  'Call-ID: a84b4c76e66710@pc33.atlanta.com\r\n' +
  'CSeq: 314159 INVITE\r\n' +
  'Contact: <sip:alice@pc33.atlanta.com>\r\n' +
  'Content-Length: 0\r\n\r\n'

const invite = request(
  'INVITE',
  'sip:bob@biloxi.com',
  {
    from: 'Alice <sip:alice@atlanta.com>;tag=1928301774',
    callId: 'a84b4c76e66710@pc33.atlanta.com',
    to: 'Bob <sip:bob@biloxi.com>',
    cseq: 314159,
    contact: nameAddr('<sip:alice@pc33.atlanta.com>'),
  },
  ids,
)

function received(text: string): SipRequest {
  const message = parseMessage(Buffer.from(text, 'latin1'))
  if (message instanceof ParseError || message.isResponse) throw new Error('no request')
  return message
}

function answered(text: string): SipResponse {
  const message = parseMessage(Buffer.from(text, 'latin1'))
  if (message instanceof ParseError || message.isRequest) throw new Error('no response')
  return message
}

describe('requests (RFC 3261 §8.1.1)', () => {
  it('INVITE as in §24.2, F1', () => {
    expect(encode(invite, hop)).toBe(INVITE)
  })

  it('REGISTER as in §24.1: to the domain, with a Contact that is filled in when it is sent', () => {
    const bob = nameAddr('Bob <sip:bob@biloxi.com:5080;transport=tcp>;tag=gone')
    const text = encode(register(bob, nameAddr('Bob <sip:bob@biloxi.com>'), ids), hop)
    expect(text).toContain('REGISTER sip:biloxi.com:5080 SIP/2.0\r\n')
    expect(text).toMatch(/From: Bob <sip:bob@biloxi.com>;tag=[\w-]{6,}\r\n/)
    expect(text).toMatch(/Call-ID: [\w-]{16,}/)
    expect(text).toContain('To: Bob <sip:bob@biloxi.com:5080;transport=tcp>\r\n')
    expect(text).toContain('Contact: <sip:bob@pc33.atlanta.com>\r\n')
  })

  it('a method that is no token, and numbers out of their range (RFC 3261 §7.1, §8.1.1.5, §20.22)', () => {
    const from = 'sip:a@b'
    expect(() => request('OPT IONS', 'sip:b', { from })).toThrow('"OPT IONS" is no method')
    for (const cseq of [-1, 1.5, Number.NaN, 2 ** 31])
      expect(() => request('OPTIONS', 'sip:b', { from, cseq })).toThrow(`CSeq: ${cseq} is no whole number`)
    for (const maxForwards of [-1, 256])
      expect(() => request('OPTIONS', 'sip:b', { from, maxForwards })).toThrow('Max-Forwards')
  })
})

describe('responses (RFC 3261 §8.2.6)', () => {
  const routed = received(
    INVITE.replace('Contact:', 'Record-Route: <sip:p1;lr>\r\nTimestamp: 54\r\nContact:'),
  )

  it('bring Via, From, To, Call-ID and CSeq back, with a tag behind To (§24.2, F5)', () => {
    expect(encode(response(routed, 180, 'a6c85cf'))).toBe(
      'SIP/2.0 180 Ringing\r\n' +
        `Via: ${VIA}\r\n` +
        'From: Alice <sip:alice@atlanta.com>;tag=1928301774\r\n' +
        'To: Bob <sip:bob@biloxi.com>;tag=a6c85cf\r\n' +
        'Call-ID: a84b4c76e66710@pc33.atlanta.com\r\n' +
        'CSeq: 314159 INVITE\r\n' +
        'Record-Route: <sip:p1;lr>\r\n' +
        'Content-Length: 0\r\n\r\n',
    )
  })

  it('know the tag that they put behind To, and keep it where To is changed (§8.2.6.2)', () => {
    const ringing = response(routed, 180, 'a6c85cf')
    expect([ringing.to.tag, ringing.get(h.To)?.tag, ringing.all(h.To).map(to => to.tag)]).toEqual([
      'a6c85cf',
      'a6c85cf',
      ['a6c85cf'],
    ])
    expect(encode(ringing)).toContain('To: Bob <sip:bob@biloxi.com>;tag=a6c85cf\r\n')
    ringing.update(h.To, to => to.with({ displayName: 'Bobby' }))
    expect(encode(ringing)).toContain('To: Bobby <sip:bob@biloxi.com>;tag=a6c85cf\r\n')
    expect(response(routed, 100, 'never').to.tag).toBeUndefined()
  })

  it('100 has Timestamp and no tag (§8.2.6.1); 4xx has neither Record-Route nor Timestamp (§12.1.1)', () => {
    const trying = encode(response(routed, 100, 'never'))
    expect(trying).toContain('Timestamp: 54\r\n')
    expect(trying).not.toMatch(/never|Record-Route/)
    expect(encode(response(routed, 486, 'x'))).not.toMatch(/Record-Route|Timestamp/)
  })

  it('a To that has a tag keeps it (§8.2.6.2)', () => {
    const inDialog = received(
      INVITE.replace('To: Bob <sip:bob@biloxi.com>', 'To: <sip:bob@biloxi.com>;tag=old'),
    )
    expect(encode(response(inDialog, 200, 'new'))).toContain('To: <sip:bob@biloxi.com>;tag=old\r\n')
  })

  it('a status that is none is refused', () => {
    expect(() => response(routed, 99)).toThrow('is no status code')
    expect(() => response(routed, 700)).toThrow('is no status code')
  })
})

describe('ACK and CANCEL', () => {
  const rejected = answered(
    `SIP/2.0 486 Busy Here\r\nVia: ${VIA}\r\nFrom: Alice <sip:alice@atlanta.com>;tag=1928301774\r\n` +
      'To: Bob <sip:bob@biloxi.com>;tag=314159\r\nCall-ID: a84b4c76e66710@pc33.atlanta.com\r\nCSeq: 314159 INVITE\r\n\r\n',
  )
  const ok = answered(
    `SIP/2.0 200 OK\r\nVia: ${VIA}\r\nRecord-Route: <sip:ss2.biloxi.com;lr>, <sip:ss1.atlanta.com;lr>\r\n` +
      'From: Alice <sip:alice@atlanta.com>;tag=1928301774\r\nTo: Bob <sip:bob@biloxi.com>;tag=a6c85cf\r\n' +
      'Call-ID: a84b4c76e66710@pc33.atlanta.com\r\nCSeq: 314159 INVITE\r\nContact: <sip:bob@192.0.2.4?Subject=x>\r\n\r\n',
  )

  it("ACK to a non-2xx: the INVITE's Request-URI, Via, Route and the response's To (§17.1.1.3)", () => {
    const routed = invite.derive().set(h.Route, nameAddr('<sip:p1;lr>'))
    expect(encode(ackNon2xx(routed, rejected), hop)).toBe(
      'ACK sip:bob@biloxi.com SIP/2.0\r\n' +
        `Via: ${VIA}\r\n` +
        'Max-Forwards: 70\r\n' +
        'From: Alice <sip:alice@atlanta.com>;tag=1928301774\r\n' +
        'To: Bob <sip:bob@biloxi.com>;tag=314159\r\n' +
        'Call-ID: a84b4c76e66710@pc33.atlanta.com\r\n' +
        'CSeq: 314159 ACK\r\n' +
        'Route: <sip:p1;lr>\r\n' +
        'Content-Length: 0\r\n\r\n',
    )
  })

  it('ACK to a 2xx: to the Contact along the reversed Record-Route, with the credentials (§13.2.2.4, RFC 3665 §3.2, F15)', () => {
    const credentials = received(
      INVITE.replace('Contact:', 'Proxy-Authorization: Digest username="alice", nonce="n"\r\nContact:'),
    ).all(h.ProxyAuthorization)
    const text = encode(ack2xx(invite.derive().set(h.ProxyAuthorization, ...credentials), ok))
    expect(text).toMatch(/^ACK sip:bob@192.0.2.4 SIP\/2.0\r\n/)
    expect(text).toContain('Route: <sip:ss1.atlanta.com;lr>\r\nRoute: <sip:ss2.biloxi.com;lr>\r\n')
    expect(text).toContain('To: Bob <sip:bob@biloxi.com>;tag=a6c85cf\r\n')
    expect(text).toContain('CSeq: 314159 ACK\r\n')
    expect(text).toContain('Proxy-Authorization: Digest username="alice", nonce="n"\r\n')
  })

  it("a 2xx without a Contact, or with none that can be read, is the peer's error (§13.2.2.4)", () => {
    expect(() => ack2xx(invite, rejected)).toThrow(PeerError)
    expect(() => ack2xx(invite, rejected)).toThrow('nowhere to send the ACK')
    const garbled = answered(ok.toString().replace('<sip:bob@192', '<<sip:bob@192'))
    expect(() => ack2xx(invite, garbled)).toThrow(PeerError)
  })

  it('ACK to a 2xx takes Record-Routes over as they are written, malformed ones among them (§12.1.2)', () => {
    const routed = answered(ok.toString().replace('<sip:ss1.atlanta.com;lr>', '<sip:%zz;lr>, <<garbage'))
    expect(encode(ack2xx(invite, routed))).toContain(
      'Route: <<garbage\r\nRoute: <sip:%zz;lr>\r\nRoute: <sip:ss2.biloxi.com;lr>\r\n',
    )
  })

  it('ACK and CANCEL copy what the wire brought byte for byte, and nothing of it makes them fail (§9.1, §17.1.1.3)', () => {
    const lines =
      'f: "A\\\0" <sip:alice@atlanta.com> ;tag=19\r\nt:<sip:b>>;;=\r\ni: a@b@c\r\nCSeq:  0007 INVITE\r\n'
    const routes = 'Route: <sip:p1;lr>\r\nROUTE : <<garbage\r\n ,"\r\n'
    const received = parseMessage(
      Buffer.from(`INVITE sip:%zz\x01@[:: SIP/2.0\r\nVia: ${VIA}\r\n${lines}${routes}\r\n`, 'latin1'),
    )
    if (received instanceof ParseError || received.isResponse) throw new Error('no request')
    const forwarded = received.forward()
    const refused = answered(rejected.toString().replace('To: Bob', 'To:  Bob  '))
    const own = lines.replace('0007 INVITE', '')
    const [from, to, callId] = own.split('\r\n').map(line => `${line}\r\n`)
    expect(encode(ackNon2xx(forwarded, refused), hop)).toBe(
      `ACK sip:%zz\x01@[:: SIP/2.0\r\nVia: ${VIA}\r\nMax-Forwards: 70\r\n${from}` +
        `To:  Bob   <sip:bob@biloxi.com>;tag=314159\r\n${callId}CSeq: 0007 ACK\r\n${routes}Content-Length: 0\r\n\r\n`,
    )
    const cancelled = cancel(forwarded)
    expect(encode(cancelled, hop)).toBe(
      `CANCEL sip:%zz\x01@[:: SIP/2.0\r\nVia: ${VIA}\r\nMax-Forwards: 70\r\n${from}${to}${callId}` +
        `CSeq: 0007 CANCEL\r\n${routes}Content-Length: 0\r\n\r\n`,
    )
    expect(cancelled.get(h.Route)?.uri.host).toBe('p1')
    expect(() => cancelled.all(h.Route)).toThrow(ParseError)
    expect(() => cancelled.requestUri).toThrow(ParseError)
    // without the first Route, by which it is forwarded
    expect(encode(cancel(forwarded.derive().removeFirst(h.Route)))).toContain(
      'CSeq: 0007 CANCEL\r\nROUTE : <<garbage\r\n ,"\r\n',
    )
  })

  it('CANCEL: all of the INVITE but its method and body, To without a tag (§9.1, RFC 3665 §3.8, F9)', () => {
    const text = encode(
      cancel(invite.derive().set(h.Require, '100rel').set(h.Route, nameAddr('<sip:p1;lr>'))),
      hop,
    )
    expect(text).toBe(
      encode(ackNon2xx(invite.derive().set(h.Route, nameAddr('<sip:p1;lr>')), rejected), hop)
        .replace('ACK', 'CANCEL')
        .replace('314159 ACK', '314159 CANCEL')
        .replace(';tag=314159', ''),
    )
  })
})

describe('brief()', () => {
  it('is one safe line', () => {
    expect(received(INVITE).brief()).toBe('INVITE sip:bob@biloxi.com cid=a84b4c76e66710@pc33.atlanta.com')
    expect(received('INVITE sip:b\x1b[2J SIP/2.0\r\n\r\n').brief()).toBe('INVITE sip:b\\x1b[2J cid=?')
    expect(String(uri('sip:b'))).toBe('sip:b')
  })
})
