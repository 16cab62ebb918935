import { PeerError } from '../../../util/errors.ts'
import type { NgDictionary } from '../message/message.ts'
import type { CallStatistics } from './call-statistics.ts'
import { dictionariesAt, numberAt, textAt, textsAt } from './fields.ts'

/** What every command answers when it did what it was asked. */
export interface CommandResult {
  /** Something that did not go as it should and was no reason to refuse. */
  readonly warning: string | undefined
  /** The whole reply, for keys that have no field here. */
  readonly reply: NgDictionary
}

export interface SdpResult extends CommandResult {
  /** To be put into the SIP message instead of the one that was sent to the engine. */
  readonly sdp: string
}

export interface PingResult {
  /** Milliseconds between the first sending and the pong. */
  readonly roundTrip: number
}

export interface DeleteResult extends CommandResult {
  /** What the engine counted; undefined where it did not know the call. */
  readonly call: CallStatistics | undefined
}

export interface SubscribeResult extends SdpResult {
  /** The parties subscribed to. */
  readonly fromTags: readonly string[]
  /** The subscriber's tag, needed to answer and to unsubscribe. */
  readonly toTag: string
}

export interface PlayMediaResult extends CommandResult {
  /** Milliseconds, where the engine knows. */
  readonly duration: number | undefined
}

export interface StopMediaResult extends CommandResult {
  /** The frame at which playing stopped, where the engine tells. */
  readonly lastFramePos: number | undefined
}

export interface TransformResult extends CommandResult {
  readonly callId: string
  readonly fromTag: string
  /** Where the engine expects what is to be transcoded, one entry a medium. */
  readonly media: readonly TransformEndpoint[]
}

export interface TransformEndpoint {
  readonly id: string | undefined
  readonly family: string
  readonly address: string
  readonly port: number
}

export function commandResult(reply: NgDictionary): CommandResult {
  return { warning: textAt(reply, 'warning'), reply }
}

export function sdpResult(reply: NgDictionary): SdpResult {
  return { ...commandResult(reply), sdp: required(reply, 'sdp') }
}

export function subscribeResult(reply: NgDictionary): SubscribeResult {
  const fromTags = textsAt(reply, 'from-tags')
  const fromTag = textAt(reply, 'from-tag')
  return {
    ...sdpResult(reply),
    fromTags: fromTags.length === 0 && fromTag !== undefined ? [fromTag] : fromTags,
    toTag: required(reply, 'to-tag'),
  }
}

export function playMediaResult(reply: NgDictionary): PlayMediaResult {
  return { ...commandResult(reply), duration: numberAt(reply, 'duration') }
}

export function stopMediaResult(reply: NgDictionary): StopMediaResult {
  return { ...commandResult(reply), lastFramePos: numberAt(reply, 'last-frame-pos') }
}

export function transformResult(reply: NgDictionary): TransformResult {
  return {
    ...commandResult(reply),
    callId: required(reply, 'call-id'),
    fromTag: required(reply, 'from-tag'),
    media: dictionariesAt(reply, 'media').map(medium => ({
      id: textAt(medium, 'id'),
      family: required(medium, 'family'),
      address: required(medium, 'address'),
      port: requiredNumber(medium, 'port'),
    })),
  }
}

function required(reply: NgDictionary, key: string): string {
  const value = textAt(reply, key)
  if (value === undefined) throw missing(key)
  return value
}

function requiredNumber(reply: NgDictionary, key: string): number {
  const value = numberAt(reply, key)
  if (value === undefined) throw missing(key)
  return value
}

/** A reply without a key that it must have. */
export function missing(key: string): PeerError {
  return new PeerError('ERR_RTPENGINE_REPLY', `it has no ${key}`)
}
