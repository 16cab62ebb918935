/** The `h` namespace: every header the stack knows, each a token for `get`, `all`, `has`, `set` … */
import { type Header, header } from '../message/header.ts'
import type { Method } from '../message/method.ts'
import type { NameAddr } from '../message/name-addr.ts'
import { address, addresses, contacts } from './address.ts'
import { type CSeq as CSeqValue, parseCSeq } from './cseq.ts'
import { type Mime, mediaRanges, mediaType } from './mime.ts'
import { number } from './number.ts'
import { parseCallId, text } from './text.ts'
import { methodList, tokens } from './token.ts'
import { parseVia, type Via as ViaValue } from './via.ts'

export const Via: Header<ViaValue> = header('Via', { parse: parseVia, encode: String, values: 'line' })
export const From: Header<NameAddr> = header('From', address)
export const To: Header<NameAddr> = header('To', address)
export const CallId: Header<string> = header('Call-ID', { parse: parseCallId, encode: String })
export const CSeq: Header<CSeqValue> = header('CSeq', { parse: parseCSeq, encode: String })
export const MaxForwards: Header<number> = header('Max-Forwards', number)
export const Contact: Header<NameAddr> = header('Contact', contacts)
export const Route: Header<NameAddr> = header('Route', addresses)
export const RecordRoute: Header<NameAddr> = header('Record-Route', addresses)
export const ContentLength: Header<number> = header('Content-Length', number)
export const ContentType: Header<Mime> = header('Content-Type', mediaType)
export const Accept: Header<Mime> = header('Accept', mediaRanges)
export const Timestamp: Header<string> = header('Timestamp', text)
export const Allow: Header<Method> = header('Allow', methodList)
export const Supported: Header<string> = header('Supported', tokens)
export const Require: Header<string> = header('Require', tokens)
export const ProxyRequire: Header<string> = header('Proxy-Require', tokens)
export const Unsupported: Header<string> = header('Unsupported', tokens)
export const Expires: Header<number> = header('Expires', number)
export const UserAgent: Header<string> = header('User-Agent', text)
export const Server: Header<string> = header('Server', text)
export const Subject: Header<string> = header('Subject', text)
export const Authorization: Header<string> = header('Authorization', { ...text, values: 'challenge' })
export const ProxyAuthorization: Header<string> = header('Proxy-Authorization', {
  ...text,
  values: 'challenge',
})
export const RetryAfter: Header<number> = header('Retry-After', number)
