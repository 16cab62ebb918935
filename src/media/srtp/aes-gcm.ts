import type { Aead } from './cipher.ts'
import { RTCP_CLEAR, RTCP_INDEX, wordAt, writeWord } from './header.ts'
import type { RtcpCipher, RtpCipher } from './packet-cipher.ts'
import { ROUND } from './packet-index.ts'

const TAG = 16
const IV = 12
const ENCRYPTED = 0x80000000 | 0

/** What is being sealed or opened: no call is ever interrupted by another. */
const iv = new Uint8Array(IV)
const rtcpAssociated = new Uint8Array(RTCP_CLEAR + RTCP_INDEX)

/** AES-GCM of RTP (RFC 7714 §8): the header is associated data; tag, then MKI. */
export class GaloisRtpCipher implements RtpCipher {
  readonly #aead: Aead
  readonly #salt: Uint8Array

  /** `salt`: 12 octets, which are ours from here on. */
  constructor(aead: Aead, salt: Uint8Array) {
    this.#aead = aead
    this.#salt = salt
  }

  seal(
    bytes: Buffer,
    start: number,
    body: number,
    end: number,
    index: number,
    _: unknown,
    mki: Uint8Array,
  ): number {
    this.#name(wordAt(bytes, start + 8), index)
    this.#aead.seal(iv, bytes.subarray(start, body), bytes, body, end)
    bytes.set(mki, end + TAG)
    return end + TAG + mki.length
  }

  open(
    bytes: Buffer,
    start: number,
    body: number,
    end: number,
    index: number,
    _: unknown,
    mkiLength: number,
  ): number {
    const tagAt = end - mkiLength - TAG
    this.#name(wordAt(bytes, start + 8), index)
    const tag = bytes.subarray(tagAt, tagAt + TAG)
    return this.#aead.open(iv, bytes.subarray(start, body), bytes, body, tagAt, tag) ? tagAt : -1
  }

  close(): void {
    this.#salt.fill(0)
  }

  /** RFC 7714 §8.1: two octets of zero, SSRC, roll-over counter, sequence number. */
  #name(ssrc: number, index: number): void {
    iv.set(this.#salt)
    xorWord(2, ssrc)
    xorWord(6, Math.floor(index / ROUND))
    iv[10] = (iv[10] ?? 0) ^ ((index >>> 8) & 0xff)
    iv[11] = (iv[11] ?? 0) ^ (index & 0xff)
  }
}

/** AES-GCM of RTCP (RFC 7714 §9): eight octets and the word with the index are associated data; tag, index, MKI. */
export class GaloisRtcpCipher implements RtcpCipher {
  readonly #aead: Aead
  readonly #salt: Uint8Array

  /** `salt`: 12 octets, which are ours from here on. */
  constructor(aead: Aead, salt: Uint8Array) {
    this.#aead = aead
    this.#salt = salt
  }

  seal(bytes: Buffer, start: number, end: number, index: number, mki: Uint8Array): number {
    this.#name(bytes, start, index)
    this.#aead.seal(iv, rtcpAssociated, bytes, start + RTCP_CLEAR, end)
    writeWord(bytes, end + TAG, index | ENCRYPTED)
    bytes.set(mki, end + TAG + RTCP_INDEX)
    return end + TAG + RTCP_INDEX + mki.length
  }

  open(bytes: Buffer, start: number, end: number, index: number, mkiLength: number): number {
    const tagAt = end - mkiLength - RTCP_INDEX - TAG
    this.#name(bytes, start, index)
    const tag = bytes.subarray(tagAt, tagAt + TAG)
    return this.#aead.open(iv, rtcpAssociated, bytes, start + RTCP_CLEAR, tagAt, tag) ? tagAt : -1
  }

  close(): void {
    this.#salt.fill(0)
  }

  /** RFC 7714 §9.1 and §9.2: IV and associated data. */
  #name(bytes: Buffer, start: number, index: number): void {
    iv.set(this.#salt)
    xorWord(2, wordAt(bytes, start + 4))
    xorWord(8, index)
    writeWord(rtcpAssociated, 0, wordAt(bytes, start))
    writeWord(rtcpAssociated, 4, wordAt(bytes, start + 4))
    writeWord(rtcpAssociated, RTCP_CLEAR, index | ENCRYPTED)
  }
}

function xorWord(at: number, word: number): void {
  writeWord(iv, at, wordAt(iv, at) ^ word)
}
