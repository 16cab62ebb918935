import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { ParseError } from '../../../src/stack/grammar/parse-error.ts'
import { Framer } from '../../../src/stack/message/framer.ts'
import type { Head } from '../../../src/stack/message/head.ts'

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

  it('two pongs are no ping where they are awaited (RFC 5626 §4.4.1)', () => {
    const got: string[] = []
    const framer: Framer = new Framer({
      onMessage: () => got.push('message'),
      onPing: () => got.push('ping'),
      onPong: () => got.push('pong'),
      onBroken: () => got.push('broken'),
    })
    for (let n = 0; n < 3; n++) {
      framer.expectPong()
      framer.push(Buffer.from('\r\n'))
    }
    framer.push(Buffer.from(`\r\n\r\n${message('')}`))
    expect(got).toEqual(['pong', 'pong', 'pong', 'ping', 'message'])
  })
})

describe('what a stream costs while it is read (RFC 3261 §18.3)', () => {
  const silent = { onMessage: () => {}, onPing: () => {}, onPong: () => {}, onBroken: () => {} }
  const head = (bytes: number): Buffer => Buffer.from(`MESSAGE sip:a@b SIP/2.0\r\nX: ${'x'.repeat(bytes)}`)

  /** Milliseconds of processor time for a head that comes octet by octet; the best of some runs. */
  function octets(count: number): number {
    const bytes = head(count)
    let best = Number.POSITIVE_INFINITY
    for (let run = 0; run < 5; run++) {
      const framer = new Framer(silent)
      const before = process.cpuUsage()
      for (let at = 0; at < bytes.length; at++) framer.push(bytes.subarray(at, at + 1))
      const { user, system } = process.cpuUsage(before)
      best = Math.min(best, (user + system) / 1000)
    }
    return best
  }

  it('a head of 64,000 single octets takes time in proportion to them', { retry: 3 }, () => {
    octets(16_000)
    const quarter = octets(16_000)
    const whole = octets(64_000)
    expect(whole).toBeLessThan(80)
    expect(whole).toBeLessThan(8 * quarter)
  })

  describe.runIf(global.gc !== undefined)('memory', () => {
    /** Bytes that are held; array buffers are freed some time after the collection that finds them unused. */
    async function held(): Promise<number> {
      for (let turn = 0; turn < 3; turn++) {
        global.gc?.()
        await new Promise(resolve => setImmediate(resolve))
      }
      const { heapUsed, arrayBuffers } = process.memoryUsage()
      return heapUsed + arrayBuffers
    }

    it('chunks of one octet cost what they hold, not 330 bytes each', async () => {
      const framer = new Framer(silent)
      framer.push(Buffer.from('MESSAGE sip:a@b SIP/2.0\r\nl: 60001\r\n\r\n'))
      const before = await held()
      for (let octets = 0; octets < 60_000; octets++) framer.push(Buffer.from('x'))
      // the octets, as much room again, and what the test itself leaves
      expect(((await held()) - before) / 60_000).toBeLessThan(20)
      expect(framer.isWaiting).toBe(true)
    })

    it('a small message keeps the chunk it came in no longer alive, nor does its body', async () => {
      const kept: unknown[] = []
      const sink = {
        ...silent,
        onMessage: (framedHead: Head, bytes: Buffer) => kept.push(framedHead, bytes, bytes.subarray(-5)),
      }
      const small = message('hello')
      const before = await held()
      for (let n = 0; n < 500; n++) {
        const chunk = Buffer.alloc(24_000, '\r\n')
        chunk.write(small, 0, 'latin1')
        new Framer(sink).push(chunk)
      }
      const bytes = (await held()) - before
      expect(kept).toHaveLength(1500)
      expect(bytes / 500).toBeLessThan(3000)
    })

    it('a message that has only begun keeps nothing of its chunk but its own bytes', async () => {
      const framers: Framer[] = []
      const before = await held()
      for (let n = 0; n < 500; n++) {
        const chunk = Buffer.alloc(24_000, '\r\n')
        chunk.write('MESSAGE sip:a@b', 23_900, 'latin1')
        const framer = new Framer(silent)
        framer.push(chunk.fill(0x61, 23_915))
        framers.push(framer)
      }
      expect(((await held()) - before) / 500).toBeLessThan(2500)
      expect(framers.every(framer => framer.isWaiting)).toBe(true)
    })
  })
})
