import type { NgDictionary } from '../message/message.ts'
import { dictionariesAt, dictionaryAt, entriesOf, numberAt, textAt, textsAt } from './fields.ts'

/** Counters of one packet stream, or of a whole call. */
export interface PacketCounters {
  readonly packets: number
  readonly bytes: number
  readonly errors: number
}

export interface MediaEndpoint {
  /** `IPv4` or `IPv6`. */
  readonly family: string | undefined
  readonly address: string | undefined
  readonly port: number | undefined
}

/** One port of the engine: RTP, or RTCP. Times in seconds since 1970. */
export interface StreamStatistics {
  readonly localPort: number | undefined
  readonly localAddress: string | undefined
  /** Where packets go: learnt, or else as advertised. */
  readonly endpoint: MediaEndpoint
  /** What the party's SDP said. */
  readonly advertisedEndpoint: MediaEndpoint
  readonly cryptoSuite: string | undefined
  readonly lastPacket: number | undefined
  readonly ssrc: number | undefined
  readonly flags: readonly string[]
  readonly stats: PacketCounters
}

/** One m-line. */
export interface MediaStatistics {
  readonly index: number | undefined
  readonly type: string | undefined
  readonly protocol: string | undefined
  /** What the engine received last, as `PCMU/8000`. */
  readonly codec: string | undefined
  readonly flags: readonly string[]
  readonly streams: readonly StreamStatistics[]
}

/** One party of the call. */
export interface TagStatistics {
  readonly tag: string
  readonly label: string | undefined
  readonly created: number | undefined
  /** The other parties: whose media it gets, and who gets its own. */
  readonly subscriptions: readonly string[]
  readonly subscribers: readonly string[]
  readonly medias: readonly MediaStatistics[]
}

/** Mean opinion score, jitter and loss that a receiver reported of one SSRC, at its best, worst and on average. */
export interface SsrcStatistics {
  readonly cumulativeLoss: number | undefined
  readonly average: QualityReport | undefined
  readonly lowest: QualityReport | undefined
  readonly highest: QualityReport | undefined
}

export interface QualityReport {
  /** 1.0 to 5.0. */
  readonly mos: number | undefined
  /** Milliseconds. */
  readonly jitter: number | undefined
  /** As the engine gives it. */
  readonly roundTripTime: number | undefined
  /** Per cent. */
  readonly packetLoss: number | undefined
}

/** What an engine tells of a call, asked by `query` or at its end by `delete`. Times in seconds since 1970. */
export interface CallStatistics {
  readonly created: number
  readonly lastSignal: number | undefined
  /** By tag; the empty tag is a party that has not answered yet. */
  readonly tags: ReadonlyMap<string, TagStatistics>
  readonly ssrcs: ReadonlyMap<number, SsrcStatistics>
  readonly totals: { readonly rtp: PacketCounters; readonly rtcp: PacketCounters }
}

/** Undefined where the reply tells of no call. */
export function callStatistics(reply: NgDictionary): CallStatistics | undefined {
  const created = numberAt(reply, 'created')
  if (created === undefined) return undefined
  const totals = dictionaryAt(reply, 'totals')
  return {
    created,
    lastSignal: numberAt(reply, 'last signal') ?? numberAt(reply, 'last_signal'),
    tags: new Map(
      entriesOf(dictionaryAt(reply, 'tags')).map(([tag, value]) => [tag, tagStatistics(tag, value)]),
    ),
    ssrcs: ssrcStatistics(dictionaryAt(reply, 'SSRC')),
    totals: {
      rtp: counters(totals && dictionaryAt(totals, 'RTP')),
      rtcp: counters(totals && dictionaryAt(totals, 'RTCP')),
    },
  }
}

function tagStatistics(tag: string, value: NgDictionary): TagStatistics {
  return {
    tag,
    label: textAt(value, 'label'),
    created: numberAt(value, 'created'),
    subscriptions: tagsAt(value, 'subscriptions'),
    subscribers: tagsAt(value, 'subscribers'),
    medias: dictionariesAt(value, 'medias').map(media => ({
      index: numberAt(media, 'index'),
      type: textAt(media, 'type'),
      protocol: textAt(media, 'protocol'),
      codec: textAt(media, 'codec'),
      flags: textsAt(media, 'flags'),
      streams: dictionariesAt(media, 'streams').map(streamStatistics),
    })),
  }
}

/** Before 10.5 there is one other party, `in dialogue with`. */
function tagsAt(value: NgDictionary, key: string): string[] {
  const tags = dictionariesAt(value, key).map(other => textAt(other, 'tag') ?? '')
  const peer = textAt(value, 'in dialogue with')
  return tags.length === 0 && peer !== undefined ? [peer] : tags
}

function streamStatistics(stream: NgDictionary): StreamStatistics {
  return {
    localPort: numberAt(stream, 'local port'),
    localAddress: textAt(stream, 'local address'),
    endpoint: endpoint(dictionaryAt(stream, 'endpoint')),
    advertisedEndpoint: endpoint(dictionaryAt(stream, 'advertised endpoint')),
    cryptoSuite: textAt(stream, 'crypto suite'),
    lastPacket: numberAt(stream, 'last packet'),
    ssrc: numberAt(stream, 'SSRC'),
    flags: textsAt(stream, 'flags'),
    stats: counters(dictionaryAt(stream, 'stats')),
  }
}

const NOTHING: NgDictionary = new Map()

function endpoint(value: NgDictionary = NOTHING): MediaEndpoint {
  return { family: textAt(value, 'family'), address: textAt(value, 'address'), port: numberAt(value, 'port') }
}

function counters(value: NgDictionary = NOTHING): PacketCounters {
  return {
    packets: numberAt(value, 'packets') ?? 0,
    bytes: numberAt(value, 'bytes') ?? 0,
    errors: numberAt(value, 'errors') ?? 0,
  }
}

function ssrcStatistics(value: NgDictionary | undefined): Map<number, SsrcStatistics> {
  const ssrcs = new Map<number, SsrcStatistics>()
  for (const [ssrc, report] of entriesOf(value)) {
    ssrcs.set(Number(ssrc), {
      cumulativeLoss: numberAt(report, 'cumulative loss'),
      average: quality(dictionaryAt(report, 'average')),
      lowest: quality(dictionaryAt(report, 'lowest')),
      highest: quality(dictionaryAt(report, 'highest')),
    })
  }
  return ssrcs
}

/** The score comes in tenths, the others as they are. */
function quality(value: NgDictionary | undefined): QualityReport | undefined {
  if (value === undefined) return undefined
  const mos = numberAt(value, 'MOS')
  return {
    mos: mos === undefined ? undefined : mos / 10,
    jitter: numberAt(value, 'jitter'),
    roundTripTime: numberAt(value, 'round-trip time'),
    packetLoss: numberAt(value, 'packet loss'),
  }
}
