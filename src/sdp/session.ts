/**
 * The values of an SDP body (RFC 8866). All are immutable plain data: a changed description is made with
 * `{ ...description, … }`. `sessionDescription` and `mediaDescription` fill in what is left out.
 */
export interface SessionDescription extends Attributes {
  readonly origin: Origin
  /** `s=`; a single dash where there is no name. */
  readonly name: string
  /** `i=` */
  readonly information?: string
  readonly uri?: string
  readonly emails: readonly string[]
  readonly phones: readonly string[]
  readonly connection?: Connection
  readonly bandwidths: readonly Bandwidth[]
  readonly timings: readonly Timing[]
  /** `z=`, as on the wire. */
  readonly timeZones?: string
  /** `k=`, as on the wire; obsolete. */
  readonly key?: string
  /** Lines of no known type, or repeated or malformed ones that do no harm. */
  readonly otherLines: readonly OtherLine[]
  readonly media: readonly MediaDescription[]
}

/** A media section: an `m=` line and what follows it. */
export interface MediaDescription extends Attributes {
  /** `audio`, `video`, `image`, `application`, `message` … */
  readonly type: string
  /** 0 rejects the stream or ends it (RFC 3264 §6, §8.2). */
  readonly port: number
  /** The number of ports of `m=audio 49170/2 …`. */
  readonly portCount?: number
  /** `RTP/AVP`, `UDP/TLS/RTP/SAVPF`, `udptl` … */
  readonly protocol: string
  /** Payload types of RTP as text, the formats' names otherwise. */
  readonly formats: readonly string[]
  readonly information?: string
  readonly connections: readonly Connection[]
  readonly bandwidths: readonly Bandwidth[]
  readonly key?: string
  readonly otherLines: readonly OtherLine[]
}

/** RFC 8866 §5.2. The numbers may exceed 53 bits and are kept as text. */
export interface Origin {
  readonly username: string
  readonly sessionId: string
  readonly sessionVersion: string
  readonly networkType: string
  readonly addressType: string
  readonly address: string
}

/** RFC 8866 §5.7. The address may be a name. */
export interface Connection {
  readonly networkType: string
  /** `IP4` or `IP6`; others may come. */
  readonly addressType: string
  readonly address: string
  /** Of IPv4 multicast only. */
  readonly ttl?: number
  /** The number of consecutive multicast addresses. */
  readonly count?: number
}

/** RFC 8866 §5.8: `AS`, `CT` in kbit/s; `TIAS`, `RS`, `RR` in bit/s. */
export interface Bandwidth {
  readonly type: string
  readonly value: number
}

/** RFC 8866 §5.9, NTP seconds; 0 0 is a session without bounds. */
export interface Timing {
  readonly start: number
  readonly stop: number
  /** The values of the `r=` lines that follow. */
  readonly repeats: readonly string[]
}

export interface OtherLine {
  /** The one character before `=`. */
  readonly type: string
  readonly value: string
}

/** The attributes of a session or a media section, as fields; those without a field are in `attributes`. */
export interface Attributes extends AttributeValues, AttributeFlags, Lists {
  /** Attributes that have no field here, and those whose value has a form of its own: kept to the letter, in order. */
  readonly attributes: readonly UnknownAttribute[]
  /**
   * In which order the attributes came, one entry a line; `encodeSdp` keeps to it. What it does not name is written
   * last.
   */
  readonly order: readonly AttributeKind[]
}

export interface UnknownAttribute {
  readonly name: string
  /** What follows the colon; undefined where there is none. */
  readonly value?: string
}

/** RFC 8866 §6.7 */
export type Direction = 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive'

/** Attributes that come once. */
export interface AttributeValues {
  readonly direction?: Direction
  /** RFC 5888 */
  readonly mid?: string
  /** Milliseconds of media in a packet. */
  readonly ptime?: number
  readonly maxptime?: number
  /** RFC 3605 */
  readonly rtcp?: Rtcp
  /** RFC 4145 */
  readonly setup?: 'active' | 'passive' | 'actpass' | 'holdconn'
  /** `a=connection`, RFC 4145 §5. */
  readonly connectionReuse?: 'new' | 'existing'
  /** RFC 8839 §5.4 */
  readonly iceUfrag?: string
  readonly icePwd?: string
  readonly iceOptions?: readonly string[]
  /** Milliseconds between checks (RFC 8839 §5.5). */
  readonly icePacing?: number
}

/** Attributes without a value. */
export interface AttributeFlags {
  /** RFC 8839 §5.3 */
  readonly iceLite: boolean
  readonly iceMismatch: boolean
  /** RFC 8840 §8.2 */
  readonly endOfCandidates: boolean
  /** RFC 5761 §5.1.1 */
  readonly rtcpMux: boolean
  /** RFC 8858 §3 */
  readonly rtcpMuxOnly: boolean
  /** RFC 5506 §5 */
  readonly rtcpRsize: boolean
  /** RFC 9143 §6 */
  readonly bundleOnly: boolean
}

/** Attributes that may come many times: what one line of each says. */
export interface AttributeEntries {
  groups: Group
  msids: Msid
  rtpmaps: Rtpmap
  fmtps: Fmtp
  rtcpFeedback: RtcpFeedback
  extmaps: Extmap
  cryptos: Crypto
  fingerprints: Fingerprint
  candidates: Candidate
  /** What one line names; a description may have several (RFC 8839 §5.2). */
  remoteCandidates: readonly RemoteCandidate[]
  ssrcs: Ssrc
  ssrcGroups: SsrcGroup
}

type Lists = { readonly [kind in keyof AttributeEntries]: readonly AttributeEntries[kind][] }

export type AttributeKind =
  | keyof AttributeValues
  | keyof AttributeFlags
  | keyof AttributeEntries
  | 'attributes'

/** RFC 8866 §6.6 */
export interface Rtpmap {
  readonly payloadType: number
  readonly encoding: string
  /** Hz */
  readonly clockRate: number
  /** The encoding's parameter, which for audio is the number of channels. */
  readonly channels?: number
}

/** RFC 8866 §6.15; `formatParameters` takes `config` apart. */
export interface Fmtp {
  readonly payloadType: number
  readonly config: string
}

/** RFC 4585 §4.2 */
export interface RtcpFeedback {
  readonly payloadType: number | '*'
  /** `ack`, `nack`, `ccm`, `trr-int` … */
  readonly type: string
  readonly parameter?: string
}

/** RFC 3605 */
export interface Rtcp {
  readonly port: number
  readonly connection?: Connection
}

/** RFC 8285 §5, with the encryption of RFC 6904. */
export interface Extmap {
  readonly id: number
  readonly direction?: string
  readonly encrypted: boolean
  readonly uri: string
  readonly parameters?: string
}

/** RFC 4568 §4; `inlineKeys` takes `keyParams` apart. */
export interface Crypto {
  readonly tag: number
  readonly suite: string
  /** `inline:` and what follows. Secret: not for logs. */
  readonly keyParams: string
  readonly sessionParams: readonly string[]
}

/** RFC 8122 §5 */
export interface Fingerprint {
  /** The hash function as it was written: `sha-256`. */
  readonly hash: string
  /** Hexadecimal pairs and colons, as they were written. */
  readonly value: string
}

/** RFC 8839 §5.1 */
export interface Candidate {
  readonly foundation: string
  readonly component: number
  /** `UDP`, `tcp` …, as it was written. */
  readonly transport: string
  readonly priority: number
  /** Numeric, or a name (mDNS). */
  readonly address: string
  readonly port: number
  /** `host`, `srflx`, `prflx`, `relay`. */
  readonly type: string
  readonly relatedAddress?: string
  readonly relatedPort?: number
  /** RFC 6544 §4.5 */
  readonly tcpType?: string
  /** What follows, as pairs of name and value. */
  readonly extensions: readonly (readonly [name: string, value: string])[]
}

/** One of a component in use (RFC 8839 §5.2). */
export interface RemoteCandidate {
  readonly component: number
  readonly address: string
  readonly port: number
}

/** RFC 5888 §5; with `BUNDLE` RFC 9143. */
export interface Group {
  readonly semantics: string
  readonly mids: readonly string[]
}

/** RFC 8830 */
export interface Msid {
  readonly stream: string
  readonly track?: string
}

/** RFC 5576 §4.1 */
export interface Ssrc {
  readonly id: number
  readonly attribute: string
  readonly value?: string
}

/** RFC 5576 §4.2 */
export interface SsrcGroup {
  readonly semantics: string
  readonly ssrcs: readonly number[]
}
