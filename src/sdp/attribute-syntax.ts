import { type MediaAttributes, parse, type SessionAttributes } from 'sdp-transform'
import type { AttributeEntries, AttributeFlags, AttributeValues, Connection, Direction } from './session.ts'

/**
 * How an attribute is read and written, without its `a=`. A reader answers undefined for text that it cannot take
 * whole; the parser moreover writes each value back, and keeps the line as it is where that gives another text.
 */
export interface Syntax<T> {
  readonly name: string
  read(text: string): T | undefined
  write(value: T): string
}

type ListSyntax = { readonly [kind in keyof AttributeEntries]: Syntax<AttributeEntries[kind]> }
type ValueSyntax = {
  readonly [kind in keyof AttributeValues]-?: Syntax<NonNullable<AttributeValues[kind]>>
}

export const FLAG_NAMES: { readonly [kind in keyof AttributeFlags]: string } = {
  iceLite: 'ice-lite',
  endOfCandidates: 'end-of-candidates',
  rtcpMux: 'rtcp-mux',
  rtcpRsize: 'rtcp-rsize',
  bundleOnly: 'bundle-only',
}

/** Not a name on the wire: each direction is an attribute of its own. */
export const DIRECTIONS: ReadonlySet<string> = new Set<Direction>([
  'sendrecv',
  'sendonly',
  'recvonly',
  'inactive',
])

export const VALUES: ValueSyntax = {
  direction: {
    name: 'direction',
    read: text => oneOf(text, ['sendrecv', 'sendonly', 'recvonly', 'inactive']),
    write: direction => direction,
  },
  mid: {
    name: 'mid',
    read: text => word(read(text).mid),
    write: mid => `mid:${mid}`,
  },
  ptime: {
    name: 'ptime',
    read: text => number(read(text).ptime),
    write: ptime => `ptime:${ptime}`,
  },
  maxptime: {
    name: 'maxptime',
    read: text => number(read(text).maxptime),
    write: maxptime => `maxptime:${maxptime}`,
  },
  rtcp: {
    name: 'rtcp',
    read(text) {
      const rtcp = read(text).rtcp
      const port = number(rtcp?.port)
      if (rtcp === undefined || port === undefined || port > 65_535) return undefined
      if (rtcp.address === undefined) return { port }
      const connection = {
        networkType: String(rtcp.netType),
        addressType: `IP${rtcp.ipVer}`,
        address: String(rtcp.address),
      }
      return { port, connection }
    },
    write: ({ port, connection }) => `rtcp:${port}${connection ? ` ${connectionText(connection)}` : ''}`,
  },
  setup: {
    name: 'setup',
    read: text => oneOf(read(text).setup, ['active', 'passive', 'actpass', 'holdconn']),
    write: setup => `setup:${setup}`,
  },
  connectionReuse: {
    name: 'connection',
    read: text => oneOf(read(text).connectionType, ['new', 'existing']),
    write: reuse => `connection:${reuse}`,
  },
  iceUfrag: {
    name: 'ice-ufrag',
    read: text => word(read(text).iceUfrag),
    write: ufrag => `ice-ufrag:${ufrag}`,
  },
  icePwd: {
    name: 'ice-pwd',
    read: text => word(read(text).icePwd),
    write: pwd => `ice-pwd:${pwd}`,
  },
  iceOptions: {
    name: 'ice-options',
    read(text) {
      const first = word(read(text).iceOptions)
      return first === undefined ? undefined : [first, ...words(text, `ice-options:${first}`)]
    },
    write: options => `ice-options:${options.join(' ')}`,
  },
}

export const LISTS: ListSyntax = {
  groups: {
    name: 'group',
    read(text) {
      const group = read(text).groups?.[0]
      return group && { semantics: String(group.type), mids: String(group.mids).split(' ') }
    },
    write: ({ semantics, mids }) => ['group:', semantics, ...mids.map(mid => ` ${mid}`)].join(''),
  },
  msids: {
    name: 'msid',
    read(text) {
      const msid = read(text).msid?.[0]
      if (msid === undefined) return undefined
      const track = optional(msid.appdata)
      return { stream: String(msid.id), ...(track !== undefined && { track }) }
    },
    write: ({ stream, track }) => `msid:${stream}${track === undefined ? '' : ` ${track}`}`,
  },
  rtpmaps: {
    name: 'rtpmap',
    read(text) {
      const map = read(text).rtp?.[0]
      const payloadType = number(map?.payload)
      const clockRate = number(map?.rate)
      if (map === undefined || payloadType === undefined || clockRate === undefined) return undefined
      const channels = number(map.encoding)
      return {
        payloadType,
        encoding: String(map.codec),
        clockRate,
        ...(channels !== undefined && { channels }),
      }
    },
    write: ({ payloadType, encoding, clockRate, channels }) =>
      `rtpmap:${payloadType} ${encoding}/${clockRate}${channels === undefined ? '' : `/${channels}`}`,
  },
  fmtps: {
    name: 'fmtp',
    read(text) {
      const fmtp = read(text).fmtp?.[0]
      const payloadType = number(fmtp?.payload)
      return fmtp && payloadType !== undefined ? { payloadType, config: String(fmtp.config) } : undefined
    },
    write: ({ payloadType, config }) => `fmtp:${payloadType} ${config}`,
  },
  rtcpFeedback: {
    name: 'rtcp-fb',
    read(text) {
      const { rtcpFb, rtcpFbTrrInt } = read(text)
      const entry = rtcpFb?.[0] ?? rtcpFbTrrInt?.[0]
      if (entry === undefined) return undefined
      const payload: unknown = entry.payload
      const payloadType = payload === '*' ? payload : number(payload)
      if (payloadType === undefined) return undefined
      const type = 'type' in entry ? String(entry.type) : 'trr-int'
      const head = `rtcp-fb:${payloadType} ${type}`
      // all that follows the type, of which sdp-transform gives the first word only
      const parameter = text.startsWith(`${head} `) ? text.slice(head.length + 1) : undefined
      return { payloadType, type, ...(parameter !== undefined && { parameter }) }
    },
    write: ({ payloadType, type, parameter }) =>
      `rtcp-fb:${payloadType} ${type}${parameter === undefined ? '' : ` ${parameter}`}`,
  },
  extmaps: {
    name: 'extmap',
    read(text) {
      const ext = read(text).ext?.[0]
      const id = number(ext?.value)
      if (ext === undefined || id === undefined) return undefined
      const direction = optional(ext.direction)
      const head = {
        id,
        ...(direction !== undefined && { direction }),
        encrypted: ext['encrypt-uri'] !== undefined,
        uri: String(ext.uri),
      }
      const written = LISTS.extmaps.write(head)
      return text.startsWith(`${written} `) ? { ...head, parameters: text.slice(written.length + 1) } : head
    },
    write({ id, direction, encrypted, uri, parameters }) {
      const way = direction === undefined ? '' : `/${direction}`
      const encryption = encrypted ? ' urn:ietf:params:rtp-hdrext:encrypt' : ''
      return `extmap:${id}${way}${encryption} ${uri}${parameters === undefined ? '' : ` ${parameters}`}`
    },
  },
  cryptos: {
    name: 'crypto',
    read(text) {
      const crypto = read(text).crypto?.[0]
      const tag = number(crypto?.id)
      if (crypto === undefined || tag === undefined) return undefined
      const head = { tag, suite: String(crypto.suite), keyParams: String(crypto.config), sessionParams: [] }
      return { ...head, sessionParams: words(text, LISTS.cryptos.write(head)) }
    },
    write: ({ tag, suite, keyParams, sessionParams }) =>
      `crypto:${[tag, suite, keyParams, ...sessionParams].join(' ')}`,
  },
  fingerprints: {
    name: 'fingerprint',
    read(text) {
      const fingerprint = read(text).fingerprint
      return fingerprint && { hash: String(fingerprint.type), value: String(fingerprint.hash) }
    },
    write: ({ hash, value }) => `fingerprint:${hash} ${value}`,
  },
  candidates: {
    name: 'candidate',
    read(text) {
      const candidate = read(text).candidates?.[0]
      const component = number(candidate?.component)
      const priority = number(candidate?.priority)
      const port = number(candidate?.port)
      if (candidate === undefined || component === undefined || priority === undefined) return undefined
      if (port === undefined || port > 65_535) return undefined
      const relatedAddress = optional(candidate.raddr)
      const relatedPort = number(candidate.rport)
      const tcpType = optional(candidate.tcptype)
      const head = {
        foundation: String(candidate.foundation),
        component,
        transport: String(candidate.transport),
        priority,
        address: String(candidate.ip),
        port,
        type: String(candidate.type),
        ...(relatedAddress !== undefined && { relatedAddress }),
        ...(relatedPort !== undefined && { relatedPort }),
        ...(tcpType !== undefined && { tcpType }),
        extensions: [],
      }
      return { ...head, extensions: pairs(words(text, LISTS.candidates.write(head))) }
    },
    write(candidate) {
      const { foundation, component, transport, priority, address, port, type } = candidate
      const parts = [`candidate:${foundation}`, component, transport, priority, address, port, 'typ', type]
      if (candidate.relatedAddress !== undefined) parts.push('raddr', candidate.relatedAddress)
      if (candidate.relatedPort !== undefined) parts.push('rport', candidate.relatedPort)
      if (candidate.tcpType !== undefined) parts.push('tcptype', candidate.tcpType)
      for (const [name, value] of candidate.extensions) parts.push(name, value)
      return parts.join(' ')
    },
  },
  ssrcs: {
    name: 'ssrc',
    read(text) {
      const ssrc = read(text).ssrcs?.[0]
      const id = number(ssrc?.id)
      if (ssrc === undefined || id === undefined) return undefined
      const value = optional(ssrc.value)
      return { id, attribute: String(ssrc.attribute), ...(value !== undefined && { value }) }
    },
    write: ({ id, attribute, value }) => `ssrc:${id} ${attribute}${value === undefined ? '' : `:${value}`}`,
  },
  ssrcGroups: {
    name: 'ssrc-group',
    read(text) {
      const group = read(text).ssrcGroups?.[0]
      return group && { semantics: group.semantics, ssrcs: String(group.ssrcs).split(' ').map(Number) }
    },
    write: ({ semantics, ssrcs }) => ['ssrc-group:', semantics, ...ssrcs.map(ssrc => ` ${ssrc}`)].join(''),
  },
}

/** The kinds of a table, in its order. */
export function kindsOf<T extends object>(table: T): (keyof T & string)[] {
  const kinds: (keyof T & string)[] = []
  for (const kind in table) kinds.push(kind)
  return kinds
}

/** `IN IP4 192.0.2.1`, with what multicast adds (RFC 8866 §5.7). */
export function connectionText({ networkType, addressType, address, ttl, count }: Connection): string {
  const tail = [ttl, count].map(part => (part === undefined ? '' : `/${part}`)).join('')
  return `${networkType} ${addressType} ${address}${tail}`
}

/** What sdp-transform makes of one attribute; it takes those of media sections on the session level as well. */
function read(text: string): Partial<SessionAttributes & MediaAttributes> {
  return parse(`a=${text}`)
}

/** sdp-transform makes a number of whatever looks like one and leaves the rest text, whatever its types say. */
function number(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined
}

function word(value: unknown): string | undefined {
  const text = optional(value)
  return text === '' ? undefined : text
}

function optional(value: unknown): string | undefined {
  return value === undefined ? undefined : String(value)
}

function oneOf<T extends string>(value: unknown, known: readonly T[]): T | undefined {
  return known.find(one => one === value)
}

/** The words that follow `head`; none where the text does not go on with a space. */
function words(text: string, head: string): string[] {
  return text.startsWith(`${head} `) ? text.slice(head.length + 1).split(' ') : []
}

function pairs(list: readonly string[]): [string, string][] {
  const made: [string, string][] = []
  for (let i = 0; i + 1 < list.length; i += 2) made.push([list[i] ?? '', list[i + 1] ?? ''])
  return made
}
