import { isDeepStrictEqual } from 'node:util'
import { encodeRtcp } from '../../src/media/rtcp/encode.ts'
import { genericNack } from '../../src/media/rtcp/feedback.ts'
import type { RtcpPacket } from '../../src/media/rtcp/packet.ts'
import { parseRtcp } from '../../src/media/rtcp/parse.ts'
import { extensionElements } from '../../src/media/rtp/extension.ts'
import { encodeRtp, parseRtp, rtpLength } from '../../src/media/rtp/packet.ts'
import { RtpSender } from '../../src/media/rtp/sender.ts'
import { RtpSession } from '../../src/media/rtp/session.ts'
import { parseTelephoneEvents } from '../../src/media/rtp/telephone-event.ts'
import { SimulatedClock } from '../../src/util/clock.ts'
import { seededRandom, Tokens } from '../../src/util/random.ts'
import { Timers } from '../../src/util/timers.ts'

const SOURCES = 16

/** Parses `count` mutated RTP packets, alone and in a session; throws where one is read wrong or anything throws. */
export function fuzzRtp(count: number, seed: number): void {
  const tokens = new Tokens(seededRandom(seed))
  const { session, clock } = receivingSession(seed)
  const corpus = rtpCorpus()
  for (let i = 0; i < count; i++) {
    const bytes = mutate(corpus[tokens.below(corpus.length)] ?? Buffer.alloc(0), corpus, tokens)
    const packet = parseRtp(bytes)
    if (typeof packet !== 'string') {
      const { payloadStart, payloadEnd } = packet
      if (payloadStart < 12 || payloadStart > payloadEnd || payloadEnd > bytes.length) {
        fail(bytes, `payload from ${payloadStart} to ${payloadEnd}`)
      }
      for (const { data } of extensionElements(packet))
        if (data.length > bytes.length) fail(bytes, 'an element')
      for (let csrc = 0; csrc < packet.csrcCount; csrc++) packet.csrc(csrc)
      parseTelephoneEvents(packet.payload)
    }
    clock.advance(tokens.below(30))
    session.receiveRtp(bytes, bytes.length, { address: '192.0.2.1', port: tokens.below(4) }, clock.now())
    if (session.sources.size > SOURCES || session.members.size > SOURCES) fail(bytes, 'unbounded tables')
  }
  session.close()
}

/** Parses `count` mutated RTCP packets, alone and in a session; throws where what was read cannot be written again. */
export function fuzzRtcp(count: number, seed: number): void {
  const tokens = new Tokens(seededRandom(seed))
  const { session, clock } = receivingSession(seed)
  const corpus = rtcpCorpus()
  for (let i = 0; i < count; i++) {
    const bytes = mutate(corpus[tokens.below(corpus.length)] ?? Buffer.alloc(0), corpus, tokens)
    const packets = parseRtcp(bytes, { reducedSize: tokens.below(2) === 0 })
    if (typeof packets !== 'string' && packets.every(canBeWritten)) {
      // what is no UTF-8 is replaced once: from then on nothing may change
      const again = parseRtcp(encodeRtcp(packets), { reducedSize: true })
      if (typeof again === 'string') fail(bytes, again)
      const third = parseRtcp(encodeRtcp(again), { reducedSize: true })
      if (!isDeepStrictEqual(again, third)) fail(bytes, 'another packet after writing it again')
    }
    clock.advance(tokens.below(300))
    session.receiveRtcp(bytes, { address: '192.0.2.1', port: tokens.below(4) })
    if (session.members.size > SOURCES) fail(bytes, 'an unbounded member table')
  }
  session.close()
}

function receivingSession(seed: number): { session: RtpSession; clock: SimulatedClock } {
  const clock = new SimulatedClock()
  const random = seededRandom(seed)
  const sender = new RtpSender({ payloadType: 0, clockRate: 8000, random, ssrc: 0x01020304 })
  const session = new RtpSession(
    {
      sender,
      clockRateOf: () => 8000,
      cname: 'fuzz',
      clock,
      timers: new Timers(clock),
      random,
      maxSources: SOURCES,
      minSequential: 1,
    },
    { sendRtcp() {} },
  )
  session.start()
  session.onSent()
  return { session, clock }
}

function rtpCorpus(): Buffer[] {
  const payload = Buffer.alloc(20, 0x55)
  const base = { payloadType: 0, sequence: 65_535, timestamp: 1000, ssrc: 0xdecafbad }
  return [
    base,
    { ...base, marker: true, csrcs: [1, 2, 3] },
    { ...base, extension: { profile: 0xbede, data: Buffer.from('10aa2101bbbb0000', 'hex') }, padding: 4 },
    { ...base, extension: { profile: 0x1000, data: Buffer.from('0101aa0200', 'hex') }, csrcs: [9] },
    { ...base, payloadType: 101, ssrc: 0x01020304 },
  ].map(header => {
    const bytes = Buffer.alloc(rtpLength(header, payload.length))
    encodeRtp(bytes, 0, header, payload)
    return bytes
  })
}

function rtcpCorpus(): Buffer[] {
  const report = {
    ssrc: 0x01020304,
    fractionLost: 12,
    lost: -3,
    highest: 70_000,
    jitter: 33,
    lastReport: 0x11223344,
    delay: 65_536,
  }
  const sr: RtcpPacket = {
    type: 'sr',
    ssrc: 7,
    ntp: { seconds: 3_900_000_000, fraction: 5 },
    rtpTimestamp: 160,
    packets: 1,
    octets: 160,
    reports: [report],
  }
  const rr: RtcpPacket = { type: 'rr', ssrc: 8, reports: [report, { ...report, ssrc: 9 }] }
  const sdes: RtcpPacket = {
    type: 'sdes',
    chunks: [
      {
        ssrc: 7,
        items: [
          { item: 1, text: 'abcdefgh' },
          { item: 8, prefix: 'x', text: 'y' },
        ],
      },
      { ssrc: 9, items: [{ item: 2, text: 'Zoë' }] },
    ],
  }
  const xr: RtcpPacket = {
    type: 'xr',
    ssrc: 7,
    blocks: [
      { block: 'receiver-reference-time', seconds: 1, fraction: 2 },
      { block: 'other', blockType: 1, typeSpecific: 3, data: Buffer.alloc(8, 1) },
      { block: 'other', blockType: 7, typeSpecific: 0, data: Buffer.alloc(32, 2) },
    ],
  }
  return [
    encodeRtcp([sr, sdes]),
    encodeRtcp([rr, sdes, { type: 'bye', ssrcs: [8, 9], reason: 'over' }]),
    encodeRtcp([rr, { type: 'app', subtype: 3, ssrc: 8, name: 'TEST', data: Buffer.alloc(8) }, xr]),
    encodeRtcp([rr, genericNack(8, 7, [1, 2, 5, 90])]),
    encodeRtcp([rr, { type: 'other', packetType: 208, count: 2, body: Buffer.alloc(12, 9) }]),
  ]
}

/** Only what a parser lets through and an encoder refuses: a name that is not ASCII. */
function canBeWritten(packet: RtcpPacket): boolean {
  if (packet.type === 'sdes') return packet.chunks.every(({ items }) => items.every(({ item }) => item > 0))
  return packet.type !== 'app' || /^[\x20-\x7e]{4}$/.test(packet.name)
}

function mutate(seed: Buffer, corpus: readonly Buffer[], tokens: Tokens): Buffer {
  let bytes: Buffer = Buffer.from(seed)
  for (let rounds = 1 + tokens.below(4); rounds > 0; rounds--) {
    const at = tokens.below(bytes.length + 1)
    switch (tokens.below(6)) {
      case 0:
        bytes = bytes.subarray(0, at)
        break
      case 1:
        bytes = Buffer.concat([
          bytes.subarray(0, at),
          Buffer.alloc(tokens.below(9), tokens.byte()),
          bytes.subarray(at),
        ])
        break
      case 2:
        bytes = Buffer.concat([bytes, corpus[tokens.below(corpus.length)] ?? Buffer.alloc(0)])
        break
      case 3:
        // the first words hold the counts and lengths
        if (bytes.length > 0) bytes[tokens.below(Math.min(8, bytes.length))] = tokens.byte()
        break
      default:
        if (at < bytes.length) bytes[at] = tokens.byte()
    }
  }
  return bytes
}

function fail(bytes: Buffer, what: string): never {
  throw new Error(`${what}, in ${bytes.toString('hex')}`)
}
