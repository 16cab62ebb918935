import { toWire } from '../../../util/bytes.ts'
import { PeerError, UsageError } from '../../../util/errors.ts'
import { COLON, DICTIONARY, END, INTEGER, LIST, MINUS, NINE, ZERO } from './bytes.ts'

/**
 * Bencode, as the NG protocol of rtpengine uses it: byte strings, integers, lists and dictionaries. The writer is
 * strict (keys sorted by their bytes, shortest integers); the reader takes keys in any order.
 */

/** Whether a string stands for its UTF-8 bytes, or one character for one byte (safe for any binary content). */
export type BencodeStrings = 'latin1' | 'utf8'

/** What can be written; a key whose value is `undefined` is left out. */
export type BencodeInput =
  | string
  | number
  | Uint8Array
  | readonly BencodeInput[]
  | ReadonlyMap<string, BencodeInput>
  | { readonly [key: string]: BencodeInput | undefined }

/** What is read. Dictionaries are maps, for their keys come from the wire. */
export type BencodeValue = string | number | readonly BencodeValue[] | BencodeDictionary

export type BencodeDictionary = ReadonlyMap<string, BencodeValue>

export interface BencodeLimits {
  /** Bytes of a whole value. Default 524,288. */
  readonly maxLength?: number
  /** Lists and dictionaries inside each other. Default 16. */
  readonly maxDepth?: number
  /** Values in all, keys among them. Default 16,384. */
  readonly maxItems?: number
}

export interface BencodeOptions extends BencodeLimits {
  /** Default `latin1`. */
  readonly strings?: BencodeStrings
}

/** The bytes are not the bencode they should be; `offset` is where reading stopped. */
export class BencodeError extends PeerError {
  readonly offset: number

  constructor(problem: string, offset: number) {
    super('ERR_BENCODE', `bencode: ${problem} at byte ${offset}`)
    this.offset = offset
  }
}

/** Bytes of a value, lists within lists and values in all that are read when the caller sets no limits of his own. */
export const DEFAULT_BENCODE_LIMITS: Required<BencodeLimits> = {
  maxLength: 524_288,
  maxDepth: 16,
  maxItems: 16_384,
}

/** Throws a UsageError for what bencode cannot say: fractions, and characters above U+00FF with `latin1`. */
export function encodeBencode(value: BencodeInput, strings: BencodeStrings = 'latin1'): Buffer {
  return Buffer.from(bencodeText(value, strings), 'latin1')
}

/** Reads exactly one value. Throws a BencodeError for anything else, and for what goes over a limit. */
export function decodeBencode(bytes: Uint8Array, options: BencodeOptions = {}): BencodeValue {
  const limits = { ...DEFAULT_BENCODE_LIMITS, ...options }
  if (bytes.length > limits.maxLength) {
    throw new BencodeError(`${bytes.length} bytes are more than the ${limits.maxLength} allowed`, 0)
  }
  const reader = new Reader(
    Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length),
    limits,
    limits.strings ?? 'latin1',
  )
  const value = reader.value()
  reader.end()
  return value
}

/** `Array.isArray` that knows read-only arrays. */
export function isList(value: BencodeInput): value is readonly BencodeInput[] {
  return Array.isArray(value)
}

/** The value as text of one character a byte. */
export function bencodeText(value: BencodeInput, strings: BencodeStrings): string {
  if (typeof value === 'string') return writeString(value, strings)
  if (typeof value === 'number') {
    if (!Number.isSafeInteger(value)) {
      throw new UsageError('ERR_BENCODE', `${value} is not an integer that bencode can carry`)
    }
    return `i${value === 0 ? 0 : value}e`
  }
  if (value instanceof Uint8Array) {
    const text = Buffer.from(value.buffer, value.byteOffset, value.length).toString('latin1')
    return `${text.length}:${text}`
  }
  if (isList(value)) {
    let out = 'l'
    for (const item of value) out += bencodeText(item, strings)
    return `${out}e`
  }
  return writeDictionary(value instanceof Map ? value : Object.entries(value), strings)
}

function writeDictionary(
  dictionary: Iterable<readonly [key: string, value: BencodeInput | undefined]>,
  strings: BencodeStrings,
): string {
  const entries: [wireKey: string, value: BencodeInput][] = []
  for (const [key, value] of dictionary) {
    if (value !== undefined) entries.push([wireText(key, strings), value])
  }
  entries.sort(([one], [other]) => (one < other ? -1 : 1))
  let out = 'd'
  for (const [key, value] of entries) out += `${key.length}:${key}${bencodeText(value, strings)}`
  return `${out}e`
}

function writeString(value: string, strings: BencodeStrings): string {
  const text = wireText(value, strings)
  return `${text.length}:${text}`
}

function wireText(value: string, strings: BencodeStrings): string {
  // the length in UTF-8 tells plain ASCII faster than a look at each character does
  if (strings === 'utf8') return Buffer.byteLength(value) === value.length ? value : toWire(value)
  for (let i = 0; i < value.length; i++) {
    if (value.charCodeAt(i) > 0xff) {
      throw new UsageError('ERR_BENCODE', 'a latin1 string has a character above U+00FF; write it as utf8')
    }
  }
  return value
}

/** More digits than any length or counter has: 2^64 has 20. */
const MAX_DIGITS = 20

class Reader {
  readonly #bytes: Buffer
  readonly #limits: Required<BencodeLimits>
  readonly #strings: BencodeStrings
  #at = 0
  #depth = 0
  #items = 0

  constructor(bytes: Buffer, limits: Required<BencodeLimits>, strings: BencodeStrings) {
    this.#bytes = bytes
    this.#limits = limits
    this.#strings = strings
  }

  value(): BencodeValue {
    const byte = this.#bytes[this.#at]
    if (byte === DICTIONARY) return this.#dictionary()
    if (byte === LIST) return this.#list()
    if (byte === INTEGER) return this.#integer()
    return this.#string()
  }

  /** Nothing may follow. */
  end(): void {
    if (this.#at !== this.#bytes.length) throw this.#error('more bytes after the value')
  }

  #dictionary(): BencodeDictionary {
    this.#enter()
    const dictionary = new Map<string, BencodeValue>()
    while (this.#bytes[this.#at] !== END) dictionary.set(this.#string(), this.value())
    this.#leave()
    return dictionary
  }

  #list(): BencodeValue[] {
    this.#enter()
    const list: BencodeValue[] = []
    while (this.#bytes[this.#at] !== END) list.push(this.value())
    this.#leave()
    return list
  }

  #integer(): number {
    this.#count()
    this.#at++
    const negative = this.#bytes[this.#at] === MINUS
    if (negative) this.#at++
    const magnitude = this.#digits()
    if (this.#bytes[this.#at] !== END) throw this.#error('an integer without its end')
    this.#at++
    return negative && magnitude !== 0 ? -magnitude : magnitude
  }

  #string(): string {
    this.#count()
    const length = this.#digits()
    if (this.#bytes[this.#at] !== COLON) throw this.#error('neither a value nor a colon')
    const start = this.#at + 1
    const end = start + length
    if (end > this.#bytes.length) throw this.#error(`a string of ${length} bytes is cut short`)
    this.#at = end
    if (length === 0) return ''
    return this.#bytes.toString(this.#strings, start, end)
  }

  #digits(): number {
    const start = this.#at
    let number = 0
    for (;;) {
      const byte = this.#bytes[this.#at] ?? 0
      if (byte < ZERO || byte > NINE) break
      number = number * 10 + (byte - ZERO)
      if (++this.#at - start > MAX_DIGITS) throw this.#error(`a number of more than ${MAX_DIGITS} digits`)
    }
    const digits = this.#at - start
    if (digits === 0) throw this.#error(start >= this.#bytes.length ? 'the value is cut short' : 'no value')
    return number
  }

  #enter(): void {
    this.#count()
    this.#at++
    if (++this.#depth > this.#limits.maxDepth) throw this.#error(`deeper than ${this.#limits.maxDepth}`)
  }

  #leave(): void {
    this.#at++
    this.#depth--
  }

  #count(): void {
    if (++this.#items > this.#limits.maxItems) throw this.#error(`more than ${this.#limits.maxItems} values`)
  }

  #error(problem: string): BencodeError {
    return new BencodeError(problem, this.#at)
  }
}
