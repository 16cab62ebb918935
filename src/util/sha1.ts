import { hex32 } from './hash.ts'

/** The octets of a whole HMAC-SHA1. */
export const HMAC_SHA1_LENGTH = 20

/**
 * HMAC-SHA1 (RFC 2104) under one key, whose inner and outer states are computed once and kept: a short text costs
 * two to four compressions, nothing is allocated, and no call leaves JavaScript, which for short texts costs more
 * than the hash. For what is signed and checked with each packet; it never waits, so one instance serves all.
 */
export class HmacSha1 {
  readonly #inner = new Int32Array(5)
  readonly #outer = new Int32Array(5)

  /** Copies what it needs of `key`, which may have any length. */
  constructor(key: Uint8Array) {
    const padded = new Uint8Array(BLOCK)
    if (key.length <= BLOCK) padded.set(key)
    else {
      state.set(INITIAL)
      absorb(key, 0, key.length, 0)
      store(padded, 0)
    }
    absorbPad(padded, 0x36, this.#inner)
    absorbPad(padded, 0x5c, this.#outer)
    padded.fill(0)
  }

  /** Writes the HMAC of the octets from `start` to `end`, 20 octets, into `out` at `outOffset`. */
  digest(bytes: Uint8Array, start: number, end: number, out: Uint8Array, outOffset: number): void {
    state.set(this.#inner)
    absorb(bytes, start, end, BLOCK)
    this.#finish()
    store(out, outOffset)
  }

  /** The same of text that stands for octets, one character each: what lies above 0xff of a character is ignored. */
  digestText(text: string, out: Uint8Array, outOffset: number): void {
    this.#text(text)
    store(out, outOffset)
  }

  /** The first `octets` octets (at most 20) of a text's HMAC in lower-case hexadecimal. */
  hex(text: string, octets: number = HMAC_SHA1_LENGTH): string {
    this.#text(text)
    let tag = ''
    for (const word of state) tag += hex32(word)
    return tag.slice(0, 2 * octets)
  }

  /** Whether `tag` is what `hex` gives; the time it takes does not tell how much of it is right. */
  matches(text: string, octets: number, tag: string): boolean {
    const expected = this.hex(text, octets)
    let difference = expected.length ^ tag.length
    for (let i = 0; i < expected.length; i++) difference |= expected.charCodeAt(i) ^ tag.charCodeAt(i)
    return difference === 0
  }

  /** Forgets the key: what is signed from here on is signed with nothing. */
  clear(): void {
    this.#inner.fill(0)
    this.#outer.fill(0)
  }

  #text(text: string): void {
    state.set(this.#inner)
    absorbText(text, BLOCK)
    this.#finish()
  }

  /** The outer hash of the inner one, which is one block. */
  #finish(): void {
    words.set(state)
    words.fill(0, 6)
    words[5] = END_MARK
    words[15] = 8 * (BLOCK + HMAC_SHA1_LENGTH)
    state.set(this.#outer)
    compress()
  }
}

/** SHA-1 (RFC 3174) of the octets from `start` to `end`: 20 octets into `out` at `outOffset`. Broken as a hash; HMAC is not. */
export function sha1(
  bytes: Uint8Array,
  start: number,
  end: number,
  out: Uint8Array,
  outOffset: number,
): void {
  state.set(INITIAL)
  absorb(bytes, start, end, 0)
  store(out, outOffset)
}

const BLOCK = 64
const INITIAL = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0] as const
/** The bit that follows the message (RFC 3174 §4), in front of a word. */
const END_MARK = 0x80000000 | 0

/** What is being computed: no call is ever interrupted by another. */
const state = new Int32Array(5)
const words = new Int32Array(16)

/** One block that is the key XORed with a pad (RFC 2104 §2), from the start. */
function absorbPad(key: Uint8Array, pad: number, into: Int32Array): void {
  state.set(INITIAL)
  load(
    key.map(octet => octet ^ pad),
    0,
  )
  compress()
  into.set(state)
}

/** The rest of a message of which `before` octets are already in the state, and the padding (RFC 3174 §4). */
function absorb(bytes: Uint8Array, start: number, end: number, before: number): void {
  let at = start
  for (; end - at >= BLOCK; at += BLOCK) {
    load(bytes, at)
    compress()
  }
  words.fill(0)
  let slot = 0
  for (; at < end; at++, slot++) place(slot, bytes[at] ?? 0)
  pad(slot, before + end - start)
}

function absorbText(text: string, before: number): void {
  let slot = 0
  words.fill(0)
  for (let at = 0; at < text.length; at++) {
    place(slot, text.charCodeAt(at) & 0xff)
    if (++slot === BLOCK) {
      compress()
      words.fill(0)
      slot = 0
    }
  }
  pad(slot, before + text.length)
}

function place(slot: number, octet: number): void {
  words[slot >> 2] = (words[slot >> 2] ?? 0) | (octet << (24 - ((slot & 3) << 3)))
}

/** Ends a message of `length` octets, the last `slot` of which are in the block. */
function pad(slot: number, length: number): void {
  place(slot, 0x80)
  if (slot >= BLOCK - 8) {
    compress()
    words.fill(0)
  }
  words[14] = Math.floor(length / 0x20000000)
  words[15] = length << 3
  compress()
}

function load(bytes: Uint8Array, at: number): void {
  for (let i = 0; i < 16; i++, at += 4) {
    words[i] =
      ((bytes[at] ?? 0) << 24) |
      ((bytes[at + 1] ?? 0) << 16) |
      ((bytes[at + 2] ?? 0) << 8) |
      (bytes[at + 3] ?? 0)
  }
}

function store(out: Uint8Array, at: number): void {
  for (const word of state) {
    out[at++] = word >>> 24
    out[at++] = word >>> 16
    out[at++] = word >>> 8
    out[at++] = word
  }
}

/** RFC 3174 §5 */
const K0 = 0x5a827999
const K1 = 0x6ed9eba1
const K2 = 0x8f1bbcdc | 0
const K3 = 0xca62c1d6 | 0

/**
 * RFC 3174 §6.2, method 2, the 80 rounds one a line: with sixteen locals for the schedule, and the five words of the
 * state changing their places by name, it takes a third of the time of the loop.
 */
// biome-ignore format: one round a line
function compress(): void {
  let w0 = words[0] ?? 0, w1 = words[1] ?? 0, w2 = words[2] ?? 0, w3 = words[3] ?? 0
  let w4 = words[4] ?? 0, w5 = words[5] ?? 0, w6 = words[6] ?? 0, w7 = words[7] ?? 0
  let w8 = words[8] ?? 0, w9 = words[9] ?? 0, w10 = words[10] ?? 0, w11 = words[11] ?? 0
  let w12 = words[12] ?? 0, w13 = words[13] ?? 0, w14 = words[14] ?? 0, w15 = words[15] ?? 0
  const a0 = state[0] ?? 0, b0 = state[1] ?? 0, c0 = state[2] ?? 0, d0 = state[3] ?? 0, e0 = state[4] ?? 0
  let a = a0, b = b0, c = c0, d = d0, e = e0, x = 0
  e = (e + ((a << 5) | (a >>> 27)) + (d ^ (b & (c ^ d))) + w0 + K0) | 0; b = (b << 30) | (b >>> 2)
  d = (d + ((e << 5) | (e >>> 27)) + (c ^ (a & (b ^ c))) + w1 + K0) | 0; a = (a << 30) | (a >>> 2)
  c = (c + ((d << 5) | (d >>> 27)) + (b ^ (e & (a ^ b))) + w2 + K0) | 0; e = (e << 30) | (e >>> 2)
  b = (b + ((c << 5) | (c >>> 27)) + (a ^ (d & (e ^ a))) + w3 + K0) | 0; d = (d << 30) | (d >>> 2)
  a = (a + ((b << 5) | (b >>> 27)) + (e ^ (c & (d ^ e))) + w4 + K0) | 0; c = (c << 30) | (c >>> 2)
  e = (e + ((a << 5) | (a >>> 27)) + (d ^ (b & (c ^ d))) + w5 + K0) | 0; b = (b << 30) | (b >>> 2)
  d = (d + ((e << 5) | (e >>> 27)) + (c ^ (a & (b ^ c))) + w6 + K0) | 0; a = (a << 30) | (a >>> 2)
  c = (c + ((d << 5) | (d >>> 27)) + (b ^ (e & (a ^ b))) + w7 + K0) | 0; e = (e << 30) | (e >>> 2)
  b = (b + ((c << 5) | (c >>> 27)) + (a ^ (d & (e ^ a))) + w8 + K0) | 0; d = (d << 30) | (d >>> 2)
  a = (a + ((b << 5) | (b >>> 27)) + (e ^ (c & (d ^ e))) + w9 + K0) | 0; c = (c << 30) | (c >>> 2)
  e = (e + ((a << 5) | (a >>> 27)) + (d ^ (b & (c ^ d))) + w10 + K0) | 0; b = (b << 30) | (b >>> 2)
  d = (d + ((e << 5) | (e >>> 27)) + (c ^ (a & (b ^ c))) + w11 + K0) | 0; a = (a << 30) | (a >>> 2)
  c = (c + ((d << 5) | (d >>> 27)) + (b ^ (e & (a ^ b))) + w12 + K0) | 0; e = (e << 30) | (e >>> 2)
  b = (b + ((c << 5) | (c >>> 27)) + (a ^ (d & (e ^ a))) + w13 + K0) | 0; d = (d << 30) | (d >>> 2)
  a = (a + ((b << 5) | (b >>> 27)) + (e ^ (c & (d ^ e))) + w14 + K0) | 0; c = (c << 30) | (c >>> 2)
  e = (e + ((a << 5) | (a >>> 27)) + (d ^ (b & (c ^ d))) + w15 + K0) | 0; b = (b << 30) | (b >>> 2)
  x = w13 ^ w8 ^ w2 ^ w0; w0 = (x << 1) | (x >>> 31); d = (d + ((e << 5) | (e >>> 27)) + (c ^ (a & (b ^ c))) + w0 + K0) | 0; a = (a << 30) | (a >>> 2)
  x = w14 ^ w9 ^ w3 ^ w1; w1 = (x << 1) | (x >>> 31); c = (c + ((d << 5) | (d >>> 27)) + (b ^ (e & (a ^ b))) + w1 + K0) | 0; e = (e << 30) | (e >>> 2)
  x = w15 ^ w10 ^ w4 ^ w2; w2 = (x << 1) | (x >>> 31); b = (b + ((c << 5) | (c >>> 27)) + (a ^ (d & (e ^ a))) + w2 + K0) | 0; d = (d << 30) | (d >>> 2)
  x = w0 ^ w11 ^ w5 ^ w3; w3 = (x << 1) | (x >>> 31); a = (a + ((b << 5) | (b >>> 27)) + (e ^ (c & (d ^ e))) + w3 + K0) | 0; c = (c << 30) | (c >>> 2)
  x = w1 ^ w12 ^ w6 ^ w4; w4 = (x << 1) | (x >>> 31); e = (e + ((a << 5) | (a >>> 27)) + (b ^ c ^ d) + w4 + K1) | 0; b = (b << 30) | (b >>> 2)
  x = w2 ^ w13 ^ w7 ^ w5; w5 = (x << 1) | (x >>> 31); d = (d + ((e << 5) | (e >>> 27)) + (a ^ b ^ c) + w5 + K1) | 0; a = (a << 30) | (a >>> 2)
  x = w3 ^ w14 ^ w8 ^ w6; w6 = (x << 1) | (x >>> 31); c = (c + ((d << 5) | (d >>> 27)) + (e ^ a ^ b) + w6 + K1) | 0; e = (e << 30) | (e >>> 2)
  x = w4 ^ w15 ^ w9 ^ w7; w7 = (x << 1) | (x >>> 31); b = (b + ((c << 5) | (c >>> 27)) + (d ^ e ^ a) + w7 + K1) | 0; d = (d << 30) | (d >>> 2)
  x = w5 ^ w0 ^ w10 ^ w8; w8 = (x << 1) | (x >>> 31); a = (a + ((b << 5) | (b >>> 27)) + (c ^ d ^ e) + w8 + K1) | 0; c = (c << 30) | (c >>> 2)
  x = w6 ^ w1 ^ w11 ^ w9; w9 = (x << 1) | (x >>> 31); e = (e + ((a << 5) | (a >>> 27)) + (b ^ c ^ d) + w9 + K1) | 0; b = (b << 30) | (b >>> 2)
  x = w7 ^ w2 ^ w12 ^ w10; w10 = (x << 1) | (x >>> 31); d = (d + ((e << 5) | (e >>> 27)) + (a ^ b ^ c) + w10 + K1) | 0; a = (a << 30) | (a >>> 2)
  x = w8 ^ w3 ^ w13 ^ w11; w11 = (x << 1) | (x >>> 31); c = (c + ((d << 5) | (d >>> 27)) + (e ^ a ^ b) + w11 + K1) | 0; e = (e << 30) | (e >>> 2)
  x = w9 ^ w4 ^ w14 ^ w12; w12 = (x << 1) | (x >>> 31); b = (b + ((c << 5) | (c >>> 27)) + (d ^ e ^ a) + w12 + K1) | 0; d = (d << 30) | (d >>> 2)
  x = w10 ^ w5 ^ w15 ^ w13; w13 = (x << 1) | (x >>> 31); a = (a + ((b << 5) | (b >>> 27)) + (c ^ d ^ e) + w13 + K1) | 0; c = (c << 30) | (c >>> 2)
  x = w11 ^ w6 ^ w0 ^ w14; w14 = (x << 1) | (x >>> 31); e = (e + ((a << 5) | (a >>> 27)) + (b ^ c ^ d) + w14 + K1) | 0; b = (b << 30) | (b >>> 2)
  x = w12 ^ w7 ^ w1 ^ w15; w15 = (x << 1) | (x >>> 31); d = (d + ((e << 5) | (e >>> 27)) + (a ^ b ^ c) + w15 + K1) | 0; a = (a << 30) | (a >>> 2)
  x = w13 ^ w8 ^ w2 ^ w0; w0 = (x << 1) | (x >>> 31); c = (c + ((d << 5) | (d >>> 27)) + (e ^ a ^ b) + w0 + K1) | 0; e = (e << 30) | (e >>> 2)
  x = w14 ^ w9 ^ w3 ^ w1; w1 = (x << 1) | (x >>> 31); b = (b + ((c << 5) | (c >>> 27)) + (d ^ e ^ a) + w1 + K1) | 0; d = (d << 30) | (d >>> 2)
  x = w15 ^ w10 ^ w4 ^ w2; w2 = (x << 1) | (x >>> 31); a = (a + ((b << 5) | (b >>> 27)) + (c ^ d ^ e) + w2 + K1) | 0; c = (c << 30) | (c >>> 2)
  x = w0 ^ w11 ^ w5 ^ w3; w3 = (x << 1) | (x >>> 31); e = (e + ((a << 5) | (a >>> 27)) + (b ^ c ^ d) + w3 + K1) | 0; b = (b << 30) | (b >>> 2)
  x = w1 ^ w12 ^ w6 ^ w4; w4 = (x << 1) | (x >>> 31); d = (d + ((e << 5) | (e >>> 27)) + (a ^ b ^ c) + w4 + K1) | 0; a = (a << 30) | (a >>> 2)
  x = w2 ^ w13 ^ w7 ^ w5; w5 = (x << 1) | (x >>> 31); c = (c + ((d << 5) | (d >>> 27)) + (e ^ a ^ b) + w5 + K1) | 0; e = (e << 30) | (e >>> 2)
  x = w3 ^ w14 ^ w8 ^ w6; w6 = (x << 1) | (x >>> 31); b = (b + ((c << 5) | (c >>> 27)) + (d ^ e ^ a) + w6 + K1) | 0; d = (d << 30) | (d >>> 2)
  x = w4 ^ w15 ^ w9 ^ w7; w7 = (x << 1) | (x >>> 31); a = (a + ((b << 5) | (b >>> 27)) + (c ^ d ^ e) + w7 + K1) | 0; c = (c << 30) | (c >>> 2)
  x = w5 ^ w0 ^ w10 ^ w8; w8 = (x << 1) | (x >>> 31); e = (e + ((a << 5) | (a >>> 27)) + ((b & c) | (d & (b | c))) + w8 + K2) | 0; b = (b << 30) | (b >>> 2)
  x = w6 ^ w1 ^ w11 ^ w9; w9 = (x << 1) | (x >>> 31); d = (d + ((e << 5) | (e >>> 27)) + ((a & b) | (c & (a | b))) + w9 + K2) | 0; a = (a << 30) | (a >>> 2)
  x = w7 ^ w2 ^ w12 ^ w10; w10 = (x << 1) | (x >>> 31); c = (c + ((d << 5) | (d >>> 27)) + ((e & a) | (b & (e | a))) + w10 + K2) | 0; e = (e << 30) | (e >>> 2)
  x = w8 ^ w3 ^ w13 ^ w11; w11 = (x << 1) | (x >>> 31); b = (b + ((c << 5) | (c >>> 27)) + ((d & e) | (a & (d | e))) + w11 + K2) | 0; d = (d << 30) | (d >>> 2)
  x = w9 ^ w4 ^ w14 ^ w12; w12 = (x << 1) | (x >>> 31); a = (a + ((b << 5) | (b >>> 27)) + ((c & d) | (e & (c | d))) + w12 + K2) | 0; c = (c << 30) | (c >>> 2)
  x = w10 ^ w5 ^ w15 ^ w13; w13 = (x << 1) | (x >>> 31); e = (e + ((a << 5) | (a >>> 27)) + ((b & c) | (d & (b | c))) + w13 + K2) | 0; b = (b << 30) | (b >>> 2)
  x = w11 ^ w6 ^ w0 ^ w14; w14 = (x << 1) | (x >>> 31); d = (d + ((e << 5) | (e >>> 27)) + ((a & b) | (c & (a | b))) + w14 + K2) | 0; a = (a << 30) | (a >>> 2)
  x = w12 ^ w7 ^ w1 ^ w15; w15 = (x << 1) | (x >>> 31); c = (c + ((d << 5) | (d >>> 27)) + ((e & a) | (b & (e | a))) + w15 + K2) | 0; e = (e << 30) | (e >>> 2)
  x = w13 ^ w8 ^ w2 ^ w0; w0 = (x << 1) | (x >>> 31); b = (b + ((c << 5) | (c >>> 27)) + ((d & e) | (a & (d | e))) + w0 + K2) | 0; d = (d << 30) | (d >>> 2)
  x = w14 ^ w9 ^ w3 ^ w1; w1 = (x << 1) | (x >>> 31); a = (a + ((b << 5) | (b >>> 27)) + ((c & d) | (e & (c | d))) + w1 + K2) | 0; c = (c << 30) | (c >>> 2)
  x = w15 ^ w10 ^ w4 ^ w2; w2 = (x << 1) | (x >>> 31); e = (e + ((a << 5) | (a >>> 27)) + ((b & c) | (d & (b | c))) + w2 + K2) | 0; b = (b << 30) | (b >>> 2)
  x = w0 ^ w11 ^ w5 ^ w3; w3 = (x << 1) | (x >>> 31); d = (d + ((e << 5) | (e >>> 27)) + ((a & b) | (c & (a | b))) + w3 + K2) | 0; a = (a << 30) | (a >>> 2)
  x = w1 ^ w12 ^ w6 ^ w4; w4 = (x << 1) | (x >>> 31); c = (c + ((d << 5) | (d >>> 27)) + ((e & a) | (b & (e | a))) + w4 + K2) | 0; e = (e << 30) | (e >>> 2)
  x = w2 ^ w13 ^ w7 ^ w5; w5 = (x << 1) | (x >>> 31); b = (b + ((c << 5) | (c >>> 27)) + ((d & e) | (a & (d | e))) + w5 + K2) | 0; d = (d << 30) | (d >>> 2)
  x = w3 ^ w14 ^ w8 ^ w6; w6 = (x << 1) | (x >>> 31); a = (a + ((b << 5) | (b >>> 27)) + ((c & d) | (e & (c | d))) + w6 + K2) | 0; c = (c << 30) | (c >>> 2)
  x = w4 ^ w15 ^ w9 ^ w7; w7 = (x << 1) | (x >>> 31); e = (e + ((a << 5) | (a >>> 27)) + ((b & c) | (d & (b | c))) + w7 + K2) | 0; b = (b << 30) | (b >>> 2)
  x = w5 ^ w0 ^ w10 ^ w8; w8 = (x << 1) | (x >>> 31); d = (d + ((e << 5) | (e >>> 27)) + ((a & b) | (c & (a | b))) + w8 + K2) | 0; a = (a << 30) | (a >>> 2)
  x = w6 ^ w1 ^ w11 ^ w9; w9 = (x << 1) | (x >>> 31); c = (c + ((d << 5) | (d >>> 27)) + ((e & a) | (b & (e | a))) + w9 + K2) | 0; e = (e << 30) | (e >>> 2)
  x = w7 ^ w2 ^ w12 ^ w10; w10 = (x << 1) | (x >>> 31); b = (b + ((c << 5) | (c >>> 27)) + ((d & e) | (a & (d | e))) + w10 + K2) | 0; d = (d << 30) | (d >>> 2)
  x = w8 ^ w3 ^ w13 ^ w11; w11 = (x << 1) | (x >>> 31); a = (a + ((b << 5) | (b >>> 27)) + ((c & d) | (e & (c | d))) + w11 + K2) | 0; c = (c << 30) | (c >>> 2)
  x = w9 ^ w4 ^ w14 ^ w12; w12 = (x << 1) | (x >>> 31); e = (e + ((a << 5) | (a >>> 27)) + (b ^ c ^ d) + w12 + K3) | 0; b = (b << 30) | (b >>> 2)
  x = w10 ^ w5 ^ w15 ^ w13; w13 = (x << 1) | (x >>> 31); d = (d + ((e << 5) | (e >>> 27)) + (a ^ b ^ c) + w13 + K3) | 0; a = (a << 30) | (a >>> 2)
  x = w11 ^ w6 ^ w0 ^ w14; w14 = (x << 1) | (x >>> 31); c = (c + ((d << 5) | (d >>> 27)) + (e ^ a ^ b) + w14 + K3) | 0; e = (e << 30) | (e >>> 2)
  x = w12 ^ w7 ^ w1 ^ w15; w15 = (x << 1) | (x >>> 31); b = (b + ((c << 5) | (c >>> 27)) + (d ^ e ^ a) + w15 + K3) | 0; d = (d << 30) | (d >>> 2)
  x = w13 ^ w8 ^ w2 ^ w0; w0 = (x << 1) | (x >>> 31); a = (a + ((b << 5) | (b >>> 27)) + (c ^ d ^ e) + w0 + K3) | 0; c = (c << 30) | (c >>> 2)
  x = w14 ^ w9 ^ w3 ^ w1; w1 = (x << 1) | (x >>> 31); e = (e + ((a << 5) | (a >>> 27)) + (b ^ c ^ d) + w1 + K3) | 0; b = (b << 30) | (b >>> 2)
  x = w15 ^ w10 ^ w4 ^ w2; w2 = (x << 1) | (x >>> 31); d = (d + ((e << 5) | (e >>> 27)) + (a ^ b ^ c) + w2 + K3) | 0; a = (a << 30) | (a >>> 2)
  x = w0 ^ w11 ^ w5 ^ w3; w3 = (x << 1) | (x >>> 31); c = (c + ((d << 5) | (d >>> 27)) + (e ^ a ^ b) + w3 + K3) | 0; e = (e << 30) | (e >>> 2)
  x = w1 ^ w12 ^ w6 ^ w4; w4 = (x << 1) | (x >>> 31); b = (b + ((c << 5) | (c >>> 27)) + (d ^ e ^ a) + w4 + K3) | 0; d = (d << 30) | (d >>> 2)
  x = w2 ^ w13 ^ w7 ^ w5; w5 = (x << 1) | (x >>> 31); a = (a + ((b << 5) | (b >>> 27)) + (c ^ d ^ e) + w5 + K3) | 0; c = (c << 30) | (c >>> 2)
  x = w3 ^ w14 ^ w8 ^ w6; w6 = (x << 1) | (x >>> 31); e = (e + ((a << 5) | (a >>> 27)) + (b ^ c ^ d) + w6 + K3) | 0; b = (b << 30) | (b >>> 2)
  x = w4 ^ w15 ^ w9 ^ w7; w7 = (x << 1) | (x >>> 31); d = (d + ((e << 5) | (e >>> 27)) + (a ^ b ^ c) + w7 + K3) | 0; a = (a << 30) | (a >>> 2)
  x = w5 ^ w0 ^ w10 ^ w8; w8 = (x << 1) | (x >>> 31); c = (c + ((d << 5) | (d >>> 27)) + (e ^ a ^ b) + w8 + K3) | 0; e = (e << 30) | (e >>> 2)
  x = w6 ^ w1 ^ w11 ^ w9; w9 = (x << 1) | (x >>> 31); b = (b + ((c << 5) | (c >>> 27)) + (d ^ e ^ a) + w9 + K3) | 0; d = (d << 30) | (d >>> 2)
  x = w7 ^ w2 ^ w12 ^ w10; w10 = (x << 1) | (x >>> 31); a = (a + ((b << 5) | (b >>> 27)) + (c ^ d ^ e) + w10 + K3) | 0; c = (c << 30) | (c >>> 2)
  x = w8 ^ w3 ^ w13 ^ w11; w11 = (x << 1) | (x >>> 31); e = (e + ((a << 5) | (a >>> 27)) + (b ^ c ^ d) + w11 + K3) | 0; b = (b << 30) | (b >>> 2)
  x = w9 ^ w4 ^ w14 ^ w12; w12 = (x << 1) | (x >>> 31); d = (d + ((e << 5) | (e >>> 27)) + (a ^ b ^ c) + w12 + K3) | 0; a = (a << 30) | (a >>> 2)
  x = w10 ^ w5 ^ w15 ^ w13; w13 = (x << 1) | (x >>> 31); c = (c + ((d << 5) | (d >>> 27)) + (e ^ a ^ b) + w13 + K3) | 0; e = (e << 30) | (e >>> 2)
  x = w11 ^ w6 ^ w0 ^ w14; w14 = (x << 1) | (x >>> 31); b = (b + ((c << 5) | (c >>> 27)) + (d ^ e ^ a) + w14 + K3) | 0; d = (d << 30) | (d >>> 2)
  x = w12 ^ w7 ^ w1 ^ w15; w15 = (x << 1) | (x >>> 31); a = (a + ((b << 5) | (b >>> 27)) + (c ^ d ^ e) + w15 + K3) | 0; c = (c << 30) | (c >>> 2)
  state[0] = a0 + a
  state[1] = b0 + b
  state[2] = c0 + c
  state[3] = d0 + d
  state[4] = e0 + e
}
