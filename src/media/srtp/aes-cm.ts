import { HMAC_SHA1_LENGTH, type HmacSha1 } from '../../util/sha1.ts'
import { RTCP_CLEAR, RTCP_INDEX, wordAt, writeWord } from './header.ts'
import type { CounterCipher, KeyStream } from './key-stream.ts'
import { type RtcpCipher, type RtpCipher, sameOctets } from './packet-cipher.ts'
import { ROUND } from './packet-index.ts'

/** The E bit of SRTCP (RFC 3711 §3.4). */
const ENCRYPTED = 0x80000000 | 0
const ROC = 4

/** The tag that was computed last, whole. */
const tag = new Uint8Array(HMAC_SHA1_LENGTH)
/** The tag that came, while the roll-over counter stands in its place. */
const came = new Uint8Array(HMAC_SHA1_LENGTH)

/**
 * AES in counter mode with HMAC-SHA1 (RFC 3711 §4.1.1, §4.2.1): first encrypted, then authenticated with the roll-over counter
 * behind the packet, which never leaves.
 */
export class CounterRtpCipher implements RtpCipher {
  readonly #cipher: CounterCipher
  readonly #mac: HmacSha1
  readonly #tagLength: number

  constructor(cipher: CounterCipher, mac: HmacSha1, tagLength: number) {
    this.#cipher = cipher
    this.#mac = mac
    this.#tagLength = tagLength
  }

  seal(
    bytes: Buffer,
    start: number,
    body: number,
    end: number,
    index: number,
    stream: KeyStream,
    mki: Uint8Array,
  ): number {
    stream.apply(this.#cipher, index, bytes, body, end)
    writeWord(bytes, end, Math.floor(index / ROUND))
    this.#mac.digest(bytes, start, end + ROC, tag, 0)
    return append(bytes, end, mki, this.#tagLength)
  }

  open(
    bytes: Buffer,
    start: number,
    body: number,
    end: number,
    index: number,
    stream: KeyStream | undefined,
    mkiLength: number,
  ): number {
    const tagAt = end - this.#tagLength
    const bodyEnd = tagAt - mkiLength
    const displaced = wordAt(bytes, bodyEnd)
    copy(came, 0, bytes, tagAt, this.#tagLength)
    writeWord(bytes, bodyEnd, Math.floor(index / ROUND))
    this.#mac.digest(bytes, start, bodyEnd + ROC, tag, 0)
    writeWord(bytes, bodyEnd, displaced)
    if (!sameOctets(tag, 0, came, 0, this.#tagLength)) return -1
    if (stream !== undefined) stream.apply(this.#cipher, index, bytes, body, bodyEnd)
    else this.#cipher.apply(wordAt(bytes, start + 8), index, bytes, body, bodyEnd)
    return bodyEnd
  }

  close(): void {
    this.#cipher.close()
    this.#mac.clear()
    tag.fill(0)
  }
}

/** The same for SRTCP: all but the first eight octets are encrypted, and the index is authenticated where it stands (§3.4). */
export class CounterRtcpCipher implements RtcpCipher {
  readonly #cipher: CounterCipher
  readonly #mac: HmacSha1
  readonly #tagLength: number

  constructor(cipher: CounterCipher, mac: HmacSha1, tagLength: number) {
    this.#cipher = cipher
    this.#mac = mac
    this.#tagLength = tagLength
  }

  seal(bytes: Buffer, start: number, end: number, index: number, mki: Uint8Array): number {
    this.#cipher.apply(wordAt(bytes, start + 4), index, bytes, start + RTCP_CLEAR, end)
    writeWord(bytes, end, index | ENCRYPTED)
    const authenticated = end + RTCP_INDEX
    this.#mac.digest(bytes, start, authenticated, tag, 0)
    return append(bytes, authenticated, mki, this.#tagLength)
  }

  open(bytes: Buffer, start: number, end: number, index: number, mkiLength: number): number {
    const tagAt = end - this.#tagLength
    const authenticated = tagAt - mkiLength
    this.#mac.digest(bytes, start, authenticated, tag, 0)
    if (!sameOctets(tag, 0, bytes, tagAt, this.#tagLength)) return -1
    const bodyEnd = authenticated - RTCP_INDEX
    this.#cipher.apply(wordAt(bytes, start + 4), index, bytes, start + RTCP_CLEAR, bodyEnd)
    return bodyEnd
  }

  close(): void {
    this.#cipher.close()
    this.#mac.clear()
    tag.fill(0)
  }
}

/** MKI and tag, in this order (RFC 3711 §3.1). */
function append(bytes: Buffer, end: number, mki: Uint8Array, tagLength: number): number {
  copy(bytes, end, mki, 0, mki.length)
  copy(bytes, end + mki.length, tag, 0, tagLength)
  return end + mki.length + tagLength
}

/** A few octets: less work than a call that must look at what it is given. */
function copy(into: Uint8Array, at: number, from: Uint8Array, fromAt: number, length: number): void {
  for (let i = 0; i < length; i++) into[at + i] = from[fromAt + i] ?? 0
}
