/** A codec of one octet a sample: G.711's two laws (ITU-T G.711, RFC 3551 §4.5.14). */
export interface SampleCodec {
  readonly name: 'PCMU' | 'PCMA'
  /** Encodes `samples` (16-bit linear) into `target` at `offset`; returns the number of octets written. */
  encode(samples: Int16Array, target: Uint8Array, offset?: number): number
  /** Decodes `octets` into `target` at `offset`; returns the number of samples written. */
  decode(octets: Uint8Array, target: Int16Array, offset?: number): number
  encodeSample(sample: number): number
  decodeSample(octet: number): number
}

/** µ-law: 14-bit magnitudes, biased by 33 so that each segment is a power of two. */
const MU_BIAS = 33
const MU_CLIP = 0x1fff

const muEncode = encodeTable(muLawFromLinear)
const muDecode = decodeTable(muLawToLinear)
const aEncode = encodeTable(aLawFromLinear)
const aDecode = decodeTable(aLawToLinear)

/** Payload type 0. */
export const pcmu: SampleCodec = codec('PCMU', muEncode, muDecode)
/** Payload type 8. */
export const pcma: SampleCodec = codec('PCMA', aEncode, aDecode)

/** The octet that stands for silence in each law: what fills a gap. */
export const SILENCE: { readonly PCMU: number; readonly PCMA: number } = { PCMU: 0xff, PCMA: 0xd5 }

function codec(name: SampleCodec['name'], encoding: Uint8Array, decoding: Int16Array): SampleCodec {
  return {
    name,
    encode(samples, target, offset = 0) {
      const count = Math.min(samples.length, target.length - offset)
      for (let i = 0; i < count; i++) target[offset + i] = encoding[(samples[i] ?? 0) & 0xffff] ?? 0
      return count
    },
    decode(octets, target, offset = 0) {
      const count = Math.min(octets.length, target.length - offset)
      for (let i = 0; i < count; i++) target[offset + i] = decoding[octets[i] ?? 0] ?? 0
      return count
    },
    encodeSample: sample => encoding[Math.max(-32768, Math.min(32767, sample)) & 0xffff] ?? 0,
    decodeSample: octet => decoding[octet & 0xff] ?? 0,
  }
}

function encodeTable(fromLinear: (sample: number) => number): Uint8Array {
  const table = new Uint8Array(0x10000)
  for (let sample = -32768; sample < 32768; sample++) table[sample & 0xffff] = fromLinear(sample)
  return table
}

function decodeTable(toLinear: (octet: number) => number): Int16Array {
  const table = new Int16Array(0x100)
  for (let octet = 0; octet < 0x100; octet++) table[octet] = toLinear(octet)
  return table
}

/**
 * Negative samples are taken by their one's complement, as in ITU-T G.191's reference: a sample on the boundary between
 * two intervals belongs to the higher one on both sides of zero.
 */
function muLawFromLinear(sample: number): number {
  const magnitude = Math.min(MU_CLIP, ((sample < 0 ? ~sample : sample) >> 2) + MU_BIAS)
  const segment = 31 - Math.clz32(magnitude) - 5
  const mantissa = (magnitude >> (segment + 1)) & 0xf
  // all bits are inverted on the line, and a set sign bit means positive
  return (~((segment << 4) | mantissa) & 0x7f) | (sample < 0 ? 0 : 0x80)
}

function muLawToLinear(octet: number): number {
  const segment = (~octet >> 4) & 7
  const mantissa = ~octet & 0xf
  const magnitude = (((mantissa << 1) + MU_BIAS) << segment) - MU_BIAS
  return (octet & 0x80 ? magnitude : -magnitude) * 4
}

/** A-law: 13-bit, even bits inverted on the line. */
function aLawFromLinear(sample: number): number {
  const magnitude = (sample < 0 ? ~sample : sample) >> 4
  const segment = magnitude < 16 ? 0 : 31 - Math.clz32(magnitude) - 3
  const mantissa = segment === 0 ? magnitude : (magnitude >> (segment - 1)) & 0xf
  return ((segment << 4) | mantissa | (sample < 0 ? 0 : 0x80)) ^ 0x55
}

function aLawToLinear(octet: number): number {
  const code = octet ^ 0x55
  const segment = (code >> 4) & 7
  const mantissa = ((code & 0xf) << 1) + 1
  const magnitude = segment === 0 ? mantissa : (mantissa + 32) << (segment - 1)
  return (code & 0x80 ? magnitude : -magnitude) * 8
}
