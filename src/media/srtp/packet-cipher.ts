import type { KeyStream } from './key-stream.ts'

/**
 * How packets are encrypted and authenticated under one set of session keys. `start` to `end` is the packet, its header from
 * `start` to `body`. Nothing is checked here but tags: lengths, indices and room are the context's.
 */
export interface RtpCipher {
  /** In place; tag and MKI are written behind `end`. Answers where they end. */
  seal(
    bytes: Buffer,
    start: number,
    body: number,
    end: number,
    index: number,
    stream: KeyStream,
    mki: Uint8Array,
  ): number
  /**
   * `end` is where tag and MKI end. Answers the packet's new end where the tag fits, and -1, the octets whole again, where it
   * does not. Without `stream` the key stream is made for this packet alone.
   */
  open(
    bytes: Buffer,
    start: number,
    body: number,
    end: number,
    index: number,
    stream: KeyStream | undefined,
    mkiLength: number,
  ): number
  close(): void
}

/** The same for SRTCP, whose index is written and read with the packet. */
export interface RtcpCipher {
  seal(bytes: Buffer, start: number, end: number, index: number, mki: Uint8Array): number
  open(bytes: Buffer, start: number, end: number, index: number, mkiLength: number): number
  close(): void
}

/** Whether both have the same octets; the time it takes does not tell how many. */
export function sameOctets(
  one: Uint8Array,
  oneAt: number,
  other: Uint8Array,
  otherAt: number,
  length: number,
): boolean {
  let difference = 0
  for (let i = 0; i < length; i++) difference |= (one[oneAt + i] ?? 0) ^ (other[otherAt + i] ?? 0)
  return difference === 0
}
