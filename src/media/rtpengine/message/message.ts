import { PeerError } from '../../../util/errors.ts'
import {
  type BencodeDictionary,
  type BencodeInput,
  type BencodeLimits,
  bencodeText,
  decodeBencode,
} from '../bencode/bencode.ts'
import { decodeNgJson, encodeNgJson } from './json.ts'

/** How the dictionary of a message is written; the engine answers in the same encoding. */
export type NgEncoding = 'bencode' | 'json'

/** The keys of a message as they are given, and as they are read. Text is Unicode; bytes go as they are. */
export type NgInput = BencodeInput
export type NgDictionary = BencodeDictionary

/** A message of the NG protocol taken apart: the cookie that joins reply to request, and the dictionary. */
export interface NgMessage {
  readonly cookie: string
  readonly dictionary: NgDictionary
}

/** A cookie of more bytes than this is none of ours. */
const LONGEST_COOKIE = 255
const SPACE = 0x20
const BRACE = 0x7b

export function encodeNgMessage(
  cookie: string,
  dictionary: { readonly [key: string]: NgInput | undefined },
  encoding: NgEncoding,
): Buffer {
  if (encoding === 'json')
    return Buffer.concat([Buffer.from(`${cookie} `, 'latin1'), encodeNgJson(dictionary)])
  return Buffer.from(`${cookie} ${bencodeText(dictionary, 'utf8')}`, 'latin1')
}

/** The cookie of a message, or undefined where the bytes begin with none. */
export function cookieOf(message: Uint8Array): string | undefined {
  const end = message.subarray(0, LONGEST_COOKIE + 1).indexOf(SPACE)
  if (end <= 0) return undefined
  return Buffer.from(message.buffer, message.byteOffset, end).toString('latin1')
}

/** Reads a whole message in either encoding. Throws a PeerError where it is malformed or goes over a limit. */
export function decodeNgMessage(message: Uint8Array, limits: BencodeLimits = {}): NgMessage {
  const cookie = cookieOf(message)
  if (cookie === undefined) throw new PeerError('ERR_NG_COOKIE', 'an NG message without a cookie')
  return { cookie, dictionary: decodeDocument(message.subarray(cookie.length + 1), limits) }
}

/** Reads what follows the cookie. Throws a PeerError where it is malformed or goes over a limit. */
export function decodeDocument(document: Uint8Array, limits: BencodeLimits = {}): NgDictionary {
  const value =
    document[0] === BRACE
      ? decodeNgJson(document, limits)
      : decodeBencode(document, { ...limits, strings: 'utf8' })
  if (value instanceof Map) return value
  throw new PeerError('ERR_NG_DOCUMENT', 'an NG message that is no dictionary')
}
