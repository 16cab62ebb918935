import { describe, expect, it } from 'vitest'
import {
  codecs,
  encodeSdp,
  formatParameters,
  inlineKeys,
  parseSdp,
  type SdpLimits,
  type SessionDescription,
} from '../../src/sdp/index.ts'
import { PeerError } from '../../src/util/errors.ts'
import { seededRandom, Tokens } from '../../src/util/random.ts'
import { cpuMilliseconds } from '../cpu.ts'
import { SAMPLES } from './samples.ts'

const head = 'v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\n'

const FRAGMENTS = [
  '\r\n',
  '\n',
  '\r',
  '\0',
  ' ',
  ':',
  '/',
  '=',
  'a=__proto__:1\r\n',
  'a=constructor:prototype\r\n',
  'm=__proto__ 0 __proto__ __proto__\r\n',
  'm=',
  'a=candidate:',
  'a=rtpmap:',
  'a=sendrecv\r\n',
  't=0 0\r\n',
  'r=\r\n',
  'c=IN IP6 ::\r\n',
  '99999999999999999999',
  '-1',
  'NaN',
  '%s%d%v',
  '\u2028',
  '\ufeff',
  '\ud800',
  'é',
]

function mutated(text: string, random: Tokens): string {
  let out = text
  for (let rounds = 1 + random.below(4); rounds > 0; rounds--) {
    const at = random.below(out.length + 1)
    const to = Math.min(out.length, at + random.below(12))
    const fragment = FRAGMENTS[random.below(FRAGMENTS.length)] ?? ''
    const kind = random.below(5)
    if (kind === 0) out = out.slice(0, at) + out.slice(to)
    else if (kind === 1) out = out.slice(0, at) + fragment + out.slice(at)
    else if (kind === 2) out = out.slice(0, at) + String.fromCharCode(random.byte()) + out.slice(at + 1)
    else if (kind === 3) out = out.slice(0, to) + out.slice(at)
    else out = out.slice(0, at)
  }
  return out
}

/** The description, undefined where it is refused as a peer's error; any other error is the test's failure. */
function read(body: string | Uint8Array, limits?: SdpLimits): SessionDescription | undefined {
  try {
    return parseSdp(body, limits)
  } catch (error) {
    if (error instanceof PeerError) return undefined
    throw error
  }
}

describe('mutated bodies', () => {
  it('are refused by a PeerError or read; what is read can be written, and that is stable', () => {
    const random = new Tokens(seededRandom(8866))
    let accepted = 0
    for (let i = 0; i < 10_000; i++) {
      const text = mutated(SAMPLES[i % SAMPLES.length] ?? '', random)
      const session = read(i % 2 ? text : Buffer.from(text, i % 4 ? 'utf8' : 'latin1'))
      if (!session) continue
      accepted++
      const written = encodeSdp(session)
      expect(encodeSdp(parseSdp(written))).toBe(written)
      for (const media of session.media) {
        codecs(media)
        for (const { config } of media.fmtps) formatParameters(config)
        for (const crypto of media.cryptos) inlineKeys(crypto)
      }
    }
    expect(accepted).toBeGreaterThan(2000)
    expect(accepted).toBeLessThan(9500)
    expect({}).toEqual({})
    expect(Object.keys(Object.prototype)).toEqual([])
  })
})

describe('mutated lines of attributes', () => {
  const lines = SAMPLES.flatMap(sample => sample.split('\r\n').filter(line => line.startsWith('a=')))

  it('are written to the letter, whatever was made of them', () => {
    const random = new Tokens(seededRandom(4566))
    const kinds = new Set<string>()
    for (let i = 0; i < 20_000; i++) {
      const line = lines[i % lines.length] ?? ''
      const at = 2 + random.below(line.length - 1)
      const insert = [' ', ':', '/', '0', '-', '.', 'x', '*', ''][random.below(9)] ?? ''
      const body = `${head}m=audio 9 RTP/AVP 0\r\n${line.slice(0, at)}${insert}${line.slice(at + random.below(2))}\r\n`
      const session = parseSdp(body)
      expect(encodeSdp(session)).toBe(body)
      for (const kind of session.media[0]?.order ?? []) kinds.add(kind)
    }
    expect(kinds.size).toBeGreaterThan(20)
  })
})

describe('time', () => {
  const fill = (unit: string): string => unit.repeat(Math.floor((65_536 - head.length - 40) / unit.length))
  const bodies: [string, string][] = [
    ['line ends', fill('\n')],
    ['attributes', fill('a=\n')],
    ['repeats', fill('r=\n')],
    ['other lines', fill('y=\n')],
    ['sections', fill('m=a 0 b\n')],
    ['rtpmaps', `m=audio 9 RTP/AVP 0\n${fill('a=rtpmap:0 PCMU/8000\n')}`],
    ['feedback', `m=audio 9 RTP/AVP 0\n${fill('a=rtcp-fb:* x\na=rtcp-fb:0 x\n')}`],
    ['formats', `m=audio 9 RTP/AVP ${fill('0 ')}\n`],
    ['one word', `a=${fill('x')}`],
    ...[
      'candidate:',
      'fmtp:0 ',
      'rtpmap:0 ',
      'crypto:1 ',
      'ptime:',
      'rtcp-fb:',
      'extmap:1 ',
      'mid:',
      'group:A ',
    ].flatMap(name =>
      ['1.', ' 1', '/', 'a', '[', ';'].map((unit): [string, string] => [
        `${name} and many '${unit}'`,
        `m=audio 9 RTP/AVP 0\na=${name}${fill(unit)}`,
      ]),
    ),
  ]

  it.each(bodies)('stays short at 64 KiB of %s', (_, tail) => {
    const body = head + tail
    const limits = { maxLines: 65_536, maxMedia: 65_536 }
    read(body, limits)
    const start = cpuMilliseconds()
    const session = read(body, limits)
    expect(session).toBeDefined()
    for (const media of session?.media ?? []) codecs(media)
    if (session) encodeSdp(session)
    expect(cpuMilliseconds() - start).toBeLessThan(250)
  })
})
