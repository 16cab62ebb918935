import type { NgInput } from './message/message.ts'

/** What every request takes. */
export interface RequestOptions {
  /** Milliseconds until the request is given up; the client's own when absent (10,000). */
  readonly timeout?: number
  /** Gives the request up at once; it rejects with the signal's reason. */
  readonly signal?: AbortSignal
  /** Keys of the NG protocol that have no option here, by their names on the wire. They win over the options. */
  readonly other?: { readonly [key: string]: NgInput | undefined }
  /** Flags that have no name here, added to `flags`. */
  readonly otherFlags?: readonly string[]
}

export type AddressFamilyName = 'IP4' | 'IP6'

/** Flags of the commands that carry an SDP. */
export type SdpFlag =
  | 'allow-asymmetric-codecs'
  | 'allow-no-codec-media'
  | 'allow-transcoding'
  | 'always-transcode'
  | 'asymmetric'
  | 'block-DTMF'
  | 'block-egress'
  | 'block-short'
  | 'debug'
  | 'detect-DTMF'
  | 'discard-recording'
  | 'early-media'
  | 'exclude-recording'
  | 'force-transcoding'
  | 'full-rtcp-attribute'
  | 'generate-mid'
  | 'generate-RTCP'
  | 'inactive'
  | 'inject-DTMF'
  | 'loop-protect'
  | 'media-handover'
  | 'NAT-wait'
  | 'new-branch'
  | 'no-port-latching'
  | 'no-rtcp-attribute'
  | 'original-sendrecv'
  | 'pad-crypto'
  | 'pierce-NAT'
  | 'port-latching'
  | 'provisional'
  | 'record-call'
  | 'recording-announcement'
  | 'reject-ICE'
  | 'reuse-codecs'
  | 'RTCP-mirror'
  | 'single-codec'
  | 'SIP-source-address'
  | 'skip-recording-db'
  | 'static-codecs'
  | 'strict-source'
  | 'strip-extmap'
  | 'symmetric'
  | 'trickle-ICE'
  | 'trust-address'
  | 'unidirectional'
  | 'WebRTC'

/** `reset` makes the engine forget what it learnt of ICE and SRTP; it stands in an offer only. */
export type OfferFlag = SdpFlag | 'reset'

/** `fatal` turns a call that the engine does not know into an error instead of a warning. */
export type DeleteFlag = 'fatal' | 'discard-recording'

/** Which parts of the SDP are rewritten, apart from the media addresses. */
export type Replacement =
  | 'origin'
  | 'origin-full'
  | 'session-connection'
  | 'session-name'
  | 'username'
  | 'SDP-version'
  | 'zero-address'
  | 'force-increment-sdp-ver'

export type TransportProtocol =
  | 'RTP/AVP'
  | 'RTP/AVPF'
  | 'RTP/SAVP'
  | 'RTP/SAVPF'
  | 'UDP/TLS/RTP/SAVP'
  | 'UDP/TLS/RTP/SAVPF'

export type RtcpMuxOption = 'offer' | 'require' | 'demux' | 'accept' | 'reject'

/** Session parameters of SDES (RFC 4568 §6.3), and which crypto suites are offered, in which order. */
export type SdesOption =
  | 'unencrypted_srtp'
  | 'unencrypted_srtcp'
  | 'unauthenticated_srtp'
  | 'encrypted_srtp'
  | 'encrypted_srtcp'
  | 'authenticated_srtp'
  | 'nonew'
  | 'pad'
  | 'lifetime'
  | 'static'
  | 'prefer'
  | `no-${string}`
  | `only-${string}`
  | `order:${string}`
  | `offerer_pref:${string}`

export type DtmfSecurity = 'off' | 'drop' | 'silence' | 'tone' | 'random' | 'zero' | 'DTMF'

/** Codec lists; names as in SDP, with parameters as the engine writes them (`opus/48000/2/32000`). */
export interface CodecOptions {
  readonly accept?: readonly string[]
  readonly consume?: readonly string[]
  readonly except?: readonly string[]
  readonly ignore?: readonly string[]
  readonly mask?: readonly string[]
  readonly offer?: readonly string[]
  readonly set?: readonly string[]
  readonly strip?: readonly string[]
  readonly transcode?: readonly string[]
}

/** Changes to the `a=` lines of one part of the outgoing SDP; values without the `a=`. */
export interface SdpAttributeChanges {
  readonly add?: readonly string[]
  readonly remove?: readonly string[]
  readonly substitute?: readonly (readonly [from: string, to: string])[]
}

/** Where media to be played comes from: a file of the engine's host, the bytes themselves, or the engine's database. */
export type MediaSource =
  | { readonly file: string; readonly blob?: never; readonly dbId?: never }
  | { readonly blob: Uint8Array; readonly file?: never; readonly dbId?: never }
  | { readonly dbId: number; readonly file?: never; readonly blob?: never }

/** Music on hold, announced by a party in its first offer or answer. */
export type MusicOnHold = MediaSource & {
  readonly mode?: 'sendonly' | 'sendrecv' | 'reflect'
  readonly connection?: 'zero'
}

/** How DTMF is kept from the other side, and what turns that on and off. Delays in milliseconds. */
export interface DtmfOptions {
  readonly dtmfSecurity?: DtmfSecurity
  readonly dtmfSecurityTrigger?: DtmfSecurity
  readonly dtmfSecurityTriggerEnd?: DtmfSecurity
  readonly dtmfDelay?: number
  /** `address:port` for this call's DTMF log; see `DtmfListener`. */
  readonly dtmfLogDest?: string
  readonly trigger?: string
  readonly triggerEnd?: string
  readonly triggerEndTime?: number
  readonly triggerEndDigits?: number
  /** The digit that replaces others with `dtmfSecurity: 'DTMF'`. */
  readonly digit?: string
  /** Hertz, one event after the other, with `dtmfSecurity: 'tone'`. */
  readonly frequency?: number | readonly number[]
  /** Decibels below full scale, 0 to 63. */
  readonly volume?: number
}

/** What all commands that carry or make an SDP take. */
export interface SdpOptions extends RequestOptions, DtmfOptions {
  readonly replace?: readonly Replacement[]
  /** The SIP message's source; the family is derived from a bare address. */
  readonly receivedFrom?: string | readonly [AddressFamilyName, string]
  readonly ice?: 'remove' | 'force' | 'force-relay' | 'default' | 'optional'
  /** The address to advertise instead of the engine's own. */
  readonly mediaAddress?: string
  readonly addressFamily?: AddressFamilyName
  readonly rtcpMux?: readonly RtcpMuxOption[]
  /** For the packets of the whole call: negative leaves it unchanged, above 255 reverts to the engine's default. */
  readonly tos?: number
  readonly dtls?: false | 'passive' | 'active'
  readonly dtlsReverse?: 'passive' | 'active'
  readonly dtlsFingerprint?: 'SHA-1' | 'SHA-224' | 'SHA-256' | 'SHA-384' | 'SHA-512'
  readonly sdes?: false | readonly SdesOption[]
  readonly osrtp?: readonly (
    | 'offer'
    | 'offer-RFC'
    | 'offer-legacy'
    | 'accept'
    | 'accept-RFC'
    | 'accept-legacy'
  )[]
  readonly recordCall?: boolean
  /** Written into the recording's metadata. */
  readonly metadata?: string
  readonly viaBranch?: string
  readonly label?: string
  readonly codec?: CodecOptions
  readonly sdpAttr?: { readonly [part in 'none' | 'global' | 'audio' | 'video']?: SdpAttributeChanges }
  /** Media types whose m-lines are taken out of the SDP: `video`, `image`, `other` … */
  readonly sdpMediaRemove?: readonly string[]
  readonly mediaEcho?: 'blackhole' | 'sinkhole' | 'forward' | 'backwards' | 'both'
  /** Milliseconds that all media is held back; 0 turns the buffer off again. */
  readonly delayBuffer?: number
  readonly audioPlayer?: 'default' | 'transcoding' | 'off' | 'always'
  readonly moh?: MusicOnHold
  /** What the flag `recording-announcement` plays: one of the three. */
  readonly file?: string
  readonly blob?: Uint8Array
  readonly dbId?: number
  readonly dropTraffic?: 'start' | 'stop'
  readonly endpointLearning?: 'off' | 'immediate' | 'delayed' | 'heuristic'
  readonly generateRtcp?: boolean
  /** The SIP message that carried the SDP, and its status where it was a response. */
  readonly sipMessageType?: 'SIP request' | 'SIP response'
  readonly sipCode?: number
  /** The name of a signalling template of the engine's configuration. */
  readonly template?: string
  /** Flags as one text in the syntax of SIP proxies, read by the engine: `replace-origin ICE=remove`. */
  readonly rtppFlags?: string
  /** Where the engine reports a media time-out to. */
  readonly xmlrpcCallback?: string
  /** Take `load limit` for an answer, and reject with the code `ERR_RTPENGINE_LOAD_LIMIT`. */
  readonly loadLimit?: boolean
}

export interface OfferOptions extends SdpOptions {
  readonly flags?: readonly OfferFlag[]
  readonly transportProtocol?: TransportProtocol
  /** The engine's logical interfaces towards the sender and towards the receiver of the SDP. */
  readonly direction?: readonly [string, string] | 'round-robin-calls'
  /** The same, one by one. */
  readonly fromInterface?: string
  readonly toInterface?: string
  readonly iceLite?: 'forward' | 'backward' | 'both' | 'off'
  /** Milliseconds a packet towards the receiver, and with `ptimeReverse` towards the sender. */
  readonly ptime?: number
  readonly ptimeReverse?: number
  readonly t38?: readonly (
    | 'decode'
    | 'force'
    | 'stop'
    | 'FEC'
    | 'no-ECM'
    | 'no-V.17'
    | 'no-V.27ter'
    | 'no-V.29'
    | 'no-V.34'
    | 'no-IAF'
  )[]
  readonly toTag?: string
}

/** `direction`, `iceLite`, `ptime` and T.38 are settled by the offer. */
export interface AnswerOptions extends SdpOptions {
  readonly flags?: readonly SdpFlag[]
  /** `accept` takes over a protocol other than the one offered. */
  readonly transportProtocol?: TransportProtocol | 'accept'
  readonly direction?: never
  readonly fromInterface?: never
  readonly toInterface?: never
  readonly iceLite?: never
  readonly ptime?: never
  readonly ptimeReverse?: never
  readonly t38?: never
}

export interface PublishOptions extends SdpOptions {
  readonly flags?: readonly SdpFlag[]
  readonly transportProtocol?: TransportProtocol
  readonly interface?: string
  readonly direction?: never
}
