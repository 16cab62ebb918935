import { PeerError, UsageError } from '../../../util/errors.ts'
import {
  type BencodeDictionary,
  type BencodeInput,
  type BencodeLimits,
  type BencodeValue,
  DEFAULT_BENCODE_LIMITS,
  isList,
} from '../bencode/bencode.ts'

/** The text is not the JSON it should be. */
export class NgJsonError extends PeerError {
  constructor(problem: string) {
    super('ERR_NG_JSON', `json: ${problem}`)
  }
}

/**
 * An NG dictionary as JSON. Throws a UsageError for bytes, which JSON cannot carry, and for numbers that are not
 * integers, for the engine has none.
 */
export function encodeNgJson(value: BencodeInput): Buffer {
  return Buffer.from(JSON.stringify(plain(value)))
}

/**
 * Reads what `encodeNgJson` writes into the same values as bencode has: dictionaries become maps, `true` and `false`
 * 1 and 0, and `null` is left out. Throws an NgJsonError for anything else, and for what goes over a limit.
 */
export function decodeNgJson(bytes: Uint8Array, limits: BencodeLimits = {}): BencodeValue {
  const all = { ...DEFAULT_BENCODE_LIMITS, ...limits }
  if (bytes.length > all.maxLength) {
    throw new NgJsonError(`${bytes.length} bytes are more than the ${all.maxLength} allowed`)
  }
  checkNesting(bytes, all)
  let parsed: unknown
  try {
    parsed = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8'))
  } catch {
    throw new NgJsonError('not JSON')
  }
  const value = read(parsed)
  if (value === undefined) throw new NgJsonError('null')
  return value
}

type Plain = string | number | Plain[] | { [key: string]: Plain }

function plain(value: BencodeInput): Plain {
  if (typeof value === 'string') return value
  if (typeof value === 'number') {
    if (Number.isSafeInteger(value)) return value
    throw new UsageError('ERR_NG_JSON', `${value} is not an integer that the engine can read`)
  }
  if (value instanceof Uint8Array) {
    throw new UsageError('ERR_NG_JSON', 'JSON cannot carry bytes; use the bencode encoding for them')
  }
  if (isList(value)) return value.map(plain)
  const entries: [string, Plain][] = []
  for (const [key, item] of value instanceof Map ? value : Object.entries(value)) {
    if (item !== undefined) entries.push([key, plain(item)])
  }
  return Object.fromEntries(entries)
}

function read(value: unknown): BencodeValue | undefined {
  switch (typeof value) {
    case 'string':
    case 'number':
      return value
    case 'boolean':
      return value ? 1 : 0
    case 'object':
      if (value === null) return undefined
      return Array.isArray(value) ? readList(value) : readDictionary(value)
    default:
      return undefined
  }
}

function readList(items: readonly unknown[]): BencodeValue[] {
  const list: BencodeValue[] = []
  for (const item of items) {
    const value = read(item)
    if (value !== undefined) list.push(value)
  }
  return list
}

function readDictionary(object: object): BencodeDictionary {
  const dictionary = new Map<string, BencodeValue>()
  for (const [key, item] of Object.entries(object)) {
    const value = read(item)
    if (value !== undefined) dictionary.set(key, value)
  }
  return dictionary
}

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COMMA = 0x2c
const COLON = 0x3a
const isOpening = (byte: number): boolean => byte === 0x7b || byte === 0x5b
const isClosing = (byte: number): boolean => byte === 0x7d || byte === 0x5d

/** Depth and number of values are known before anything is built: JSON.parse has no limits of its own. */
function checkNesting(bytes: Uint8Array, limits: Required<BencodeLimits>): void {
  let depth = 0
  let items = 1
  let quoted = false
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] ?? 0
    if (quoted) {
      if (byte === BACKSLASH) at++
      else if (byte === QUOTE) quoted = false
    } else if (byte === QUOTE) quoted = true
    else if (isOpening(byte)) {
      if (++depth > limits.maxDepth) throw new NgJsonError(`deeper than ${limits.maxDepth}`)
      items++
    } else if (isClosing(byte)) depth--
    else if (byte === COMMA || byte === COLON) items++
    if (items > limits.maxItems) throw new NgJsonError(`more than ${limits.maxItems} values`)
  }
}
