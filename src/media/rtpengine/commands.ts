import { UsageError } from '../../util/errors.ts'
import type {
  BlockDtmfOptions,
  ConnectOptions,
  DeleteOptions,
  PartyOptions,
  PlayDtmfOptions,
  PlayMediaOptions,
  QueryOptions,
  RecordingOptions,
  StopMediaOptions,
  SubscribeAnswerOptions,
  SubscribeRequestOptions,
  TransformMedia,
  TransformOptions,
} from './command-options.ts'
import { type NgKeys, type NgOptions, ngKeys } from './keys.ts'
import type { NgDictionary } from './message/message.ts'
import type { AnswerOptions, OfferOptions, PublishOptions, RequestOptions } from './options.ts'
import { type CallStatistics, callStatistics } from './results/call-statistics.ts'
import {
  type CommandResult,
  commandResult,
  type DeleteResult,
  missing,
  type PlayMediaResult,
  playMediaResult,
  type SdpResult,
  type StopMediaResult,
  type SubscribeResult,
  sdpResult,
  stopMediaResult,
  subscribeResult,
  type TransformResult,
  transformResult,
} from './results/results.ts'
import { checkOptions } from './rules.ts'

/**
 * The commands of the NG protocol that concern a call, one method each, alike for one engine and for a pool of them.
 *
 * Each throws a UsageError at once for options that make no sense, and rejects with an RtpEngineTimeoutError, an
 * RtpEngineRefusedError, an RtpEngineReplyError, an RtpEngineCarrierError, or the reason of its AbortSignal. Tags and
 * Call-IDs are those of the SIP dialog; from- and to-tag are the offerer's and the answerer's, whoever sends now.
 */
export abstract class RtpEngineCommands {
  /** Gives the engine an offer and gets the one to send on. Opens the call where the engine does not know it. */
  offer(sdp: string, callId: string, fromTag: string, options: OfferOptions = {}): Promise<SdpResult> {
    return this.run('offer', { ...options, sdp, callId, fromTag }, sdpResult)
  }

  /** Gives the engine the answer to an offer and gets the one to send on. */
  answer(
    sdp: string,
    callId: string,
    fromTag: string,
    toTag: string,
    options: AnswerOptions = {},
  ): Promise<SdpResult> {
    return this.run('answer', { ...options, sdp, callId, fromTag, toTag }, sdpResult)
  }

  /** Ends the call, or one branch of it. A call unknown to the engine is a warning, with the flag `fatal` an error. */
  delete(callId: string, fromTag: string, options: DeleteOptions = {}): Promise<DeleteResult> {
    return this.run('delete', { ...options, callId, fromTag }, reply => ({
      ...commandResult(reply),
      call: callStatistics(reply),
    }))
  }

  /** What the engine knows of a call: parties, ports, learnt addresses, counters. */
  query(callId: string, options: QueryOptions = {}): Promise<CallStatistics> {
    return this.run('query', { ...options, callId }, reply => {
      const call = callStatistics(reply)
      if (call === undefined) throw missing('created')
      return call
    })
  }

  /** Records the call from now on; the option `recordCall` of the offer records all of it. */
  startRecording(callId: string, options: RecordingOptions = {}): Promise<CommandResult> {
    return this.run('start recording', { ...options, callId }, commandResult)
  }

  stopRecording(callId: string, options: RecordingOptions = {}): Promise<CommandResult> {
    return this.run('stop recording', { ...options, callId }, commandResult)
  }

  /** Stops recording but keeps the file open. Not known to 10.5. */
  pauseRecording(callId: string, options: RecordingOptions = {}): Promise<CommandResult> {
    return this.run('pause recording', { ...options, callId }, commandResult)
  }

  /** The recording daemon forwards decoded audio over TCP or TLS. */
  startForwarding(callId: string, options: PartyOptions = {}): Promise<CommandResult> {
    return this.run('start forwarding', { ...options, callId }, commandResult)
  }

  stopForwarding(callId: string, options: PartyOptions = {}): Promise<CommandResult> {
    return this.run('stop forwarding', { ...options, callId }, commandResult)
  }

  /** Keeps DTMF events (RFC 4733) from the other side, of the whole call or of one party. */
  blockDtmf(callId: string, options: BlockDtmfOptions = {}): Promise<CommandResult> {
    return this.run('block DTMF', { ...options, callId }, commandResult)
  }

  unblockDtmf(callId: string, options: BlockDtmfOptions = {}): Promise<CommandResult> {
    return this.run('unblock DTMF', { ...options, callId }, commandResult)
  }

  /** Drops media packets, of the whole call, of one party, or of one flow (`toTag`). DTMF events still pass. */
  blockMedia(callId: string, options: PartyOptions = {}): Promise<CommandResult> {
    return this.run('block media', { ...options, callId }, commandResult)
  }

  unblockMedia(callId: string, options: PartyOptions = {}): Promise<CommandResult> {
    return this.run('unblock media', { ...options, callId }, commandResult)
  }

  /** As `blockMedia`, but with silence in place of what was said; for G.711 and G.722 only. */
  silenceMedia(callId: string, options: PartyOptions = {}): Promise<CommandResult> {
    return this.run('silence media', { ...options, callId }, commandResult)
  }

  unsilenceMedia(callId: string, options: PartyOptions = {}): Promise<CommandResult> {
    return this.run('unsilence media', { ...options, callId }, commandResult)
  }

  /** Plays a file to one party or to all. */
  playMedia(callId: string, options: PlayMediaOptions): Promise<PlayMediaResult> {
    if (options.file === undefined && options.blob === undefined && options.dbId === undefined) {
      throw new UsageError('ERR_RTPENGINE_OPTION', 'playMedia needs one of file, blob and dbId')
    }
    return this.run('play media', { ...options, callId }, playMediaResult)
  }

  stopMedia(callId: string, options: StopMediaOptions): Promise<StopMediaResult> {
    return this.run('stop media', { ...options, callId }, stopMediaResult)
  }

  /**
   * Sends a DTMF event as if the party had pressed the key: `code` is 0 to 15 or one of `0123456789*#ABCD`. The call
   * must have had the flag `inject-DTMF` in its offer and its answer.
   */
  playDtmf(callId: string, code: number | string, options: PlayDtmfOptions): Promise<CommandResult> {
    const known =
      typeof code === 'number' ? Number.isInteger(code) && code >= 0 && code <= 15 : /^[0-9*#A-D]$/.test(code)
    if (!known)
      throw new UsageError('ERR_RTPENGINE_OPTION', 'a DTMF code is 0 to 15 or one of 0123456789*#ABCD')
    return this.run('play DTMF', { ...options, callId, code }, commandResult)
  }

  /** Gives the engine media that others may subscribe to, described by a `sendonly` SDP; the result is its answer. */
  publish(sdp: string, callId: string, fromTag: string, options: PublishOptions = {}): Promise<SdpResult> {
    return this.run('publish', { ...options, sdp, callId, fromTag }, sdpResult)
  }

  /** Asks for a copy of the media of one party or of several; the result holds the engine's offer. */
  subscribeRequest(callId: string, options: SubscribeRequestOptions): Promise<SubscribeResult> {
    return this.run('subscribe request', { ...options, callId }, subscribeResult)
  }

  /** Answers the offer of `subscribeRequest`, by the `toTag` of its result. */
  subscribeAnswer(
    sdp: string,
    callId: string,
    toTag: string,
    options: SubscribeAnswerOptions = {},
  ): Promise<CommandResult> {
    return this.run('subscribe answer', { ...options, sdp, callId, toTag }, commandResult)
  }

  unsubscribe(callId: string, toTag: string, options: RequestOptions = {}): Promise<CommandResult> {
    return this.run('unsubscribe', { ...options, callId, toTag }, commandResult)
  }

  /** Joins the media of two parties, also of two calls, without offer and answer. Not known to 10.5. */
  connect(
    callId: string,
    fromTag: string,
    toTag: string,
    options: ConnectOptions = {},
  ): Promise<CommandResult> {
    return this.run('connect', { ...options, callId, fromTag, toTag }, commandResult)
  }

  /** Transcodes media on its way to somewhere else, for nodes that do nothing else. Not known to 10.5. */
  transform(media: readonly TransformMedia[], options: TransformOptions = {}): Promise<TransformResult> {
    return this.run('transform', { ...options, media }, transformResult)
  }

  /** Any command with any keys, by their names on the wire: for what has no method here. */
  request(command: string, keys: NgKeys = {}, options: RequestOptions = {}): Promise<NgDictionary> {
    return this.perform(command, { ...keys, ...options.other }, options, reply => reply)
  }

  /** Checks the options, makes keys of them and performs the command. */
  protected run<T>(command: string, options: NgOptions, read: (reply: NgDictionary) => T): Promise<T> {
    checkOptions(command, options)
    return this.perform(command, ngKeys(options), options, read)
  }

  /**
   * Sends a command and reads the reply. `read` throws a PeerError where the reply lacks what it must have.
   */
  protected abstract perform<T>(
    command: string,
    keys: NgKeys,
    options: RequestOptions,
    read: (reply: NgDictionary) => T,
  ): Promise<T>
}
