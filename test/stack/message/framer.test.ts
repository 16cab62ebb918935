import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { ParseError } from '../../../src/stack/grammar/parse-error.ts'
import { Framer } from '../../../src/stack/message/framer.ts'

const message = (body: string): string =>
  `MESSAGE sip:a@b SIP/2.0\r\nVia: SIP/2.0/TCP c;branch=z9hG4bK1\r\nl: ${body.length}\r\n\r\n${body}`

/** What a framer makes of a stream that arrives in these pieces. */
function framed(pieces: readonly Buffer[]): {
  messages: string[]
  pings: number
  error: ParseError | undefined
} {
  const seen = { messages: [] as string[], pings: 0, error: undefined as ParseError | undefined }
  const framer = new Framer({
    onMessage: (_, bytes) => seen.messages.push(bytes.toString('latin1')),
    onPing: () => seen.pings++,
    onPong: () => {},
    onBroken: error => {
      seen.error ??= error
    },
  })
  for (const piece of pieces) framer.push(piece)
  return seen
}

describe('Framer (RFC 3261 §18.3, RFC 5626 §4.4.1)', () => {
  const messages = [
    message(''),
    message('hello\r\n\r\nthere'),
    message('INVITE sip:x SIP/2.0\r\n\r\n'),
    message('x'),
  ]

  it('cuts the same messages wherever the stream is cut in two', () => {
    const stream = Buffer.from(`\r\n\r\n${messages.join('\r\n\r\n')}\r\n`, 'latin1')
    for (let at = 0; at <= stream.length; at++) {
      const { messages: got, pings, error } = framed([stream.subarray(0, at), stream.subarray(at)])
      expect(error).toBeUndefined()
      expect(got).toEqual(messages)
      expect(pings).toBe(4)
    }
  })

  it('cuts the same messages when they come byte by byte', () => {
    const stream = Buffer.from(messages.join(''), 'latin1')
    expect(framed([...stream].map(byte => Buffer.from([byte]))).messages).toEqual(messages)
  })

  it('cuts the same messages in any pieces, with keep-alives between them', () => {
    const bodies = fc.array(fc.tuple(fc.string({ unit: 'binary-ascii', maxLength: 40 }), fc.nat(3)), {
      maxLength: 6,
    })
    fc.assert(
      fc.property(bodies, fc.array(fc.nat(30), { minLength: 1, maxLength: 60 }), (sent, cuts) => {
        const stream = Buffer.from(
          sent.map(([body, blanks]) => '\r\n'.repeat(blanks) + message(body)).join(''),
          'latin1',
        )
        const pieces: Buffer[] = []
        let from = 0
        for (const cut of cuts) {
          pieces.push(stream.subarray(from, from + cut))
          from += cut
        }
        pieces.push(stream.subarray(from))
        expect(framed(pieces).messages).toEqual(sent.map(([body]) => message(body)))
      }),
    )
  })

  it.each([
    ['a start line that is none', 'hello\r\n\r\n', 'start line'],
    ['an unreadable Content-Length', 'MESSAGE sip:a@b SIP/2.0\r\nl: 1x\r\n\r\n', 'Content-Length'],
    ['two Content-Lengths', 'MESSAGE sip:a@b SIP/2.0\r\nl: 1\r\nl: 2\r\n\r\n', 'Content-Length'],
    ['a message above the limit', 'MESSAGE sip:a@b SIP/2.0\r\nl: 99999999\r\n\r\n', 'message'],
    ['a head above the limit', `MESSAGE sip:a@b SIP/2.0\r\nX: ${'x'.repeat(70_000)}`, 'message'],
  ])('loses the frame at %s, and delivers nothing more', (_, stream, header) => {
    const { messages: got, error } = framed([Buffer.from(stream), Buffer.from(message(''))])
    expect(error).toMatchObject({ header })
    expect(got).toEqual([])
  })

  it('delivers nothing after it was closed by its user', () => {
    const got: string[] = []
    const framer: Framer = new Framer({
      onMessage: (_, bytes) => {
        got.push(String(bytes))
        framer.close()
      },
      onPing: () => got.push('ping'),
      onPong: () => got.push('pong'),
      onBroken: () => got.push('broken'),
    })
    framer.push(Buffer.from(message('') + message('')))
    framer.push(Buffer.from(message('')))
    expect(got).toHaveLength(1)
    expect(framer.isWaiting).toBe(false)
  })

  it('delivers no message behind the ping at which its user closed it', () => {
    const got: string[] = []
    const framer: Framer = new Framer({
      onMessage: () => got.push('message'),
      onPing: () => framer.close(),
      onPong: () => got.push('pong'),
      onBroken: () => got.push('broken'),
    })
    framer.push(Buffer.from(`\r\n\r\n${message('')}`))
    expect(got).toEqual([])
  })
})
