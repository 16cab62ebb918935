import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import {
  contentsOf,
  embedded,
  type Header,
  h,
  multiparts,
  ParseError,
  p,
  parseMessage,
  type SipMessage,
  sdp,
  validate,
} from '../../src/stack/index.ts'
import { encode } from '../../src/stack/message/encode.ts'
import { type TortureMessage, tortureMessages } from './torture-messages.ts'

function verdictOf(text: string): TortureMessage['verdict'] {
  const message = parseMessage(Buffer.from(text, 'latin1'))
  if (message instanceof ParseError) return 'refused'
  const error = validate(message)
  return error === undefined ? 'ok' : { header: error.header, status: error.status ?? 0 }
}

/** The message of a section, which must be a readable one. */
function message(section: string): SipMessage {
  const found = tortureMessages.find(candidate => candidate.section === section)
  const message = parseMessage(Buffer.from(found?.text ?? '', 'latin1'))
  if (message instanceof ParseError) throw message
  return message
}

describe('messages of our own after RFC 4475 and RFC 5118', () => {
  it('there is one for every section', () => {
    const range = (prefix: string, count: number): string[] =>
      Array.from({ length: count }, (_, n) => `${prefix}${n + 1}`)
    expect(tortureMessages.map(({ section }) => section)).toEqual([
      ...range('RFC 4475 §3.1.1.', 13),
      ...range('RFC 4475 §3.1.2.', 19),
      'RFC 4475 §3.2.1',
      ...range('RFC 4475 §3.3.', 15),
      'RFC 4475 §3.4.1',
      ...range('RFC 5118 §4.', 10),
    ])
  })

  it.each(tortureMessages)('$section $title', ({ text, verdict, unreadable }) => {
    expect(verdictOf(text)).toEqual(verdict)
    const read = parseMessage(Buffer.from(text, 'latin1'))
    if (read instanceof ParseError) return
    const broken = new Set<string>()
    for (const header of Object.values(h) as Header<unknown>[]) {
      if (read.try(header).error !== undefined) broken.add(header.name)
    }
    if (unreadable !== undefined) expect([...broken]).toContain(unreadable)
    else if (verdict === 'ok') expect([...broken]).toEqual([])
    if (verdict !== 'ok') return
    const sent = encode(read.forward())
    expect(sent).toBe(text.slice(0, sent.length))
    expect(sent.length).toBe(text.indexOf('\r\n\r\n') + 4 + read.body.length)
  })
})

describe('what the tortuous values mean', () => {
  it('RFC 4475 §3.1.1.1', () => {
    const read = message('RFC 4475 §3.1.1.1')
    expect([read.to.tag, read.from.tag, read.from.displayName]).toEqual(['t77', 'f77', 'Call \\ "er"'])
    expect([read.get(h.MaxForwards), read.cseq.number, read.get(h.Subject)]).toEqual([42, 12, ''])
    expect(read.all(h.Via).map(via => `${via.transport} ${via.host} ${via.branch}`)).toEqual([
      'TCP client.example.net old-style',
      'UDP two.example.net z9hG4bK2',
      'UDP 192.0.2.3 z9hG4bK3',
    ])
    expect([read.get(h.Contact)?.displayName, read.get(h.Contact)?.param(p.q)]).toEqual(['Empty ""', 0.9])
    expect(read.get(h.Route)?.uri.params.has('c')).toBe(true)
  })

  it('RFC 4475 §3.1.1.2: quoted pairs keep NUL, ESC and DEL', () => {
    const read = message('RFC 4475 §3.1.1.2')
    expect(read.to.displayName).toBe('ESC:\x1b NUL:\0 DEL:\x7f')
    expect(read.from.params.text("p''~+*_!.-%")).toBe('те')
  })

  it('RFC 4475 §3.1.1.3 and §3.1.1.4: escapes', () => {
    const read = message('RFC 4475 §3.1.1.3')
    expect(read.isRequest && read.requestUri.user).toBe('sips:caller@example.net')
    expect([read.to.uri.user, read.from.uri.user]).toEqual(['callee', 'I am "calling"'])
    expect(message('RFC 4475 §3.1.1.4').to.uri.user).toBe('zero-\0-zero')
    expect(
      message('RFC 4475 §3.1.1.4')
        .all(h.Contact)
        .map(contact => contact.uri.user),
    ).toEqual(['\0', '\0\0'])
  })

  it('RFC 4475 §3.1.1.5: no escapes', () => {
    const read = message('RFC 4475 §3.1.1.5')
    expect([read.method, read.to.displayName, read.from.tag]).toEqual(['OPT%49ONS', '%Z%45', 'f%201'])
  })

  it('RFC 4475 §3.1.1.8: the bytes behind the body are not the body', () => {
    expect(message('RFC 4475 §3.1.1.8').body.length).toBe(0)
  })

  it('RFC 4475 §3.1.1.11: the binary part, byte for byte', () => {
    const parts = contentsOf(message('RFC 4475 §3.1.1.11'), multiparts)?.parts
    expect(parts?.[1]?.body).toEqual(Buffer.from([0, 1, 13, 2, 10, 255]))
  })

  it('RFC 4475 §3.1.1.12: the reason phrase', () => {
    const read = message('RFC 4475 §3.1.1.12')
    expect(read.isResponse && read.reason).toBe('= 2**3 * 5**2 но сто')
  })

  it('RFC 4475 §3.3.12 to §3.3.14: whose parameter it is', () => {
    const [bare, inside, header] = ['12', '13', '14'].map(n => message(`RFC 4475 §3.3.${n}`).get(h.Contact))
    expect([bare?.params.has('unknown'), bare?.uri.params.has('unknown')]).toEqual([true, false])
    expect([inside?.params.has('unknown'), inside?.uri.params.has('unknown')]).toEqual([false, true])
    expect(header && embedded(header.uri, h.Route)?.uri.host).toBe('e.example')
  })

  it('RFC 5118 §4.3 to §4.5: host and port', () => {
    const uri = (section: string): string => {
      const read = message(section)
      return read.isRequest ? `${read.requestUri.host} ${read.requestUri.port}` : ''
    }
    expect(uri('RFC 5118 §4.3')).toBe('2001:db8::9:5090 undefined')
    expect(uri('RFC 5118 §4.4')).toBe('2001:db8::9 5090')
    expect(
      message('RFC 5118 §4.5')
        .all(h.Via)
        .map(via => via.received),
    ).toEqual(['2001:db8::1', '2001:db8::2'])
  })

  it('RFC 5118 §4.6 and §4.8: addresses in SDP have no brackets', () => {
    expect(contentsOf(message('RFC 5118 §4.6'), sdp)?.origin.address).toBe('2001:db8::9')
    expect(contentsOf(message('RFC 5118 §4.8'), sdp)?.media).toHaveLength(2)
  })
})

interface Listed {
  readonly name: string
  readonly file: string
  readonly section: string
  readonly expect: { readonly parse?: string; readonly uas?: readonly number[]; readonly all?: string }
}

/** The RFCs' own bytes, where this checkout stands beside them. */
const data =
  ['../../../shared/data/', '../../../../shared/data/']
    .map(path => fileURLToPath(new URL(path, import.meta.url)))
    .find(path => existsSync(`${path}rfc4475/manifest.json`)) ?? ''
/** What a user agent, not the reader, answers 400: reading a header nobody needs, or matching a transaction. */
const decidedLater = new Set(['baddate', 'regbadct', 'badbranch', 'unksm2', 'sdp01'])

describe.runIf(data !== '')('the bytes of RFC 4475 and RFC 5118', () => {
  const listed: readonly Listed[] = ['rfc4475', 'rfc5118'].flatMap(rfc =>
    data === '' ? [] : JSON.parse(readFileSync(`${data}${rfc}/manifest.json`, 'utf8')).messages,
  )

  it.each(listed)('§$section $name', ({ name, file, expect: expected }) => {
    let text = readFileSync(`${data}${file}`, 'latin1')
    // RFC 5118's archive has bare line feeds, which Content-Length does not count, and some messages lack the empty line
    if (!text.includes('\r\n')) {
      text = text.replaceAll('\n', '\r\n').replace(/(Content-Length: )[1-9]\d*/, (_, name) => `${name}10`)
    }
    if (!text.includes('\r\n\r\n')) text += '\r\n'
    const verdict = verdictOf(text)
    if (expected.parse !== undefined || decidedLater.has(name)) expect(verdict).toBe('ok')
    else if (expected.all === 'drop') expect(verdict).not.toBe('ok')
    else expect(verdict).toMatchObject({ status: expected.uas?.includes(505) ? 505 : 400 })
  })
})
