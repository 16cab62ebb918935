import { digitOf } from '../../../util/dtmf.ts'
import { decodeNgJson } from '../message/json.ts'
import type { NgDictionary } from '../message/message.ts'
import { asNumber, numberAt, textAt, textsAt } from '../results/fields.ts'

/** A DTMF event that a party of a call sent, told by the engine when it has ended. */
export interface DtmfEvent {
  readonly callId: string
  readonly sourceTag: string
  readonly sourceLabel: string | undefined
  /** All parties' tags. */
  readonly tags: readonly string[]
  /** Seconds since 1970. */
  readonly timestamp: number | undefined
  readonly sourceIp: string | undefined
  /** RFC 4733 §3.2: 0 to 15 for `digit`, others for further events. */
  readonly event: number
  /** One of `0123456789*#ABCD`, where the event is one of them. */
  readonly digit: string | undefined
  /** Milliseconds. */
  readonly duration: number | undefined
  /** Decibels below full scale. */
  readonly volume: number | undefined
}

/** An event is a few hundred bytes, its tags apart. */
const LIMITS = { maxLength: 16_384, maxDepth: 4, maxItems: 1_024 }

/** Reads one datagram of the DTMF log; undefined for anything else. */
export function parseDtmfEvent(bytes: Uint8Array): DtmfEvent | undefined {
  try {
    const log = decodeNgJson(bytes, LIMITS)
    return log instanceof Map ? dtmfEvent(log) : undefined
  } catch {
    // whatever it was, it is no event
    return undefined
  }
}

/** Reads an event from its dictionary, however that came; undefined for anything else. */
export function dtmfEvent(log: NgDictionary): DtmfEvent | undefined {
  const callId = textAt(log, 'callid')
  const sourceTag = textAt(log, 'source_tag')
  const event = asNumber(log.get('event'))
  if (textAt(log, 'type') !== 'DTMF') return undefined
  if (callId === undefined || sourceTag === undefined || event === undefined) return undefined
  return {
    callId,
    sourceTag,
    sourceLabel: textAt(log, 'source_label'),
    tags: textsAt(log, 'tags'),
    timestamp: numberAt(log, 'timestamp'),
    sourceIp: textAt(log, 'source_ip'),
    event,
    digit: digitOf(event),
    duration: numberAt(log, 'duration'),
    volume: numberAt(log, 'volume'),
  }
}
