import { UsageError } from '../util/errors.ts'
import type {
  AttributeValues,
  Connection,
  Crypto,
  Direction,
  Fingerprint,
  MediaDescription,
  RtcpFeedback,
  SessionDescription,
} from './session.ts'

/** The direction of a stream, from the offerer's or answerer's own view (RFC 8866 §6.7). */
export function effectiveDirection(session: SessionDescription, media: MediaDescription): Direction {
  return media.direction ?? session.direction ?? 'sendrecv'
}

/** Where a stream is to be sent; of several addresses the first. Undefined where the description has none. */
export function effectiveConnection(
  session: SessionDescription,
  media: MediaDescription,
): Connection | undefined {
  return media.connections[0] ?? session.connection
}

/** The fingerprints that hold for a section: its own, else the session's (RFC 8122 §5). */
export function effectiveFingerprints(
  session: SessionDescription,
  media: MediaDescription,
): readonly Fingerprint[] {
  return media.fingerprints.length > 0 ? media.fingerprints : session.fingerprints
}

/** RFC 4145 §4; undefined where neither says it. */
export function effectiveSetup(
  session: SessionDescription,
  media: MediaDescription,
): AttributeValues['setup'] {
  return media.setup ?? session.setup
}

export interface IceParameters {
  readonly ufrag: string
  readonly pwd: string
  readonly options: readonly string[]
  readonly lite: boolean
}

/** The ICE parameters of a section (RFC 8839 §5.4); undefined where ufrag or pwd is missing. */
export function effectiveIce(
  session: SessionDescription,
  media: MediaDescription,
): IceParameters | undefined {
  const ufrag = media.iceUfrag ?? session.iceUfrag
  const pwd = media.icePwd ?? session.icePwd
  if (ufrag === undefined || pwd === undefined) return undefined
  return { ufrag, pwd, options: media.iceOptions ?? session.iceOptions ?? [], lite: session.iceLite }
}

/** A payload type with all that a media section says of it. */
export interface Codec {
  readonly payloadType: number
  readonly encoding: string
  /** Hz */
  readonly clockRate: number
  /** 1 where nothing is said. */
  readonly channels: number
  /** The format parameters as on the wire. */
  readonly fmtp?: string
  readonly feedback: readonly RtcpFeedback[]
}

/**
 * The codecs of an RTP section in order of preference. Static payload types without rtpmap are filled in from
 * RFC 3551 §6; dynamic ones without rtpmap mean nothing and are left out. Empty for a section that is not RTP.
 */
export function codecs(media: MediaDescription): Codec[] {
  if (!media.protocol.split('/').includes('RTP')) return []
  const fmtps = new Map(media.fmtps.map(({ payloadType, config }) => [payloadType, config]))
  const maps = new Map(media.rtpmaps.map(map => [map.payloadType, map]))
  const feedback = feedbackByType(media)
  const found: Codec[] = []
  for (const format of media.formats) {
    const payloadType = /^\d{1,3}$/.test(format) ? Number(format) : 128
    const map = maps.get(payloadType) ?? STATIC.get(payloadType)
    if (map === undefined || payloadType > 127) continue
    const fmtp = fmtps.get(payloadType)
    const { encoding, clockRate, channels = 1 } = map
    const own = feedback.get(payloadType) ?? feedback.get('*') ?? []
    found.push({
      payloadType,
      encoding,
      clockRate,
      channels,
      ...(fmtp !== undefined && { fmtp }),
      feedback: own,
    })
  }
  return found
}

/**
 * The `name=value` pairs of a format's parameters, names in lower case; a part without `=` is a name with an empty
 * value, as the `0-15` of telephone-event. Of a name that comes twice the first counts.
 */
export function formatParameters(config: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>()
  for (const part of config.split(';')) {
    const equals = part.indexOf('=')
    const name = (equals < 0 ? part : part.slice(0, equals)).trim().toLowerCase()
    if (name !== '' && !found.has(name)) found.set(name, equals < 0 ? '' : part.slice(equals + 1).trim())
  }
  return found
}

/** One inline key of RFC 4568 §6.1. */
export interface InlineKey {
  /** Master key and salt together. */
  readonly keySalt: Buffer
  /** Packets. */
  readonly lifetime?: number
  readonly mki?: { readonly value: number; readonly length: number }
}

/** The keys of a crypto attribute; undefined where its key parameters are not what RFC 4568 §9.2 allows. */
export function inlineKeys(crypto: Crypto): InlineKey[] | undefined {
  const keys: InlineKey[] = []
  for (const part of crypto.keyParams.split(';')) {
    const key = inlineKey(part)
    if (key === undefined) return undefined
    keys.push(key)
  }
  return keys
}

/** The description with its version raised by one, as each changed offer or answer must (RFC 3264 §5, §8). */
export function withNextVersion(session: SessionDescription): SessionDescription {
  const { origin } = session
  if (!/^\d{1,40}$/.test(origin.sessionVersion)) {
    throw new UsageError('ERR_SDP_VALUE', `SDP o=: the session version is not a number`)
  }
  const sessionVersion = String(BigInt(origin.sessionVersion) + 1n)
  return { ...session, origin: { ...origin, sessionVersion } }
}

/** The description with one media section replaced. */
export function withMedia(
  session: SessionDescription,
  index: number,
  media: MediaDescription,
): SessionDescription {
  if (session.media[index] === undefined) {
    throw new UsageError('ERR_SDP_VALUE', `SDP has ${session.media.length} media sections, none at ${index}`)
  }
  return { ...session, media: session.media.with(index, media) }
}

function feedbackByType(media: MediaDescription): Map<number | '*', RtcpFeedback[]> {
  const found = new Map<number | '*', RtcpFeedback[]>()
  const general = media.rtcpFeedback.filter(({ payloadType }) => payloadType === '*')
  if (general.length > 0) found.set('*', general)
  for (const entry of media.rtcpFeedback) {
    if (entry.payloadType === '*') continue
    const own = found.get(entry.payloadType)
    if (own) own.push(entry)
    else found.set(entry.payloadType, [...general, entry])
  }
  return found
}

function inlineKey(text: string): InlineKey | undefined {
  const [key, ...rest] = text.split('|')
  if (key === undefined || rest.length > 2) return undefined
  const encoded = /^inline:([A-Za-z0-9+/]+={0,2})$/.exec(key)?.[1]
  if (encoded === undefined) return undefined
  const keySalt = Buffer.from(encoded, 'base64')
  const last = rest.at(-1)
  const mki = last?.includes(':') ? keyIdentifier(last) : undefined
  if (last?.includes(':') && mki === undefined) return undefined
  const [life, more] = mki === undefined ? rest : rest.slice(0, -1)
  if (more !== undefined) return undefined
  const lifetime = life === undefined ? undefined : packets(life)
  if (life !== undefined && lifetime === undefined) return undefined
  return { keySalt, ...(lifetime !== undefined && { lifetime }), ...(mki && { mki }) }
}

function keyIdentifier(text: string): { value: number; length: number } | undefined {
  const parts = /^(\d{1,15}):(\d{1,3})$/.exec(text)
  if (!parts) return undefined
  const length = Number(parts[2])
  return length > 0 && length <= 128 ? { value: Number(parts[1]), length } : undefined
}

function packets(text: string): number | undefined {
  const power = /^2\^(\d{1,2})$/.exec(text)?.[1]
  const value = power === undefined ? (/^\d{1,15}$/.test(text) ? Number(text) : 0) : 2 ** Number(power)
  return value > 0 && value <= 2 ** 48 ? value : undefined
}

interface StaticType {
  readonly encoding: string
  readonly clockRate: number
  readonly channels?: number
}

/** RFC 3551 §6, Tables 4 and 5. */
const STATIC: ReadonlyMap<number, StaticType> = new Map<number, StaticType>([
  [0, { encoding: 'PCMU', clockRate: 8000 }],
  [3, { encoding: 'GSM', clockRate: 8000 }],
  [4, { encoding: 'G723', clockRate: 8000 }],
  [5, { encoding: 'DVI4', clockRate: 8000 }],
  [6, { encoding: 'DVI4', clockRate: 16_000 }],
  [7, { encoding: 'LPC', clockRate: 8000 }],
  [8, { encoding: 'PCMA', clockRate: 8000 }],
  [9, { encoding: 'G722', clockRate: 8000 }],
  [10, { encoding: 'L16', clockRate: 44_100, channels: 2 }],
  [11, { encoding: 'L16', clockRate: 44_100 }],
  [12, { encoding: 'QCELP', clockRate: 8000 }],
  [13, { encoding: 'CN', clockRate: 8000 }],
  [14, { encoding: 'MPA', clockRate: 90_000 }],
  [15, { encoding: 'G728', clockRate: 8000 }],
  [16, { encoding: 'DVI4', clockRate: 11_025 }],
  [17, { encoding: 'DVI4', clockRate: 22_050 }],
  [18, { encoding: 'G729', clockRate: 8000 }],
  [25, { encoding: 'CelB', clockRate: 90_000 }],
  [26, { encoding: 'JPEG', clockRate: 90_000 }],
  [28, { encoding: 'nv', clockRate: 90_000 }],
  [31, { encoding: 'H261', clockRate: 90_000 }],
  [32, { encoding: 'MPV', clockRate: 90_000 }],
  [33, { encoding: 'MP2T', clockRate: 90_000 }],
  [34, { encoding: 'H263', clockRate: 90_000 }],
])
