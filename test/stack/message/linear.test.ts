import { describe, expect, it } from 'vitest'
import {
  type Header,
  h,
  ParseError,
  parseMessage,
  type SipMessage,
  validate,
} from '../../../src/stack/index.ts'
import { cpuMilliseconds } from '../../cpu.ts'

const KIB = 1024
/** What one message of 64 KiB takes at most, with all its getters; squares of 64 KiB would take seconds. */
const EXPECTED_MILLISECONDS = 5
/** What it may take where the machine does other things as well. */
const MOST_MILLISECONDS = 25
/** Four times the bytes may take four times the time, and some noise; squares would take sixteen times as long. */
const MOST_RATIO = 9

const headers: readonly Header<unknown>[] = Object.values(h)

const characters = Array.from({ length: 256 }, (_, code) => String.fromCharCode(code))
const tokens = [
  'a:',
  '\\"',
  ';a',
  ';a=',
  ';a=b',
  ',a',
  '%41',
  '\r\n ',
  '\r\n\t',
  'Via: ',
  '((',
  '()',
  '<>',
  '<a>',
  '""',
  '"a"',
  '" "',
  '\r\nVia: a',
  '\r\n:',
  '\r\na:',
  '\r\nl: 1',
  'sip:',
  'sip:a@',
  '@a',
  ':1',
  '[:',
  '::',
  '?a=b',
  '&a=b',
  '/a',
  ' a',
  'a ',
  ', ',
  ',;',
  '=,',
  '.a',
  '\\',
  '\xc3\xa9',
  '<sip:a>,',
  '<sip:a>;a,',
  'SIP/2.0/UDP a,',
  'a="b",',
  'a=b;',
  ' \r\n\r\n',
]

const around = (start: string, more: string): string =>
  `${start}\r\nVia: SIP/2.0/UDP c;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\n${more}\r\n\r\n`

/** Where the repeated text is put: `R` stands for it. */
const places: readonly (readonly [place: string, message: string])[] = [
  ['the start line', around('INVITE R SIP/2.0', '')],
  ['a method', around('R sip:a SIP/2.0', '')],
  ['a status line', around('SIP/2.0 200 R', '')],
  ['a user', around('INVITE sip:R@b SIP/2.0', '')],
  ['a host', around('INVITE sip:R SIP/2.0', '')],
  ['URI parameters', around('INVITE sip:a;R SIP/2.0', '')],
  ['URI headers', around('INVITE sip:a?R SIP/2.0', '')],
  ['all of a message', 'R'],
  ['header lines', around('INVITE sip:a SIP/2.0', 'R')],
  ['a header name', around('INVITE sip:a SIP/2.0', 'R: a')],
  ...['Via', 'From', 'To', 'Call-ID', 'CSeq', 'Contact', 'Route'].map(
    name => [name, `INVITE sip:a SIP/2.0\r\n${name}: R\r\n\r\n`] as const,
  ),
  ['parameters of Via', 'INVITE sip:a SIP/2.0\r\nVia: SIP/2.0/UDP c;R\r\n\r\n'],
  ['parameters of From', 'INVITE sip:a SIP/2.0\r\nFrom: <sip:a@b>;R\r\n\r\n'],
  ['a quoted display name', 'INVITE sip:a SIP/2.0\r\nFrom: "R" <sip:a@b>\r\n\r\n'],
  ['a display name', 'INVITE sip:a SIP/2.0\r\nTo: R <sip:a@b>\r\n\r\n'],
  ['elements of Route', 'INVITE sip:a SIP/2.0\r\nRoute: <sip:a>,R\r\n\r\n'],
  ['a challenge', 'SIP/2.0 401 x\r\nWWW-Authenticate: Digest R\r\n\r\n'],
  ['a comment', 'SIP/2.0 401 x\r\nRetry-After: 1 (R)\r\n\r\n'],
]

function readAll(bytes: Buffer): void {
  const message = parseMessage(bytes, undefined, { maxMessageBytes: 128 * KIB, maxHeaderLines: 512 })
  if (message instanceof ParseError) return
  validate(message)
  for (const name of ['via', 'from', 'to', 'callId', 'cseq', 'requestUri']) touch(message, name)
  for (const header of headers) {
    if (!message.has(header)) continue
    message.try(header)
    try {
      message.all(header)
    } catch (error) {
      if (!(error instanceof ParseError)) throw error
    }
  }
  message.headerNames()
  message.brief()
}

function touch(message: SipMessage, name: string): void {
  try {
    Reflect.get(message, name)
  } catch (error) {
    if (!(error instanceof ParseError)) throw error
  }
}

/** The best processor time of at most `runs`, in milliseconds, or one that is good `enough`. */
function best(bytes: Buffer, runs: number, enough: number): number {
  let least = Number.POSITIVE_INFINITY
  for (let run = 0; run < runs && least > enough; run++) {
    const before = cpuMilliseconds()
    readAll(bytes)
    least = Math.min(least, cpuMilliseconds() - before)
  }
  return least
}

function filled(message: string, token: string, size: number): Buffer {
  const repeated = token.repeat(Math.ceil(size / token.length)).slice(0, size)
  return Buffer.from(
    message.replace('R', () => repeated),
    'latin1',
  )
}

// what is measured is processor time on a shared machine: squares fail however often they are tried
describe('reading takes time in proportion to the bytes', { retry: 3 }, () => {
  it.each(places)(
    'whatever 64 KiB are put in %s',
    (_, message) => {
      const slow: string[] = []
      for (const token of [...characters, ...tokens]) {
        const whole = filled(message, token, 64 * KIB)
        const time = best(whole, 8, EXPECTED_MILLISECONDS)
        if (time <= EXPECTED_MILLISECONDS) continue
        const quarter = best(filled(message, token, 16 * KIB), 8, 0)
        if (time > MOST_MILLISECONDS || time > quarter * MOST_RATIO) {
          slow.push(
            `${JSON.stringify(token)}: ${time.toFixed(1)} ms, a quarter of it ${quarter.toFixed(1)} ms`,
          )
        }
      }
      expect(slow).toEqual([])
    },
    60_000,
  )
})
