import { describe, expect, it } from 'vitest'
import {
  CSeq,
  type Header,
  h,
  header,
  nameAddr,
  numberParam,
  ParseError,
  p,
  parseMessage,
  RequestTemplate,
  type SipMessage,
  type SipRequest,
  text,
  uri,
} from '../../../src/stack/index.ts'
import { encode } from '../../../src/stack/message/encode.ts'

const REQUEST =
  'INVITE sip:bob@biloxi.com SIP/2.0\r\n' +
  'v: SIP/2.0/UDP a.example;branch=z9hG4bK1\r\n' +
  'VIA:SIP/2.0/UDP  b.example;branch=z9hG4bK2 , SIP/2.0/TCP c.example;branch=z9hG4bK3\r\n' +
  'Max-Forwards:  70\r\n' +
  'Route: ,<sip:p1.example;lr>,  "a, b" <sip:p2.example;lr>\r\n' +
  'Route: <sip:p3.example,x;lr>\r\n' +
  'To: Bob <sip:bob@biloxi.com>\r\n' +
  'From: Alice\r\n <sip:alice@atlanta.com> ;tag=1928301774\r\n' +
  'Call-ID: a84b4c76e66710\r\n' +
  'CSeq: 314159 INVITE\r\n' +
  'X-Mine: one\r\n' +
  'l: 4\r\n' +
  '\r\n' +
  'body'

function request(text: string = REQUEST): SipRequest {
  const message = parsed(text)
  if (message.isResponse) throw new Error('a response')
  return message
}

function parsed(text: string): SipMessage {
  const message = parseMessage(Buffer.from(text, 'latin1'))
  if (message instanceof ParseError) throw message
  return message
}

describe('templates: what nobody changed goes out byte for byte', () => {
  it('forward() of a message is the message', () => {
    expect(encode(request().forward())).toBe(REQUEST)
    const response = `SIP/2.0 200  n\xe9 \r\n${REQUEST.slice(REQUEST.indexOf('v:'))}`
    expect(encode(parsed(response).forward())).toBe(response)
  })

  it('prepend writes one line in front', () => {
    const copy = request().forward().prepend(h.RecordRoute, nameAddr('<sip:me;lr>'))
    expect(encode(copy)).toBe(REQUEST.replace('\r\n\r\nbody', '\r\nRecord-Route: <sip:me;lr>\r\n\r\nbody'))
    expect(encode(request().forward().prepend(h.Route, nameAddr('<sip:me;lr>')))).toBe(
      REQUEST.replace('Route: ,', 'Route: <sip:me;lr>\r\nRoute: ,'),
    )
  })

  it('removeFirst takes one element of a comma list, and leaves the others as they are', () => {
    const copy = request().forward()
    const hosts = (): string[] => copy.all(h.Route).map(route => route.uri.host + route.displayName)
    const lines = (): string =>
      encode(copy)
        .match(/Route: .*\r\n/g)
        ?.join('') ?? ''
    copy.removeFirst(h.Route)
    expect(lines()).toBe('Route: "a, b" <sip:p2.example;lr>\r\nRoute: <sip:p3.example,x;lr>\r\n')
    copy.removeFirst(h.Via).removeFirst(h.Via)
    expect(encode(copy)).toContain(
      'SIP/2.0\r\nVia: SIP/2.0/TCP c.example;branch=z9hG4bK3\r\nMax-Forwards:  70\r\n',
    )
    expect(copy.all(h.Via).map(via => via.host)).toEqual(['c.example'])
    copy.removeFirst(h.Route)
    expect(lines()).toBe('Route: <sip:p3.example,x;lr>\r\n')
    expect(() => hosts()).toThrow(ParseError)
    copy.removeFirst(h.Route).removeFirst(h.Route)
    expect(lines()).toBe('')
    expect(hosts()).toEqual([])
  })

  it('update, set, append and remove', () => {
    const copy = request()
      .forward()
      .update(h.To, to => to.with({ tag: 'x' }))
      .update(h.Subject, () => 'never')
      .append(h.Supported, 'path')
      .decrementMaxForwards()
    expect(copy.remove(header('x-mine', text))).toBe(true)
    expect(copy.remove(h.Subject)).toBe(false)
    const expected = REQUEST.replace('Max-Forwards:  70', 'Max-Forwards: 69')
      .replace('Bob <sip:bob@biloxi.com>\r\n', 'Bob <sip:bob@biloxi.com>;tag=x\r\n')
      .replace('X-Mine: one\r\n', '')
      .replace('l: 4\r\n', 'l: 4\r\nSupported: path\r\n')
    expect(encode(copy)).toBe(expected)
    expect(copy.has(h.Supported)).toBe(true)
    expect(copy.get(h.To)?.tag).toBe('x')
  })

  it('a body of its own brings its Content-Length, and the received message stays as it was', () => {
    const received = request()
    const copy = received.forward().setBody('text/plain', 'é')
    expect(encode(copy)).toMatch(
      /X-Mine: one\r\nContent-Type: text\/plain\r\nContent-Length: 2\r\n\r\n\xc3\xa9$/,
    )
    expect(encode(received.forward().removeBody())).toMatch(/X-Mine: one\r\nContent-Length: 0\r\n\r\n$/)
    expect(received.toString()).toBe(REQUEST)
  })

  it('derive() is changed without touching what it came from', () => {
    const first = request().forward().set(h.Subject, 'first')
    const second = first.derive().set(h.Subject, 'second')
    second.requestUri = uri('sip:other@example.com')
    expect([first.get(h.Subject), second.get(h.Subject)]).toEqual(['first', 'second'])
    expect(encode(first)).toMatch(/^INVITE sip:bob@biloxi.com /)
    expect(encode(second)).toMatch(/^INVITE sip:other@example.com SIP\/2.0\r\nv: /)
  })

  it('a top Via stamped by the transport is what get, all and via answer (RFC 3261 §18.2.1, RFC 3581 §4)', () => {
    const source = {
      protocol: 'UDP',
      transport: 't',
      address: '192.0.2.9',
      port: 4000,
      connection: 0,
    } as const
    const message = parseMessage(Buffer.from(REQUEST, 'latin1'), source)
    if (message instanceof ParseError || message.isResponse) throw new Error('no request')
    expect([message.via, message.get(h.Via), message.all(h.Via)[0]].map(via => via?.received)).toEqual(
      Array(3).fill('192.0.2.9'),
    )
    expect(encode(message.forward())).toBe(
      REQUEST.replace(/v: .*?\r\n/, 'Via: SIP/2.0/UDP a.example;branch=z9hG4bK1;received=192.0.2.9\r\n'),
    )
  })
})

describe('decrementMaxForwards (RFC 3261 §16.6, step 3)', () => {
  it('never goes below 0', () => {
    const hops = (text: string): string =>
      /Max-Forwards: (.*)\r/.exec(
        encode(request(REQUEST.replace(' 70', text)).forward().decrementMaxForwards()),
      )?.[1] ?? ''
    expect([hops('0'), hops('1'), hops('255')]).toEqual(['0', '0', '254'])
    expect(() => hops('256')).toThrow(ParseError)
  })
})

describe('a malformed third Via hurts nobody who needs the first two (RFC 3261 §18.2.2)', () => {
  it('a template reads and writes the second after the first was taken away', () => {
    const via = 'SIP/2.0/UDP a.example;branch=z9hG4bK'
    const message = parsed(`SIP/2.0 200 OK\r\nVia: ${via}1, ${via}2, SIP/2.0 garbage\r\n\r\n`)
    const copy = message.forward().removeFirst(h.Via)
    expect(copy.get(h.Via)?.branch).toBe('z9hG4bK2')
    expect(copy.has(h.Via)).toBe(true)
    expect(encode(copy)).toContain(`Via: ${via}2, SIP/2.0 garbage\r\n`)
    expect(() => copy.all(h.Via)).toThrow(ParseError)
  })
})

describe('what the application gives is checked', () => {
  const template = (): RequestTemplate => new RequestTemplate('OPTIONS', uri('sip:a@b'))

  it.each(['a\r\nEvil: 1', 'a\nb', 'é\r\nEvil: 1'])('CR and LF are refused: %j', value => {
    expect(() => encode(template().set(h.Subject, value))).toThrow('CR, LF or NUL')
    expect(() => encode(template().set(h.From, nameAddr('<sip:a@b>').with({ displayName: value })))).toThrow(
      'NUL',
    )
    expect(() => encode(template().set(h.CSeq, new CSeq(1, value)))).toThrow('NUL')
    expect(() => encode(new RequestTemplate(value, uri('sip:a@b')))).toThrow('NUL')
    const contact = nameAddr('<sip:a@b>')
    expect(() => encode(template().set(h.Contact, contact.withParam(p.pubGruu, value)))).toThrow('NUL')
  })

  it('NUL is refused where no quoted pair can hold it (RFC 3261 §25.1, quoted-pair)', () => {
    expect(() => encode(template().set(h.Subject, 'a\0b'))).toThrow('NUL')
    expect(() => encode(template().set(h.CSeq, new CSeq(1, 'a\0b')))).toThrow('NUL')
    const named = encode(template().set(h.From, nameAddr('<sip:a@b>').with({ displayName: 'a\0b' })))
    expect(named).toContain('From: "a\\\0b" <sip:a@b>\r\n')
    expect(parsed(named).get(h.From)?.displayName).toBe('a\0b')
  })

  it('what cannot stand in a URI is escaped, and comes back (RFC 3261 §19.1.2)', () => {
    const target = uri('sip:x@example.com')
      .with({ user: 'a b@c/é', password: 'p:q' })
      .withParam(p.target, 'a;b=c')
    expect(String(target)).toBe('sip:a%20b%40c/%C3%A9:p%3Aq@example.com;target=a%3Bb%3Dc')
    const again = uri(String(target))
    expect([again.user, again.password, again.param(p.target)]).toEqual(['a b@c/é', 'p:q', 'a;b=c'])
    expect(() => target.with({ host: 'a b' })).toThrow('neither a host name nor an address')
    expect(() => target.with({ port: 65_536 })).toThrow('not in 0 to 65535')
    expect(() => header('a b', text)).toThrow('cannot be a header name')
  })
})

describe('names that JavaScript objects have of their own are names as any other', () => {
  it.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty'])('%s', name => {
    const mine: Header<string> = header(name, text)
    const message = parsed(
      `OPTIONS sip:${name}@b;${name}=1?${name}=2 SIP/2.0\r\n${name}: value\r\nContact: <sip:c;${name}=3>;${name}=4\r\n\r\n`,
    )
    expect(message.get(mine)).toBe('value')
    expect(message.get(header('X-Absent', text))).toBeUndefined()
    const contact = message.get(h.Contact)
    expect([contact?.params.text(name), contact?.uri.params.text(name)]).toEqual(['4', '3'])
    expect(contact?.withParam(numberParam(name), 5).params.text(name)).toBe('5')
    expect(contact?.params.has('valueOf')).toBe(false)
    expect(message.headerNames()).toEqual([name, 'Contact'])
    expect(Object.getPrototypeOf({})).toBe(Object.prototype)
  })
})
