import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { h, ParseError, parseMessage, ResponseTemplate, type SipMessage } from '../../../src/stack/index.ts'
import { encode } from '../../../src/stack/message/encode.ts'

const LINES =
  'v: SIP/2.0/UDP a;branch=z9hG4bK1, SIP/2.0/UDP b\r\nf: A\r\n <sip:a@b>;tag=1\r\nX-Mine:  \xc3\xa9\xff \r\nroute: <<garbage\r\n' +
  'no header\r\nAllow: INVITE,\r\n ACK\r\nX-MINE: two\r\nl: 0\r\n'

function parsed(text: string): SipMessage {
  const message = parseMessage(Buffer.from(text, 'latin1'))
  if (message instanceof ParseError) throw message
  return message
}

describe('headers(): all header lines in their order', () => {
  const entries = parsed(`SIP/2.0 200 OK\r\n${LINES}\r\n`).headers()

  it('have name, text and token; a line that is none is left out', () => {
    expect(entries.map(({ name, text, header }) => [name, text, header.name])).toEqual([
      ['v', 'SIP/2.0/UDP a;branch=z9hG4bK1, SIP/2.0/UDP b', 'Via'],
      ['f', 'A <sip:a@b>;tag=1', 'From'],
      ['X-Mine', 'é\ufffd', 'X-Mine'],
      ['route', '<<garbage', 'Route'],
      ['Allow', 'INVITE, ACK', 'Allow'],
      ['X-MINE', 'two', 'X-MINE'],
      ['l', '0', 'Content-Length'],
    ])
    expect([entries[0]?.header, entries[4]?.header]).toEqual([h.Via, h.Allow])
  })

  it('are parsed when their values are asked for, and only then', () => {
    expect(entries[0]?.values.map(String)).toEqual(['SIP/2.0/UDP a;branch=z9hG4bK1', 'SIP/2.0/UDP b'])
    expect(entries[4]?.values).toEqual(['INVITE', 'ACK'])
    expect(entries[4]?.values).toBe(entries[4]?.values)
    expect(() => entries[3]?.values).toThrow(ParseError)
    expect(entries[3]?.tryValues().error).toBeInstanceOf(ParseError)
  })

  it('are copied byte for byte into a message of our own, whatever they hold', () => {
    const copy = new ResponseTemplate(200)
    for (const entry of entries) copy.copy(entry)
    expect(encode(copy)).toBe(
      'SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK1, SIP/2.0/UDP b\r\nFrom: A\r\n <sip:a@b>;tag=1\r\n' +
        'X-Mine: \xc3\xa9\xff\r\nX-Mine: two\r\nRoute: <<garbage\r\nAllow: INVITE,\r\n ACK\r\nContent-Length: 0\r\n\r\n',
    )
    expect(copy.from.tag).toBe('1')
    expect(copy.all(h.Via)).toHaveLength(2)
  })
})

describe('a mandatory header is parsed once, whoever asks for it (RFC 3261 §8.1.1)', () => {
  it('get() answers what the getter answers, and the other way round', () => {
    const text =
      'SIP/2.0 200 OK\r\nv: SIP/2.0/UDP a\r\nf: <sip:a>\r\nt: <sip:b>\r\ni: c\r\nCSeq: 1 INVITE\r\n\r\n'
    const first = parsed(text)
    expect([first.get(h.Via), first.get(h.From), first.get(h.To), first.get(h.CSeq)]).toEqual([
      first.via,
      first.from,
      first.to,
      first.cseq,
    ])
    expect(first.get(h.Via)).toBe(first.via)
    expect(first.get(h.From)).toBe(first.from)
    const second = parsed(text)
    const { to, cseq } = second
    expect(second.get(h.To)).toBe(to)
    expect(second.get(h.CSeq)).toBe(cseq)
    expect(parsed('SIP/2.0 200 OK\r\n\r\n').get(h.From)).toBeUndefined()
  })
})

describe('published types', () => {
  it('declare nothing global', () => {
    const sources = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter(
      name => name.endsWith('.ts') && !name.endsWith('.d.ts'),
    )
    expect(sources.length).toBeGreaterThan(100)
    expect(sources.filter(name => readFileSync(`src/${name}`, 'utf8').includes('declare global'))).toEqual([])
  })
})
