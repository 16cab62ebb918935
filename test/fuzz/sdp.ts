import { codecs, encodeSdp, parseSdp, type SessionDescription } from '../../src/sdp/index.ts'
import { PeerError } from '../../src/util/errors.ts'
import { seededRandom, Tokens } from '../../src/util/random.ts'
import { SAMPLES } from '../sdp/samples.ts'

const SPLICES = [
  '\r\n',
  '\0',
  ' ',
  ':',
  '/',
  '=',
  'm=',
  'c=IN IP6 ::\r\n',
  'a=__proto__:1\r\n',
  '99999999999',
  'é',
]

export interface SdpFuzzResult {
  readonly refused: number
  readonly accepted: number
}

/**
 * Reads `count` mutated session descriptions. Throws at the first exception that is no PeerError, and where what was
 * read and written again reads differently.
 */
export function fuzzSdp(count: number, seed: number): SdpFuzzResult {
  const random = new Tokens(seededRandom(seed))
  let refused = 0
  for (let n = 0; n < count; n++) {
    const text = mutated(SAMPLES[random.below(SAMPLES.length)] ?? '', random)
    try {
      const description = read(text)
      if (description === undefined) refused++
      else check(description)
    } catch (error) {
      throw new Error(`fuzz seed ${seed}, description ${n}: ${JSON.stringify(text)}`, { cause: error })
    }
  }
  return { refused, accepted: count - refused }
}

function read(text: string): SessionDescription | undefined {
  try {
    return parseSdp(text)
  } catch (error) {
    if (error instanceof PeerError) return undefined
    throw error
  }
}

function check(description: SessionDescription): void {
  for (const media of description.media) codecs(media)
  const written = encodeSdp(description)
  const again = encodeSdp(parseSdp(written))
  if (again !== written) throw new Error('what was written reads differently')
}

function mutated(text: string, random: Tokens): string {
  let out = text
  for (let rounds = 1 + random.below(4); rounds > 0; rounds--) {
    const at = random.below(out.length + 1)
    const to = Math.min(out.length, at + random.below(12))
    const splice = SPLICES[random.below(SPLICES.length)] ?? ''
    const kinds = [
      out.slice(0, at) + out.slice(to),
      out.slice(0, at) + splice + out.slice(at),
      out.slice(0, at) + String.fromCharCode(random.byte()) + out.slice(at + 1),
      out.slice(0, to) + out.slice(at),
      out.slice(0, at),
    ]
    out = kinds[random.below(kinds.length)] ?? out
  }
  return out
}
