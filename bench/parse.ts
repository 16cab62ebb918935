import { createRequire } from 'node:module'
import { ParseError, parseMessage, type SipMessage, validate } from 'resip/stack'
import type { Measurement } from './measurement.ts'

const VARIANTS = 64
const ROUNDS = 5
/** How often all variants are read between two looks at the heap: enough to lose what the look itself allocates. */
const TURNS = 16
const ROUND_MILLISECONDS = 300
const require = createRequire(import.meta.url)

/** What is asked of each parser: the work of a case on one message. The number keeps the work from being left out. */
type Work = (bytes: Buffer) => number

interface Peer {
  readonly frame?: Work
  readonly touch: Work
  readonly validate?: Work
  readonly all?: Work
}

const variants: readonly Buffer[] = Array.from({ length: VARIANTS }, (_, n) => invite(n))

/**
 * Messages a second on one core, beside the parsers of npm's `sip`, `drachtio-srf` and `jssip` in the same run: an INVITE
 * of 12 headers and an SDP body, in 64 variants by turns. `frame` finds the lines; `touch` reads sent-by and branch of the
 * top Via, tag and host of From, host of To, CSeq and Call-ID, each checked as it is read; `validate` is `touch` after
 * all that the transport layer checks of a request; `all` reads every header and writes it again.
 */
export async function parse(): Promise<Measurement[]> {
  const peers: Readonly<Record<string, Peer>> = {
    sip: sipPeer(),
    'drachtio-srf': drachtioPeer(),
    jssip: jssipPeer(),
  }
  const measurements: Measurement[] = []
  for (const name of ['frame', 'touch', 'validate', 'all'] as const) {
    const theirs: Record<string, number> = {}
    for (const [peer, works] of Object.entries(peers)) {
      const work = works[name]
      if (work !== undefined) theirs[peer] = rate(work)
    }
    const value = rate(ours[name])
    measurements.push({ bench: 'parse', case: name, value, unit: 'messages/s', peers: theirs })
  }
  measurements.push({
    bench: 'parse',
    case: 'touch, heap',
    value: allocated(ours.touch),
    unit: 'bytes/message',
  })
  return measurements
}

const ours: Required<Peer> = {
  frame: bytes => read(bytes).bodyBytesReceived,
  touch: bytes => touched(read(bytes)),
  validate(bytes) {
    const message = read(bytes)
    const error = validate(message)
    if (error !== undefined) throw error
    return touched(message)
  },
  all(bytes) {
    let text = ''
    for (const { header, values } of read(bytes).headers()) {
      for (const value of values) text += `${header.name}: ${header.encode(value)}\r\n`
    }
    return text.length
  },
}

function touched({ via, from, to, cseq, callId }: SipMessage): number {
  const sentBy = via.host.length + (via.port ?? 0)
  const sender = (from.tag ?? '').length + from.uri.host.length
  return sentBy + via.branch.length + sender + to.uri.host.length + cseq.number + callId.length
}

function read(bytes: Buffer): SipMessage {
  const message = parseMessage(bytes)
  if (message instanceof ParseError) throw message
  return message
}

/** npm `sip`: parses what is touched here at once. */
function sipPeer(): Peer {
  const sip: SipModule = require('sip')
  const parsed = (bytes: Buffer): SipPeerMessage => present(sip.parse(bytes.toString('latin1')))
  return {
    touch(bytes) {
      const { headers } = parsed(bytes)
      const [via] = headers.via
      let read = present(via).params.branch.length
      for (const text of [headers.from.uri, headers.to.uri]) read += sip.parseUri(text).host.length
      return read
    },
    all: bytes => sip.stringify(parsed(bytes)).length,
  }
}

interface SipModule {
  parse(text: string): SipPeerMessage | undefined
  parseUri(text: string): { readonly host: string }
  stringify(message: SipPeerMessage): string
}

interface SipPeerMessage {
  readonly headers: {
    readonly via: readonly { readonly params: { readonly branch: string } }[]
    readonly from: { readonly uri: string }
    readonly to: { readonly uri: string }
  }
}

/** drachtio-srf: splits the lines, and parses a header when it is asked for it. */
function drachtioPeer(): Peer {
  const Message: new (text: string) => DrachtioMessage = require('drachtio-srf/lib/sip-parser/message')
  const {
    parseUri,
  }: { parseUri(text: string): { readonly host: string } } = require('drachtio-srf/lib/sip-parser/parser')
  const parsed = (bytes: Buffer): DrachtioMessage => new Message(bytes.toString('latin1'))
  return {
    frame: bytes => parsed(bytes).uri.length,
    touch(bytes) {
      const message = parsed(bytes)
      let read = message.get('call-id').length
      for (const name of ['via', 'cseq']) if (message.getParsedHeader(name) !== undefined) read++
      for (const name of ['from', 'to']) read += parseUri(message.getParsedHeader(name).uri).host.length
      return read
    },
    all: bytes => parsed(bytes).toString().length,
  }
}

interface DrachtioMessage {
  readonly uri: string
  get(name: string): string
  getParsedHeader(name: string): { readonly uri: string }
  toString(): string
}

/** JsSIP: parses what is touched here at once; it writes no message it has received. */
function jssipPeer(): Peer {
  const parser: {
    parseMessage(text: string, ua: object): JssipMessage | undefined
  } = require('jssip/lib/Parser')
  return {
    touch(bytes) {
      const message = present(parser.parseMessage(bytes.toString('latin1'), {}))
      return message.via_branch.length + message.from_tag.length + message.call_id.length + message.cseq
    },
  }
}

interface JssipMessage {
  readonly via_branch: string
  readonly from_tag: string
  readonly call_id: string
  readonly cseq: number
}

function present<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('the peer could not parse the message')
  return value
}

/** Messages a second: the median of some rounds after one to warm up. */
function rate(work: Work): number {
  run(work)
  return median(Array.from({ length: ROUNDS }, () => run(work)))
}

function run(work: Work): number {
  const start = performance.now()
  let count = 0
  let sum = 0
  let elapsed = 0
  do {
    for (const bytes of variants) sum += work(bytes)
    count += VARIANTS
    elapsed = performance.now() - start
  } while (elapsed < ROUND_MILLISECONDS)
  if (Number.isNaN(sum)) throw new Error('nothing was read')
  return Math.round((count / elapsed) * 1000)
}

/** Heap bytes that a message allocates, the text made of its bytes among them; needs `--expose-gc`. */
function allocated(work: Work): number {
  if (global.gc === undefined) throw new Error('run node with --expose-gc to measure the heap')
  const samples: number[] = []
  for (let round = 0; round < 25; round++) {
    global.gc()
    const before = process.memoryUsage().heapUsed
    for (let turn = 0; turn < TURNS; turn++) for (const bytes of variants) work(bytes)
    samples.push((process.memoryUsage().heapUsed - before) / (TURNS * VARIANTS))
  }
  return Math.round(median(samples))
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0
}

function invite(n: number): Buffer {
  const body =
    'v=0\r\no=alice 2890844526 2890844526 IN IP4 192.0.2.10\r\ns=-\r\nc=IN IP4 192.0.2.10\r\nt=0 0\r\n' +
    'm=audio 49172 RTP/AVP 0 8 101\r\na=rtpmap:101 telephone-event/8000\r\na=sendrecv\r\n'
  return Buffer.from(
    'INVITE sip:bob@biloxi.example.com SIP/2.0\r\n' +
      `Via: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK74bf9a1${1000 + n};rport\r\n` +
      'Max-Forwards: 70\r\n' +
      `From: "Alice" <sip:alice@atlanta.example.com>;tag=9fxced${1000 + n}\r\n` +
      'To: Bob <sip:bob@biloxi.example.com>\r\n' +
      `Call-ID: 384827629822018${1000 + n}@192.0.2.10\r\n` +
      `CSeq: ${1 + n} INVITE\r\n` +
      'Contact: <sip:alice@192.0.2.10:5060;transport=udp>\r\n' +
      'Allow: INVITE, ACK, CANCEL, BYE, PRACK, UPDATE, OPTIONS, REFER\r\n' +
      'Supported: 100rel, timer, replaces\r\n' +
      'User-Agent: bench/1.0\r\n' +
      'Content-Type: application/sdp\r\n' +
      `Content-Length: ${body.length}\r\n\r\n${body}`,
  )
}
