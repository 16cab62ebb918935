import { describe, expect, it } from 'vitest'
import {
  h,
  headerBlock,
  headerLines,
  nameAddr,
  ParseError,
  RequestTemplate,
  UsageError,
  uri,
} from '../../../src/stack/index.ts'
import { encode } from '../../../src/stack/message/encode.ts'

const template = (): RequestTemplate => new RequestTemplate('OPTIONS', uri('sip:a@b'))
const START = 'OPTIONS sip:a@b SIP/2.0\r\n'
const END = 'Content-Length: 0\r\n\r\n'

describe('header blocks: lines that were encoded once', () => {
  const text = 'Allow: INVITE, ACK\r\nX-Mine:  é\r\n'
  const block = headerBlock(text)

  it('go out as they are, behind the headers that were set', () => {
    const sent = encode(template().appendBlock(block).set(h.Subject, 's'))
    expect(sent).toBe(`${START}Subject: s\r\nAllow: INVITE, ACK\r\nX-Mine:  \xc3\xa9\r\n${END}`)
    expect(encode(template().appendBlock(headerBlock(headerLines(h.Allow, 'INVITE', 'ACK'))))).toBe(
      `${START}Allow: INVITE, ACK\r\n${END}`,
    )
  })

  it('are read as any other header, and taken over by derive()', () => {
    const copy = template().appendBlock(block).derive()
    expect([copy.get(h.Allow), copy.all(h.Allow), copy.has(h.Allow), copy.has(h.Route)]).toEqual([
      'INVITE',
      ['INVITE', 'ACK'],
      true,
      false,
    ])
  })

  it('are changed in one message without touching the others', () => {
    const changed = template().appendBlock(block).append(h.Allow, 'BYE')
    expect(encode(changed)).toBe(`${START}Allow: INVITE, ACK, BYE\r\nX-Mine:  \xc3\xa9\r\n${END}`)
    const removed = template().appendBlock(block)
    expect(removed.remove(h.Allow)).toBe(true)
    expect(encode(removed)).not.toContain('Allow')
    expect(encode(template().appendBlock(block).removeFirst(h.Allow))).toContain('Allow: ACK\r\n')
    expect(block.text).toContain('Allow: INVITE, ACK\r\n')
  })

  it.each([
    ['no header', 'hello'],
    ['an empty line', 'A: b\r\n\r\nC: d\r\n'],
    ['a bare LF', 'A: b\nC: d\r\n'],
    ['NUL', 'A: b\0\r\n'],
    ['a line without a name', ': b\r\n'],
    ['a fold at its start', ' A: b\r\n'],
    ['a Content-Length', 'l: 5\r\n'],
  ])('%s is refused where the block is made', (_, wrong) => {
    expect(() => headerBlock(wrong)).toThrow(UsageError)
  })

  it('a header that was changed before the block came is a mistake', () => {
    expect(() => template().set(h.Allow, 'BYE').appendBlock(block)).toThrow(UsageError)
  })
})

describe('values given as wire text', () => {
  it('go out as they stand, and are parsed when they are read', () => {
    const copy = template()
      .setText(h.From, 'Alice   <sip:a@b> ; tag=1')
      .setText(h.Route, '<sip:p1;lr> , <sip:p2;lr>', '<<garbage')
    expect(encode(copy)).toBe(
      `${START}From: Alice   <sip:a@b> ; tag=1\r\nRoute: <sip:p1;lr> , <sip:p2;lr>\r\nRoute: <<garbage\r\n${END}`,
    )
    expect(copy.from.tag).toBe('1')
    expect(copy.get(h.Route)?.uri.host).toBe('p1')
    expect(() => copy.all(h.Route)).toThrow(ParseError)
    copy.removeFirst(h.Route).prepend(h.Route, nameAddr('<sip:p0;lr>'))
    expect(encode(copy)).toContain('Route: <sip:p0;lr>\r\nRoute: <sip:p2;lr>\r\nRoute: <<garbage\r\n')
    copy.removeFirst(h.Route).removeFirst(h.Route)
    expect(encode(copy)).toContain('tag=1\r\nRoute: <<garbage\r\nContent-Length')
  })

  it('are written as UTF-8, and checked once where they are given', () => {
    expect(encode(template().setText(h.Subject, 'é'))).toContain('Subject: \xc3\xa9\r\n')
    for (const wrong of ['a\r\nb', 'a\nb', 'a\rb', 'a\0b'])
      expect(() => template().setText(h.To, wrong)).toThrow(UsageError)
  })
})

describe('Content-Length is the right one, whatever was set (RFC 3261 §20.14)', () => {
  it('stands once in a template that sets it', () => {
    expect(encode(template().set(h.ContentLength, 5))).toBe(`${START}${END}`)
    expect(encode(template().set(h.ContentLength, 5).setBody('text/plain', 'abc'))).toMatch(
      /SIP\/2.0\r\nContent-Type: text\/plain\r\nContent-Length: 3\r\n\r\nabc$/,
    )
  })
})
