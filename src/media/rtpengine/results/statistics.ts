import type { NgDictionary } from '../message/message.ts'
import { asNumber, dictionariesAt, dictionaryAt, numberAt, textAt } from './fields.ts'

/** Names as the engine writes them; an older or newer one may lack some. */
const CURRENT = [
  'sessionsown',
  'sessionsforeign',
  'sessionstotal',
  'transcodedmedia',
  'packetrate',
  'byterate',
  'errorrate',
  'packetrate_user',
  'byterate_user',
  'errorrate_user',
  'packetrate_kernel',
  'byterate_kernel',
  'errorrate_kernel',
  'media_userspace',
  'media_kernel',
  'media_mixed',
] as const

/** Since the engine started; durations in seconds. */
const TOTALS = [
  'uptime',
  'managedsessions',
  'rejectedsessions',
  'timeoutsessions',
  'silenttimeoutsessions',
  'finaltimeoutsessions',
  'offertimeoutsessions',
  'regularterminatedsessions',
  'forcedterminatedsessions',
  'relayedpackets',
  'relayedpacketerrors',
  'relayedbytes',
  'relayedpackets_user',
  'relayedpacketerrors_user',
  'relayedbytes_user',
  'relayedpackets_kernel',
  'relayedpacketerrors_kernel',
  'relayedbytes_kernel',
  'zerowaystreams',
  'onewaystreams',
  'avgcallduration',
  'totalcallsduration',
  'totalcallsduration2',
  'totalcallsduration_stddev',
] as const

/** Mean opinion scores over all calls. */
const OPINION = ['mos_total', 'mos2_total', 'mos_samples_total', 'mos_average', 'mos_stddev'] as const

type Figures<Name extends string> = { readonly [name in Name]?: number }

export type CurrentStatistics = Figures<(typeof CURRENT)[number]>
export type TotalStatistics = Figures<(typeof TOTALS)[number]>
export type OpinionStatistics = Figures<(typeof OPINION)[number]>

export interface Spread {
  readonly min: number
  readonly max: number
  readonly avg: number
}

/** How one command fared in the last interval. */
export interface CommandInterval {
  /** Seconds until it was answered. */
  readonly delay: Spread
  /** A second. */
  readonly requestRate: Spread
}

export interface IntervalStatistics {
  readonly totalcallsduration: number | undefined
  readonly minmanagedsessions: number | undefined
  readonly maxmanagedsessions: number | undefined
  /** By command: `offer`, `play media` … */
  readonly commands: ReadonlyMap<string, CommandInterval>
}

/** What one controlling host asked for. */
export interface ProxyStatistics {
  readonly proxy: string
  /** By the engine's short names: `offer`, `startrec`, `blkdtmf` … */
  readonly counts: ReadonlyMap<string, number>
  readonly errors: number
}

export interface InterfaceStatistics {
  readonly name: string
  readonly address: string
  readonly ports: Figures<'min' | 'max' | 'used' | 'used_pct' | 'free' | 'totals' | 'last'>
}

export interface TranscoderStatistics {
  /** As `PCMU/8000 -> opus/48000`. */
  readonly chain: string
  readonly figures: Figures<
    'num' | 'packetrate' | 'byterate' | 'samplerate' | 'packets' | 'bytes' | 'samples'
  >
}

/** The engine's own statistics. Fractions, which it writes as strings, are numbers here. */
export interface EngineStatistics {
  readonly current: CurrentStatistics
  readonly totals: TotalStatistics
  readonly interval: IntervalStatistics
  readonly mos: OpinionStatistics
  readonly proxies: readonly ProxyStatistics[]
  readonly interfaces: readonly InterfaceStatistics[]
  readonly transcoders: readonly TranscoderStatistics[]
  /** All of it as it came. */
  readonly reply: NgDictionary
}

/** Undefined where the reply has no statistics. */
export function engineStatistics(reply: NgDictionary): EngineStatistics | undefined {
  const statistics = dictionaryAt(reply, 'statistics')
  if (statistics === undefined) return undefined
  const control = dictionaryAt(statistics, 'controlstatistics') ?? NOTHING
  return {
    current: figures(dictionaryAt(statistics, 'currentstatistics'), CURRENT),
    totals: figures(dictionaryAt(statistics, 'totalstatistics'), TOTALS),
    interval: intervalStatistics(dictionaryAt(statistics, 'intervalstatistics') ?? NOTHING),
    mos: figures(dictionaryAt(statistics, 'mos'), OPINION),
    proxies: dictionariesAt(control, 'proxies').map(proxyStatistics),
    interfaces: dictionariesAt(statistics, 'interfaces').map(one => ({
      name: textAt(one, 'name') ?? '',
      address: textAt(one, 'address') ?? '',
      ports: figures(dictionaryAt(one, 'ports'), [
        'min',
        'max',
        'used',
        'used_pct',
        'free',
        'totals',
        'last',
      ]),
    })),
    transcoders: dictionariesAt(statistics, 'transcoders').map(one => ({
      chain: textAt(one, 'chain') ?? '',
      figures: figures(one, ['num', 'packetrate', 'byterate', 'samplerate', 'packets', 'bytes', 'samples']),
    })),
    reply,
  }
}

const NOTHING: NgDictionary = new Map()

function figures<Name extends string>(
  dictionary: NgDictionary = NOTHING,
  names: readonly Name[],
): Figures<Name> {
  const read: { [name in Name]?: number } = {}
  for (const name of names) {
    const value = numberAt(dictionary, name)
    if (value !== undefined) read[name] = value
  }
  return read
}

function intervalStatistics(interval: NgDictionary): IntervalStatistics {
  const commands = new Map<string, CommandInterval>()
  for (const key of interval.keys()) {
    const command = /^min(.+)delay$/.exec(key)?.[1]
    if (command === undefined) continue
    commands.set(command, {
      delay: spread(interval, `${command}delay`),
      requestRate: spread(interval, `${command}requestrate`),
    })
  }
  return {
    totalcallsduration: numberAt(interval, 'totalcallsduration'),
    minmanagedsessions: numberAt(interval, 'minmanagedsessions'),
    maxmanagedsessions: numberAt(interval, 'maxmanagedsessions'),
    commands,
  }
}

function spread(interval: NgDictionary, name: string): Spread {
  return {
    min: numberAt(interval, `min${name}`) ?? 0,
    max: numberAt(interval, `max${name}`) ?? 0,
    avg: numberAt(interval, `avg${name}`) ?? 0,
  }
}

function proxyStatistics(proxy: NgDictionary): ProxyStatistics {
  const counts = new Map<string, number>()
  for (const [key, value] of proxy) {
    const command = /^(.+)count$/.exec(key)?.[1]
    const count = asNumber(value)
    if (command !== undefined && command !== 'error' && count !== undefined) counts.set(command, count)
  }
  return { proxy: textAt(proxy, 'proxy') ?? '', counts, errors: numberAt(proxy, 'errorcount') ?? 0 }
}
