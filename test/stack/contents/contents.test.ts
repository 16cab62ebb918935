import { describe, expect, it } from 'vitest'
import {
  bodyPart,
  type Content,
  content,
  contentsOf,
  findContents,
  h,
  Identifiers,
  mime,
  multipart,
  multiparts,
  octets,
  ParseError,
  p,
  parseMessage,
  plainText,
  ResponseTemplate,
  type SipMessage,
  sdp,
  setContents,
  sipfrag,
  sipMessage,
  statusFrag,
} from '../../../src/stack/index.ts'
import { encode } from '../../../src/stack/message/encode.ts'
import { seededRandom, Tokens } from '../../../src/util/random.ts'

function withBody(type: string, body: string | Buffer, more: string = ''): SipMessage {
  const head = `SIP/2.0 200 OK\r\n${type === '' ? '' : `Content-Type: ${type}\r\n`}${more}\r\n`
  const message = parseMessage(Buffer.concat([Buffer.from(head), Buffer.from(body)]))
  if (message instanceof ParseError) throw message
  return message
}

/** Sends a value and reads it as it arrives. */
function carried<T>(content: Content<T>, value: T): SipMessage {
  const template = new ResponseTemplate(200)
  setContents(template, content, value)
  const message = parseMessage(Buffer.from(encode(template), 'latin1'))
  if (message instanceof ParseError) throw message
  return message
}

const OFFER =
  'v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n'

describe('bodies', () => {
  it('plain text is UTF-8 and keeps its type (RFC 3428)', () => {
    const message = carried(plainText, 'Grüße, 世界')
    expect(message.get(h.ContentType)?.essence).toBe('text/plain')
    expect(contentsOf(message, plainText)).toBe('Grüße, 世界')
    expect(contentsOf(withBody('text/plain;charset=ISO-8859-1', Buffer.from([0xe9])), plainText)).toBe('é')
  })

  it('octets are the bytes themselves', () => {
    expect(contentsOf(carried(octets, Buffer.from([0, 13, 10, 255])), octets)).toEqual(
      Buffer.from([0, 13, 10, 255]),
    )
  })

  it('no body and a body of another type are undefined', () => {
    expect(contentsOf(withBody('application/sdp', ''), sdp)).toBeUndefined()
    expect(contentsOf(withBody('text/plain', 'x'), sdp)).toBeUndefined()
  })

  it('a body without Content-Type is an error (RFC 3261 §20.15)', () => {
    expect(() => contentsOf(withBody('', 'x'), plainText)).toThrow('Content-Type: is missing')
  })

  it('a compressed body is an error that answers 415 (RFC 3261 §8.2.3)', () => {
    try {
      contentsOf(withBody('application/sdp', OFFER, 'Content-Encoding: gzip\r\n'), sdp)
      expect.unreachable()
    } catch (error) {
      expect(error).toMatchObject({ status: 415, header: 'Content-Encoding' })
    }
    expect(contentsOf(withBody('application/sdp', OFFER, 'e: Identity\r\n'), sdp)).toBeDefined()
  })

  it('SDP is typed, and its errors are ParseErrors (RFC 8866)', () => {
    const session = contentsOf(withBody('Application/SDP', OFFER), sdp)
    expect(session?.media[0]?.port).toBe(4000)
    if (session === undefined) return
    expect(contentsOf(carried(sdp, session), sdp)).toEqual(session)
    expect(() => contentsOf(withBody('application/sdp', 'hello'), sdp)).toThrow(ParseError)
  })

  it('a content of an application is as good as ours', () => {
    const billing = content<{ id: number }>('application/x-billing', {
      parse: body => ({ id: body.readUInt8(0) }),
      encode: ({ id }) => Uint8Array.of(id),
    })
    expect(contentsOf(carried(billing, { id: 7 }), billing)).toEqual({ id: 7 })
    expect(() => content('nonsense', { parse: String, encode: String })).toThrow(ParseError)
  })
})

describe('message/sipfrag (RFC 3420) and message/sip', () => {
  it('a status line alone, as NOTIFY brings it (RFC 3515 §2.4.5)', () => {
    const frag = contentsOf(carried(sipfrag, statusFrag(486)), sipfrag)
    expect([frag?.status, frag?.reason, frag?.method]).toEqual([486, 'Busy Here', undefined])
    expect(contentsOf(withBody('message/sipfrag;version=2.0', 'SIP/2.0 100 Trying'), sipfrag)?.status).toBe(
      100,
    )
  })

  it('a request line and headers', () => {
    const frag = contentsOf(
      withBody('message/sipfrag', 'INVITE sip:a@b SIP/2.0\r\nTo: <sip:a@b>\r\n'),
      sipfrag,
    )
    expect([frag?.method, frag?.requestUri?.host, frag?.get(h.To)?.uri.user]).toEqual(['INVITE', 'b', 'a'])
    expect(frag?.status).toBeUndefined()
  })

  it('headers alone, and a body', () => {
    const frag = contentsOf(
      withBody('message/sipfrag', 'Subject: x\r\nContent-Length: 0\r\n\r\nbody'),
      sipfrag,
    )
    expect([frag?.status, frag?.method, frag?.get(h.Subject)]).toEqual([undefined, undefined, 'x'])
    expect(String(frag?.body)).toBe('body')
    expect(frag?.headerNames()).toEqual(['Subject', 'Content-Length'])
  })

  it('a whole message (RFC 3261 §23.4)', () => {
    const inner = withBody('text/plain', 'hi')
    expect(contentsOf(carried(sipMessage, inner), sipMessage)?.bytes).toEqual(inner.bytes)
    expect(() => contentsOf(withBody('message/sip', 'junk'), sipMessage)).toThrow(ParseError)
  })
})

describe('multipart bodies (RFC 2046 §5.1, RFC 5621)', () => {
  const offer = contentsOf(withBody('application/sdp', OFFER), sdp)
  if (offer === undefined) throw new Error('no offer')

  it('parts go and come, nested ones too, and are found', () => {
    const inner = multipart('alternative', [bodyPart(plainText, 'old'), bodyPart(plainText, 'new --part')])
    const outer = multipart('mixed', [bodyPart(multiparts, inner), bodyPart(sdp, offer)])
    const message = carried(multiparts, outer)
    const read = contentsOf(message, multiparts)
    expect(read?.subtype).toBe('mixed')
    expect(read?.parts.map(part => part.contentType.essence)).toEqual([
      'multipart/alternative',
      'application/sdp',
    ])
    expect(findContents(message, sdp)).toEqual(offer)
    expect(findContents(message, plainText)).toBe('new --part')
    expect(findContents(message, sipfrag)).toBeUndefined()
  })

  it('preamble, epilogue, blanks after the boundary, a part without headers, delimiters within lines', () => {
    const body =
      'preamble\r\n--b \t\r\n\r\nno headers --b\r\n--bb\r\n--b\r\nContent-Type: text/plain\r\n' +
      'Content-Length: 1\r\n\r\nwhole\r\n--b--\r\nepilogue --b--'
    const read = contentsOf(withBody('multipart/mixed;boundary=b', body), multiparts)
    expect(read?.parts.map(part => String(part.body))).toEqual(['no headers --b\r\n--bb', 'whole'])
    expect(read?.parts[0]?.contentType.essence).toBe('text/plain')
  })

  it('disposition and handling (RFC 3261 §20.11)', () => {
    const body = '--b\r\nContent-Disposition: render;handling=Optional\r\n\r\nx\r\n--b\r\n\r\n\r\n--b--'
    const [first, second] =
      contentsOf(withBody('multipart/mixed;boundary="b"', body), multiparts)?.parts ?? []
    expect([first?.disposition?.value, first?.isOptional]).toEqual(['render', true])
    expect([second?.disposition, second?.isOptional, second?.body.length]).toEqual([undefined, false, 0])
  })

  it('the root of multipart/related (RFC 2387 §3.2)', () => {
    const body = '--b\r\n\r\none\r\n--b\r\nContent-ID: <2@x>\r\n\r\ntwo\r\n--b--'
    const type = 'multipart/related;boundary=b;start="<2@x>"'
    expect(String(contentsOf(withBody(type, body), multiparts)?.root?.body)).toBe('two')
    expect(String(contentsOf(withBody('multipart/related;boundary=b', body), multiparts)?.root?.body)).toBe(
      'one',
    )
  })

  it('base64 is undone, other transfer encodings answer 415 (RFC 2045 §6)', () => {
    const body =
      '--b\r\nContent-Transfer-Encoding: base64\r\n\r\naGk=\r\n--b\r\nContent-Transfer-Encoding: x\r\n\r\n\r\n--b--'
    const [first, second] = contentsOf(withBody('multipart/mixed;boundary=b', body), multiparts)?.parts ?? []
    expect(String(first?.body)).toBe('hi')
    expect(() => second?.body).toThrow(expect.objectContaining({ status: 415 }))
  })

  it.each([
    ['multipart/mixed', '--b--'],
    ['multipart/mixed;boundary=""', '----'],
    [`multipart/mixed;boundary=${'b'.repeat(71)}`, 'x'],
    ['multipart/mixed;boundary=b', '--b\r\n\r\nnever closed'],
    ['multipart/mixed;boundary=b', `${'--b\r\n\r\n'.repeat(300)}--b--`],
  ])('%s is refused when malformed', (type, body) => {
    expect(() => contentsOf(withBody(type, body), multiparts)).toThrow(ParseError)
  })

  it('is not nested without end', () => {
    let value = multipart('mixed', [bodyPart(plainText, 'deep')])
    for (let depth = 0; depth < 7; depth++) value = multipart('mixed', [bodyPart(multiparts, value)])
    expect(findContents(carried(multiparts, value), plainText)).toBe('deep')
    value = multipart('mixed', [bodyPart(multiparts, value)])
    expect(() => findContents(carried(multiparts, value), plainText)).toThrow('nested more than 8 deep')
    expect(() => multipart('mixed', [])).toThrow('one part at least')
  })

  it('a boundary with blanks stands in quotes', () => {
    const message = withBody('multipart/mixed;boundary="a b"', '--a b\r\n\r\nx\r\n--a b--')
    const read = contentsOf(message, multiparts)
    if (read === undefined) return expect.unreachable()
    const again = carried(multiparts, read)
    expect(again.get(h.ContentType)?.toString()).toBe('multipart/mixed;boundary="a b"')
    expect(again.get(h.ContentType)?.param(p.boundary)).toBe('a b')
    expect(mime('multipart/mixed').param(p.boundary)).toBeUndefined()
  })

  it('a boundary is random: a body that holds every boundary we might count up to costs nothing (RFC 2046 §5.1.1)', () => {
    const hostile = Array.from({ length: 20_000 }, (_, n) => `--part${n === 0 ? '' : n}`).join('')
    const part = bodyPart(plainText, hostile)
    const boundaries = new Set<string>()
    let best = Number.POSITIVE_INFINITY
    for (let run = 0; run < 5; run++) {
      const start = performance.now()
      boundaries.add(multipart('mixed', [part]).boundary)
      best = Math.min(best, performance.now() - start)
    }
    expect(boundaries.size).toBe(5)
    expect(best).toBeLessThan(5)
    const seeded = new Identifiers(new Tokens(seededRandom(1)))
    expect(multipart('mixed', [part], undefined, seeded).boundary).toMatch(/^[\w-]{22}$/)
  })
})
