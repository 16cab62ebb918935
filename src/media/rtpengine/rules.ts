import { familyOf } from '../../util/address.ts'
import { UsageError } from '../../util/errors.ts'
import type { NgOptions } from './keys.ts'
import type { OfferOptions } from './options.ts'

/**
 * What makes no sense, refused before it is sent: options that belong to another command, that contradict each other,
 * or whose value cannot be. The types refuse most of it already; this is for callers without them.
 */
export function checkOptions(command: string, options: NgOptions): void {
  refuseMisplaced(command, options)
  refuseContradictions(options)
  checkNumbers(options)
  checkAddresses(options)
}

const OFFER_ONLY = [
  'direction',
  'fromInterface',
  'toInterface',
  'iceLite',
  'ptime',
  'ptimeReverse',
  't38',
] as const

function refuseMisplaced(command: string, options: NgOptions): void {
  if (command !== 'offer') {
    for (const option of OFFER_ONLY) {
      if (options[option] !== undefined) {
        refuse(option, `makes no sense in "${command}": the offer settles it`)
      }
    }
    if (hasFlag(options, 'reset')) refuse('flag reset', `stands in an offer only, not in "${command}"`)
  }
  if (command !== 'delete' && hasFlag(options, 'fatal')) refuse('flag fatal', 'stands in a delete only')
  if (command !== 'answer' && options.transportProtocol === 'accept') {
    refuse('transportProtocol accept', 'stands in an answer only')
  }
}

const OPPOSITE_FLAGS = [
  ['symmetric', 'asymmetric'],
  ['trust-address', 'SIP-source-address'],
  ['port-latching', 'no-port-latching'],
  ['strict-source', 'media-handover'],
  ['full-rtcp-attribute', 'no-rtcp-attribute'],
] as const

const OPPOSITE_MUX = [
  ['accept', 'reject'],
  ['accept', 'demux'],
  ['demux', 'reject'],
  ['demux', 'offer'],
  ['demux', 'require'],
] as const

function refuseContradictions(options: NgOptions): void {
  for (const [one, other] of OPPOSITE_FLAGS) {
    if (hasFlag(options, one) && hasFlag(options, other)) refuse(`flag ${one}`, `contradicts ${other}`)
  }
  const mux: unknown = options.rtcpMux
  if (Array.isArray(mux)) {
    for (const [one, other] of OPPOSITE_MUX) {
      if (mux.includes(one) && mux.includes(other)) refuse(`rtcpMux ${one}`, `contradicts ${other}`)
    }
  }
  if (options.direction !== undefined && (options.fromInterface ?? options.toInterface) !== undefined) {
    refuse('direction', 'says what fromInterface and toInterface say: give one or the others')
  }
  if (options.recordCall === false && hasFlag(options, 'record-call')) {
    refuse('recordCall false', 'contradicts the flag record-call')
  }
  if (hasFlag(options, 'reject-ICE') && (options.ice === 'force' || options.ice === 'force-relay')) {
    refuse('flag reject-ICE', `contradicts ice: '${options.ice}'`)
  }
  const sources = [options.file, options.blob, options.dbId].filter(source => source !== undefined)
  if (sources.length > 1) refuse('file, blob and dbId', 'are one source each: give one of them')
}

const WHOLE = ['tos', 'ptime', 'ptimeReverse', 'dbId', 'startPos', 'repeatTimes', 'repeatDuration'] as const
const NOT_NEGATIVE = [
  'deleteDelay',
  'delayBuffer',
  'dtmfDelay',
  'triggerEndTime',
  'triggerEndDigits',
] as const

function checkNumbers(options: NgOptions): void {
  for (const option of WHOLE) checkInteger(options, option, Number.MIN_SAFE_INTEGER)
  for (const option of NOT_NEGATIVE) checkInteger(options, option, 0)
  checkInteger(options, 'limit', 1)
  for (const option of ['duration', 'pause'] as const) checkInteger(options, option, 100, 5000)
  checkInteger(options, 'volume', 0, 63)
  checkInteger(options, 'sipCode', 100, 699)
}

function checkInteger(
  options: NgOptions,
  option:
    | 'limit'
    | 'sipCode'
    | 'duration'
    | 'pause'
    | 'volume'
    | (typeof WHOLE)[number]
    | (typeof NOT_NEGATIVE)[number],
  least: number,
  most: number = Number.MAX_SAFE_INTEGER,
): void {
  const value = options[option]
  if (value === undefined) return
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= least && value <= most) return
  const range =
    most === Number.MAX_SAFE_INTEGER ? (least < 0 ? '' : ` of ${least} or more`) : ` from ${least} to ${most}`
  refuse(option, `must be an integer${range}`)
}

function checkAddresses(options: NgOptions): void {
  const { mediaAddress, receivedFrom } = options
  if (
    mediaAddress !== undefined &&
    (typeof mediaAddress !== 'string' || familyOf(mediaAddress) === undefined)
  ) {
    refuse('mediaAddress', 'must be a numeric IPv4 or IPv6 address')
  }
  if (receivedFrom !== undefined) checkReceivedFrom(receivedFrom)
}

function checkReceivedFrom(receivedFrom: NonNullable<OfferOptions['receivedFrom']>): void {
  const [name, address] = typeof receivedFrom === 'string' ? [undefined, receivedFrom] : receivedFrom
  const family = familyOf(address)
  if (family === undefined) refuse('receivedFrom', 'must be a numeric IPv4 or IPv6 address')
  if (name !== undefined && name !== `IP${family}`)
    refuse('receivedFrom', `${address} is not of the family ${name}`)
}

function hasFlag(options: NgOptions, flag: string): boolean {
  return options.flags?.includes(flag) === true || options.otherFlags?.includes(flag) === true
}

function refuse(option: string, problem: string): never {
  throw new UsageError('ERR_RTPENGINE_OPTION', `${option} ${problem}`)
}
