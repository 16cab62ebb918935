import type {
  AddressFamilyName,
  CodecOptions,
  DeleteFlag,
  DtmfOptions,
  MediaSource,
  RequestOptions,
  SdpFlag,
  SdpOptions,
  TransportProtocol,
} from './options.ts'

/** One party of a call, by its tag, its label or the media address of its SDP. */
export type Participant =
  | { readonly fromTag: string; readonly label?: never; readonly address?: never }
  | { readonly label: string; readonly fromTag?: never; readonly address?: never }
  | { readonly address: string; readonly fromTag?: never; readonly label?: never }

/** Every party: the whole call. */
export interface NoParticipant {
  readonly fromTag?: never
  readonly label?: never
  readonly address?: never
}

/** `all` reaches further than the parties named: `'flows'` and the like pick media flows by how they were made. */
export type AllOption = 'all' | 'none' | 'offer-answer' | 'except-offer-answer' | 'flows'

export interface DeleteOptions extends RequestOptions {
  readonly toTag?: string
  readonly viaBranch?: string
  readonly flags?: readonly DeleteFlag[]
  /** Seconds, the engine's own when absent; 0 deletes at once. */
  readonly deleteDelay?: number
  readonly metadata?: string
  readonly direction?: never
}

export interface QueryOptions extends RequestOptions {
  readonly fromTag?: string
  readonly toTag?: string
}

export interface RecordingOptions extends RequestOptions {
  readonly fromTag?: string
  readonly toTag?: string
  readonly viaBranch?: string
  readonly flags?: readonly ('pause' | 'discard-recording')[]
  readonly metadata?: string
  /** For the recording daemon: the file to write, a folder, or a pattern of file names. */
  readonly recordingFile?: string
  readonly recordingDir?: string
  readonly recordingPattern?: string
  readonly outputDestination?: string
}

interface PartyKeys {
  readonly all?: AllOption
  /** The other end of one media flow. */
  readonly toTag?: string
  readonly toLabel?: string
  readonly setLabel?: string
  readonly viaBranch?: string
  readonly flags?: readonly 'all'[]
}

/** Block, silence and forward: for the whole call, or for what one party sends. */
export type PartyOptions = RequestOptions & PartyKeys & (Participant | NoParticipant)

export type BlockDtmfOptions = PartyOptions & DtmfOptions & { readonly delayBuffer?: number }

export type PlayTarget = Participant | (NoParticipant & { readonly all: 'all' })

/** What is played, to whom, how often. */
export type PlayMediaOptions = RequestOptions &
  MediaSource &
  PlayTarget & {
    readonly all?: AllOption
    readonly repeatTimes?: number
    /** Milliseconds that repetitions go on for. */
    readonly repeatDuration?: number
    /** The frame to begin with. */
    readonly startPos?: number
    readonly codec?: Pick<CodecOptions, 'set'>
  }

export type StopMediaOptions = RequestOptions & PlayTarget & { readonly all?: AllOption }

/** Times in milliseconds: the event lasts 100 to 5,000 (250), the pause after it 100 to 5,000 (100). */
export type PlayDtmfOptions = RequestOptions &
  PlayTarget & {
    readonly all?: AllOption
    readonly duration?: number
    readonly pause?: number
    /** Decibels below full scale, 0 to 63 (8). */
    readonly volume?: number
  }

/** Whose media is wanted: one party, several, or all that came by offer and answer. */
export type SubscribeRequestOptions = SubscriptionOptions &
  (
    | (Participant & { readonly fromTags?: never; readonly all?: never })
    | (NoParticipant & { readonly fromTags: readonly string[]; readonly all?: never })
    | (NoParticipant & { readonly all: AllOption; readonly fromTags?: never })
  )

interface SubscriptionOptions extends Omit<SdpOptions, 'label'> {
  readonly flags?: readonly SdpFlag[]
  readonly transportProtocol?: TransportProtocol
  /** The subscriber's tag; the engine makes one when absent. */
  readonly toTag?: string
  readonly setLabel?: string
  readonly toLabel?: string
  readonly interface?: string
}

export interface SubscribeAnswerOptions extends SdpOptions {
  readonly flags?: readonly SdpFlag[]
  readonly transportProtocol?: TransportProtocol
}

export interface ConnectOptions extends RequestOptions {
  /** The call of the second party, where it is another. */
  readonly toCallId?: string
}

export interface TransformCodec {
  readonly codec: string
  readonly payloadType: number
  /** Hertz. */
  readonly clockRate: number
  readonly channels?: number
  /** The `fmtp` parameters. */
  readonly format?: string
  readonly options?: string
}

/** One medium to be transcoded: what comes in, what goes out, and where to. */
export interface TransformMedia {
  readonly id?: string
  readonly type: 'audio' | 'video' | 'image'
  readonly codec: readonly { readonly input: TransformCodec; readonly output: TransformCodec }[]
  readonly destination: {
    readonly family: AddressFamilyName
    readonly address: string
    readonly port: number
  }
}

export interface TransformOptions extends RequestOptions {
  /** Made by the engine when absent. */
  readonly callId?: string
  readonly fromTag?: string
  readonly interface?: string
  /** The asking engine's own identity, by which a loop of transforms is found. */
  readonly instance?: string
}
