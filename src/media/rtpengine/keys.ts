import { familyOf } from '../../util/address.ts'
import { UsageError } from '../../util/errors.ts'
import type { TransformCodec, TransformMedia } from './command-options.ts'
import type { NgInput } from './message/message.ts'
import type {
  CodecOptions,
  MusicOnHold,
  OfferOptions,
  RequestOptions,
  SdpAttributeChanges,
} from './options.ts'

export type NgKeys = { readonly [key: string]: NgInput | undefined }

/** Options that are one key of the NG protocol each, written as they are. */
const NAMES = {
  address: 'address',
  addressFamily: 'address-family',
  all: 'all',
  audioPlayer: 'audio-player',
  blob: 'blob',
  callId: 'call-id',
  code: 'code',
  dbId: 'db-id',
  delayBuffer: 'delay-buffer',
  deleteDelay: 'delete-delay',
  digit: 'digit',
  dropTraffic: 'drop-traffic',
  dtlsFingerprint: 'DTLS-fingerprint',
  dtlsReverse: 'DTLS-reverse',
  dtmfDelay: 'DTMF-delay',
  dtmfLogDest: 'DTMF-log-dest',
  dtmfSecurity: 'DTMF-security',
  dtmfSecurityTrigger: 'DTMF-security-trigger',
  dtmfSecurityTriggerEnd: 'DTMF-security-trigger-end',
  duration: 'duration',
  endpointLearning: 'endpoint-learning',
  file: 'file',
  frequency: 'frequency',
  fromInterface: 'from-interface',
  fromTag: 'from-tag',
  fromTags: 'from-tags',
  ice: 'ICE',
  iceLite: 'ICE-lite',
  instance: 'instance',
  interface: 'interface',
  label: 'label',
  limit: 'limit',
  mediaAddress: 'media-address',
  mediaEcho: 'media-echo',
  metadata: 'metadata',
  osrtp: 'OSRTP',
  outputDestination: 'output-destination',
  pause: 'pause',
  ptime: 'ptime',
  ptimeReverse: 'ptime-reverse',
  recordingDir: 'recording-dir',
  recordingFile: 'recording-file',
  recordingPattern: 'recording-pattern',
  repeatDuration: 'repeat-duration',
  repeatTimes: 'repeat-times',
  replace: 'replace',
  rtcpMux: 'rtcp-mux',
  rtppFlags: 'rtpp_flags',
  sdp: 'sdp',
  sdpMediaRemove: 'sdp-media-remove',
  setLabel: 'set-label',
  sipCode: 'SIP code',
  sipMessageType: 'SIP message type',
  startPos: 'start-pos',
  t38: 'T.38',
  template: 'template',
  toCallId: 'to-call-id',
  toInterface: 'to-interface',
  toLabel: 'to-label',
  tos: 'TOS',
  toTag: 'to-tag',
  transportProtocol: 'transport-protocol',
  trigger: 'trigger',
  triggerEnd: 'trigger-end',
  triggerEndDigits: 'trigger-end-digits',
  triggerEndTime: 'trigger-end-time',
  viaBranch: 'via-branch',
  volume: 'volume',
  xmlrpcCallback: 'xmlrpc-callback',
} as const

type Named = keyof typeof NAMES

/** Options that are written otherwise than they read, each under its key. */
interface Reshaped
  extends RequestOptions,
    Pick<
      OfferOptions,
      | 'codec'
      | 'direction'
      | 'dtls'
      | 'generateRtcp'
      | 'loadLimit'
      | 'moh'
      | 'receivedFrom'
      | 'recordCall'
      | 'sdes'
      | 'sdpAttr'
    > {
  readonly flags?: readonly string[]
  readonly media?: readonly TransformMedia[]
}

/** Every option of every command. */
export type NgOptions = Reshaped & { readonly [option in Named]?: NgInput | undefined }

const RESHAPED: ReadonlySet<string> = new Set([
  ...[
    'codec',
    'direction',
    'dtls',
    'flags',
    'generateRtcp',
    'loadLimit',
    'media',
    'moh',
    'other',
    'otherFlags',
  ],
  ...['receivedFrom', 'recordCall', 'sdes', 'sdpAttr', 'signal', 'timeout'],
])

/**
 * The keys of a request, from a command's arguments and options. Throws a UsageError for an option that nobody knows:
 * it would be sent to no effect.
 */
export function ngKeys(values: NgOptions): NgKeys {
  const keys: { [key: string]: NgInput | undefined } = {}
  for (const option of Object.keys(values)) {
    if (isNamed(option)) keys[NAMES[option]] = values[option]
    else if (!RESHAPED.has(option)) {
      throw new UsageError('ERR_RTPENGINE_OPTION', `${option} is no option; use \`other\` for further keys`)
    }
  }
  return { ...keys, ...reshape(values), ...values.other }
}

function isNamed(option: string): option is Named {
  return Object.hasOwn(NAMES, option)
}

function reshape(options: Reshaped): NgKeys {
  const {
    codec,
    direction,
    dtls,
    generateRtcp,
    loadLimit,
    media,
    moh,
    receivedFrom,
    recordCall,
    sdes,
    sdpAttr,
  } = options
  const flags = [...(options.flags ?? []), ...(options.otherFlags ?? [])]
  return {
    codec: codec && { ...(codec satisfies CodecOptions) },
    direction: typeof direction === 'string' ? [direction, direction] : direction,
    DTLS: dtls === false ? 'off' : dtls,
    flags: flags.length > 0 ? flags : undefined,
    'generate-RTCP': generateRtcp === undefined ? undefined : generateRtcp ? 'on' : 'off',
    supports: loadLimit === true ? ['load limit'] : undefined,
    media: media?.map(transformMedia),
    moh: moh && musicOnHold(moh),
    'received-from':
      typeof receivedFrom === 'string' ? [`IP${familyOf(receivedFrom)}`, receivedFrom] : receivedFrom,
    'record-call': recordCall === undefined ? undefined : recordCall ? 'yes' : 'no',
    SDES: sdes === false ? ['off'] : sdes,
    'sdp-attr': sdpAttr && attributeChanges(sdpAttr),
  }
}

function attributeChanges(parts: { readonly [part: string]: SdpAttributeChanges | undefined }): NgInput {
  return Object.fromEntries(Object.entries(parts).map(([part, changes]) => [part, changes && { ...changes }]))
}

function musicOnHold({ file, blob, dbId, mode, connection }: MusicOnHold): NgInput {
  return { file, blob, 'db-id': dbId, mode, connection }
}

function transformMedia({ id, type, codec, destination }: TransformMedia): NgInput {
  return {
    id,
    type,
    codec: codec.map(({ input, output }) => ({
      input: transformCodec(input),
      output: transformCodec(output),
    })),
    destination: { ...destination },
  }
}

function transformCodec({
  codec,
  payloadType,
  clockRate,
  channels,
  format,
  options,
}: TransformCodec): NgInput {
  return { codec, 'payload type': payloadType, 'clock rate': clockRate, channels, format, options }
}
