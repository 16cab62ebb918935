import type { LineReader } from './line-reader.ts'
import type { AttributeEntries, Candidate, Extmap } from './session.ts'
import { MAX_PORT, nextWords, restAfterSpace, type Syntax } from './syntax.ts'
import { cryptos, remoteCandidates } from './transformed-syntax.ts'

type ListSyntax = { readonly [kind in keyof AttributeEntries]: Syntax<AttributeEntries[kind]> }

/** The attributes that may come many times. */
export const LISTS: ListSyntax = {
  groups: {
    name: 'group',
    read(line) {
      const semantics = line.word()
      const mids = nextWords(line)
      return semantics === '' || mids.length === 0 ? undefined : { semantics, mids }
    },
    write: ({ semantics, mids }) => ['group:', semantics, ...mids.map(mid => ` ${mid}`)].join(''),
  },
  msids: {
    name: 'msid',
    read(line) {
      const stream = line.word()
      if (stream === '') return undefined
      const track = line.nextWord()
      return track === undefined ? { stream } : { stream, track }
    },
    write: ({ stream, track }) => `msid:${stream}${track === undefined ? '' : ` ${track}`}`,
  },
  rtpmaps: {
    name: 'rtpmap',
    read(line) {
      const payloadType = line.count()
      const encoding = line.nextWord(SLASH)
      if (payloadType < 0 || encoding === undefined || !line.skip(SLASH)) return undefined
      const clockRate = line.count()
      if (clockRate < 0) return undefined
      if (!line.skip(SLASH)) return { payloadType, encoding, clockRate }
      const channels = line.count()
      return channels < 0 ? undefined : { payloadType, encoding, clockRate, channels }
    },
    write: ({ payloadType, encoding, clockRate, channels }) =>
      `rtpmap:${payloadType} ${encoding}/${clockRate}${channels === undefined ? '' : `/${channels}`}`,
  },
  fmtps: {
    name: 'fmtp',
    read(line) {
      const payloadType = line.count()
      const config = restAfterSpace(line)
      return payloadType < 0 || config === undefined ? undefined : { payloadType, config }
    },
    write: ({ payloadType, config }) => `fmtp:${payloadType} ${config}`,
  },
  rtcpFeedback: {
    name: 'rtcp-fb',
    read(line) {
      const payloadType = line.skip(ASTERISK) ? '*' : line.count()
      const type = line.nextWord()
      if (payloadType === -1 || type === undefined) return undefined
      const parameter = restAfterSpace(line)
      return parameter === undefined ? { payloadType, type } : { payloadType, type, parameter }
    },
    write: ({ payloadType, type, parameter }) =>
      `rtcp-fb:${payloadType} ${type}${parameter === undefined ? '' : ` ${parameter}`}`,
  },
  extmaps: {
    name: 'extmap',
    read(line) {
      const id = line.count()
      const direction = line.skip(SLASH) ? line.word() : undefined
      const first = line.nextWord()
      if (id < 0 || direction === '' || first === undefined) return undefined
      const encrypted = first === ENCRYPT && !line.ended
      const uri = encrypted ? line.nextWord() : first
      if (uri === undefined) return undefined
      const extmap: Mutable<Extmap> = { id, encrypted, uri }
      if (direction !== undefined) extmap.direction = direction
      const parameters = restAfterSpace(line)
      if (parameters !== undefined) extmap.parameters = parameters
      return extmap
    },
    write({ id, direction, encrypted, uri, parameters }) {
      const way = direction === undefined ? '' : `/${direction}`
      const encryption = encrypted ? ` ${ENCRYPT}` : ''
      return `extmap:${id}${way}${encryption} ${uri}${parameters === undefined ? '' : ` ${parameters}`}`
    },
  },
  cryptos,
  fingerprints: {
    name: 'fingerprint',
    read(line) {
      const hash = line.word()
      const value = line.nextWord()
      return hash === '' || value === undefined ? undefined : { hash, value }
    },
    write: ({ hash, value }) => `fingerprint:${hash} ${value}`,
  },
  candidates: {
    name: 'candidate',
    read: readCandidate,
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
  remoteCandidates,
  ssrcs: {
    name: 'ssrc',
    read(line) {
      const id = line.count()
      const attribute = line.nextWord(COLON)
      if (id < 0 || attribute === undefined) return undefined
      return line.skip(COLON) ? { id, attribute, value: line.takeRest() } : { id, attribute }
    },
    write: ({ id, attribute, value }) => `ssrc:${id} ${attribute}${value === undefined ? '' : `:${value}`}`,
  },
  ssrcGroups: {
    name: 'ssrc-group',
    read(line) {
      const semantics = line.word()
      const ssrcs: number[] = []
      for (let next = line.nextCount(); next >= 0; next = line.nextCount()) ssrcs.push(next)
      return semantics === '' || ssrcs.length === 0 ? undefined : { semantics, ssrcs }
    },
    write: ({ semantics, ssrcs }) => ['ssrc-group:', semantics, ...ssrcs.map(ssrc => ` ${ssrc}`)].join(''),
  },
}

const SLASH = 0x2f
const ASTERISK = 0x2a
const COLON = 0x3a

/** RFC 6904 §4 */
const ENCRYPT = 'urn:ietf:params:rtp-hdrext:encrypt'

type Mutable<T> = { -readonly [key in keyof T]: T[key] }

/** What follows the type is pairs; those with a field of their own have it where they stand as we write them. */
function readCandidate(line: LineReader): Candidate | undefined {
  const foundation = line.word()
  const component = line.nextCount()
  const transport = line.nextWord()
  const priority = line.nextCount()
  const address = line.nextWord()
  const port = line.nextCount()
  if (foundation === '' || component < 0 || transport === undefined || priority < 0) return undefined
  if (address === undefined || port < 0 || port > MAX_PORT || line.nextWord() !== 'typ') return undefined
  const type = line.nextWord()
  if (type === undefined) return undefined
  const extensions: [string, string][] = []
  const candidate: Mutable<Candidate> = {
    foundation,
    component,
    transport,
    priority,
    address,
    port,
    type,
    extensions,
  }
  let name = line.nextWord()
  if (name === 'raddr') {
    const relatedAddress = line.nextWord()
    if (relatedAddress === undefined) return undefined
    candidate.relatedAddress = relatedAddress
    name = line.nextWord()
  }
  if (name === 'rport') {
    const relatedPort = line.nextCount()
    if (relatedPort < 0 || relatedPort > MAX_PORT) return undefined
    candidate.relatedPort = relatedPort
    name = line.nextWord()
  }
  if (name === 'tcptype') {
    const tcpType = line.nextWord()
    if (tcpType === undefined) return undefined
    candidate.tcpType = tcpType
    name = line.nextWord()
  }
  for (; name !== undefined; name = line.nextWord()) {
    const value = line.nextWord()
    if (value === undefined) return undefined
    extensions.push([name, value])
  }
  return candidate
}
