import { BencodeError, decodeBencode, encodeBencode } from '../../src/media/rtpengine/bencode/bencode.ts'
import { BencodeLengthFinder } from '../../src/media/rtpengine/bencode/length.ts'
import { decodeNgMessage } from '../../src/media/rtpengine/message/message.ts'
import { PeerError } from '../../src/util/errors.ts'
import { seededRandom, Tokens } from '../../src/util/random.ts'

export interface FuzzOutcome {
  readonly refused: number
  readonly accepted: number
}

const SDP =
  'v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 30000 RTP/AVP 0\r\n'

const SEEDS = [
  encodeBencode({ result: 'pong' }),
  encodeBencode({ result: 'ok', sdp: SDP }),
  encodeBencode({ result: 'error', 'error-reason': 'Unknown call-id' }),
  encodeBencode({ result: 'ok', calls: ['a', 'b', 'c'], totals: { RTP: { packets: 55, bytes: 8680 } } }),
  Buffer.from(JSON.stringify({ result: 'ok', sdp: SDP, tags: { a: { medias: [{ index: 1 }] } } })),
]

const TELLING = 'dlie0123456789:-{}[]",\\ '

/**
 * Reads `count` mutations of well-formed replies. Throws at the first exception that is no PeerError, and where the
 * length finder and the reader disagree about what a whole value is.
 */
export function fuzzBencode(count: number, seed: number): FuzzOutcome {
  const random = new Tokens(seededRandom(seed))
  let refused = 0
  for (let i = 0; i < count; i++) {
    const mutated = mutate(SEEDS[random.below(SEEDS.length)] ?? Buffer.alloc(0), random)
    checkFinder(mutated)
    try {
      decodeNgMessage(Buffer.concat([Buffer.from('cookie '), mutated]))
    } catch (error) {
      if (!(error instanceof PeerError)) throw error
      refused++
    }
  }
  return { refused, accepted: count - refused }
}

/** What the reader takes as one value, the finder must find the end of. */
function checkFinder(bytes: Buffer): void {
  let whole = false
  try {
    decodeBencode(bytes)
    whole = true
  } catch (error) {
    if (!(error instanceof BencodeError)) throw error
  }
  let end = -1
  try {
    end = new BencodeLengthFinder().find(bytes)
  } catch (error) {
    if (!(error instanceof BencodeError)) throw error
  }
  if (whole && end !== bytes.length) {
    throw new Error(
      `a value of ${bytes.length} bytes has its end found at ${end}: ${bytes.toString('latin1')}`,
    )
  }
}

function mutate(seed: Buffer, random: Tokens): Buffer {
  let bytes = Buffer.from(seed)
  for (let changes = random.below(4); changes >= 0; changes--) {
    const at = random.below(bytes.length + 1)
    const length = random.below(8)
    switch (random.below(5)) {
      case 0:
        if (at < bytes.length) bytes[at] = random.byte()
        break
      case 1:
        if (at < bytes.length) bytes[at] = TELLING.charCodeAt(random.below(TELLING.length))
        break
      case 2:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)])
        break
      case 3:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(Math.max(0, at - length))])
        break
      default:
        bytes = bytes.subarray(0, at)
    }
  }
  return bytes
}
