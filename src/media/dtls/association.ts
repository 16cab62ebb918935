import { type Remote, sameRemote } from '../../util/address.ts'
import { EnvironmentError, type ResipError } from '../../util/errors.ts'
import type { Timer, TimerOwner } from '../../util/timers.ts'
import { alertError, DtlsError, isAlert, parseAlert } from './alert.ts'
import { type DtlsCounters, noCounts } from './counters.ts'
import type { Fingerprint } from './fingerprint.ts'
import {
  type HandshakeFragment,
  type HandshakeMessage,
  HandshakeType,
  readFragments,
} from './handshake/message.ts'
import type { AssociationParts } from './options.ts'
import { Peer } from './peer.ts'
import { Reassembly } from './reassembly.ts'
import { ContentType, type DtlsRecord, isTakenVersion, RecordLayer, readRecords } from './record.ts'
import { HandshakeSecrets, notYet, type Side } from './secrets.ts'
import { Sender } from './sender.ts'
import type { CommonInput, DtlsEvent } from './steps.ts'

/** Milliseconds: a handshake that is not done by then has failed; a clear alert is believed after a silence of so much. */
const DEADLINE = 30_000
const DOUBT = 2_000
/** Records of epoch 1 that wait for its keys. */
const MOST_EARLY = 4

type TimerName = 'flight' | 'doubt' | 'deadline'

/**
 * What both roles of a handshake share: the way of a record in, and the steps of the tables. A message is judged before
 * its input is given to the machine, so that what is wrong with it is an input of its own.
 */
export abstract class Association implements TimerOwner<TimerName> {
  /** @internal */
  turn: unknown[] | null = null
  readonly counters: DtlsCounters = noCounts()
  protected readonly parts: AssociationParts
  protected readonly layer: RecordLayer
  protected readonly secrets: HandshakeSecrets
  protected readonly peer: Peer
  protected readonly sender: Sender
  readonly #side: Side
  readonly #reassembly = new Reassembly(0)
  #nextSequence = 0
  #early: { readonly record: DtlsRecord; readonly from: Remote }[] = []
  #flightTimer: Timer | undefined
  #doubtTimer: Timer | undefined
  #deadlineTimer: Timer | undefined
  #doubt: ResipError | undefined
  #renegotiationRefused = false
  #verified = false

  constructor(parts: AssociationParts, side: Side) {
    const { crypto, options, user } = parts
    this.parts = parts
    this.layer = new RecordLayer(crypto)
    this.secrets = new HandshakeSecrets(crypto)
    this.peer = new Peer(crypto, options.fingerprints)
    this.sender = new Sender(options, user, this.layer, this.counters)
    this.#side = side
  }

  /** A datagram of the peer, or of who says so. */
  receive(datagram: Buffer, from: Remote): void {
    if (this.ended) {
      this.counters.late++
      return
    }
    const { records, rest } = readRecords(datagram)
    if (rest > 0) this.counters.malformed++
    for (const record of records) {
      this.#receiveRecord(record, from)
      this.#receiveEarly()
    }
  }

  setRemoteFingerprints(fingerprints: readonly Fingerprint[]): void {
    const verdict = this.peer.name(fingerprints)
    if (verdict === 'fits') this.input('fingerprint fits', {})
    else if (verdict !== undefined) this.input('fingerprint wrong', { error: verdict })
  }

  exportKeyingMaterial(label: string, length: number): Buffer {
    if (!this.#verified) throw notYet()
    return this.secrets.export(label, length)
  }

  close(): void {
    this.input('close', {})
  }

  /** @internal */
  onTimer(name: TimerName): void {
    if (name === 'flight') this.input('time-out', {})
    else if (name === 'doubt')
      this.input('doubt over', this.#doubt === undefined ? {} : { error: this.#doubt })
    else this.input('deadline', { error: timedOut() })
  }

  protected abstract get ended(): boolean
  /** The handshake is done. */
  protected abstract get finished(): boolean
  protected abstract input(input: CommonInput, event: DtlsEvent): void
  protected abstract onMessage(message: HandshakeMessage): void
  /** A fragment of a message that was taken before. */
  protected abstract onRepeated(fragment: HandshakeFragment, from: Remote): void
  /** True where a fragment is not for the reassembly. */
  protected abstract claims(fragment: HandshakeFragment, record: DtlsRecord, from: Remote): boolean

  startDeadline(): void {
    this.#deadlineTimer ??= this.parts.options.timers.start(this, 'deadline', DEADLINE)
  }

  sendFlight(): void {
    this.sender.sendFirst()
    this.#startFlightTimer()
  }

  sendLastFlight(): void {
    this.sender.sendFirst()
  }

  sendAgain(): void {
    this.sender.sendAfterTimeout()
    this.#startFlightTimer()
  }

  answerRepeated(): void {
    if (this.sender.sendForRepeated() && this.#flightTimer?.running) this.#startFlightTimer()
  }

  startDoubt(error: ResipError | undefined): void {
    this.#doubt ??= error
    this.#doubtTimer ??= this.parts.options.timers.start(this, 'doubt', DOUBT)
  }

  stopTimers(): void {
    this.moveOn()
    this.parts.options.timers.stop(this.#flightTimer)
    this.parts.options.timers.stop(this.#deadlineTimer)
  }

  giveKeys(): void {
    this.#verified = true
    const { profile, client, server } = this.secrets.srtpKeys()
    const [local, remote] = this.#side === 'client' ? [client, server] : [server, client]
    this.sender.tellKeys({ suite: profile.suite, local, remote })
  }

  sendAlert(error: ResipError | undefined): void {
    if (error instanceof DtlsError && error.alert !== undefined) this.sender.sendAlert(error.alert)
  }

  refuseRenegotiation(): void {
    if (this.#renegotiationRefused) return
    this.#renegotiationRefused = true
    this.sender.sendAlert('no_renegotiation')
  }

  /** Only under the keys: in the clear nobody would believe it. */
  sendCloseNotify(): void {
    if (this.layer.isProtected) this.sender.sendAlert('close_notify')
  }

  release(): void {
    this.#verified = false
    this.#early = []
    this.sender.flight = []
    this.forgetHandshake()
    this.secrets.forget()
    this.peer.forget()
    this.layer.unprotect()
  }

  tellEnd(error: ResipError | undefined): void {
    this.sender.tellEnd(error)
  }

  /** A handshake begins, or begins anew: the next messages have these numbers, ours and the peer's. */
  protected beginHandshake(ours: number, theirs: number, hello: HandshakeMessage): void {
    this.layer.unprotect()
    this.#reassembly.clear()
    this.#reassembly.next = theirs
    this.#early = []
    this.#nextSequence = ours
    this.peer.forget()
    this.secrets.begin(hello)
  }

  /** What only the handshake needed; its last flight stays, for the peer may ask for it again. */
  protected forgetHandshake(): void {
    this.#reassembly.clear()
    this.peer.forgetKey()
    this.secrets.forgetTranscript()
  }

  /** A message of ours, next in number, and in the transcript. */
  protected write(type: number, body: Buffer): HandshakeMessage {
    const message = { type, sequence: this.#nextSequence++, body }
    this.secrets.add(message)
    return message
  }

  protected writeFinished(): HandshakeMessage {
    return this.write(HandshakeType.finished, this.secrets.verifyData(this.#side))
  }

  /** The peer's Finished (RFC 5246 §7.4.9). @throws DtlsError */
  protected takeFinished(message: HandshakeMessage): void {
    const expected = this.secrets.verifyData(this.#side === 'client' ? 'server' : 'client')
    if (!this.parts.crypto.equal(message.body, expected)) {
      throw new DtlsError("DTLS: the peer's Finished does not fit the handshake", 'decrypt_error')
    }
    this.secrets.add(message)
  }

  protected endHandshake(): void {
    this.forgetHandshake()
    this.input(this.peer.isNamed ? 'finished' : 'finished unverified', {})
  }

  /** The handshake has moved on: what a clear alert said was not the peer's word, or not its last. */
  protected moveOn(): void {
    this.parts.options.timers.stop(this.#doubtTimer)
    this.#doubtTimer = undefined
    this.#doubt = undefined
  }

  /** What is wrong with what came becomes an input. */
  protected judge(work: () => void): void {
    try {
      work()
    } catch (error) {
      if (!(error instanceof DtlsError)) throw error
      this.input('broken rule', { error })
    }
  }

  /** Records in the clear are taken from the peer of this handshake alone, unless ICE says who that is. */
  protected isStranger(from: Remote): boolean {
    const { remote } = this.sender
    if (this.parts.options.proven || remote === undefined || sameRemote(from, remote)) return false
    this.counters.strangers++
    return true
  }

  #receiveRecord(record: DtlsRecord, from: Remote): void {
    if (this.ended) return
    if (!isTakenVersion(record)) {
      this.counters.version++
      return
    }
    const payload = this.layer.open(record)
    if (payload === 'early') this.#keepEarly(record, from)
    else if (typeof payload === 'string') this.counters[payload]++
    else if (record.type === ContentType.handshake) this.#receiveHandshake(record, payload, from)
    else if (record.type === ContentType.alert) this.#receiveAlert(record, payload, from)
    else if (record.type === ContentType.applicationData) this.counters.application++
    // the epoch of a record says what ChangeCipherSpec would
    else if (record.type !== ContentType.changeCipherSpec) this.counters.malformed++
  }

  #keepEarly(record: DtlsRecord, from: Remote): void {
    // a view would keep the datagram
    this.#early.push({ record: { ...record, fragment: Buffer.from(record.fragment) }, from })
    if (this.#early.length <= MOST_EARLY) return
    this.#early.shift()
    this.counters.early++
  }

  #receiveEarly(): void {
    if (!this.layer.isProtected || this.#early.length === 0) return
    const waiting = this.#early
    this.#early = []
    for (const { record, from } of waiting) this.#receiveRecord(record, from)
  }

  #receiveHandshake(record: DtlsRecord, payload: Buffer, from: Remote): void {
    const fragments = readFragments(payload)
    if (fragments === undefined) {
      this.counters.malformed++
      return
    }
    for (const fragment of fragments) {
      if (!this.ended && !this.claims(fragment, record, from)) this.#reassemble(fragment, record, from)
    }
  }

  #reassemble(fragment: HandshakeFragment, { epoch }: DtlsRecord, from: Remote): void {
    // a clear Finished would hold the place of the true one
    if (epoch !== (fragment.type === HandshakeType.finished ? 1 : 0)) {
      this.counters.epoch++
      return
    }
    if (epoch === 0 && this.isStranger(from)) return
    if (fragment.sequence < this.#reassembly.next) {
      this.onRepeated(fragment, from)
      return
    }
    if (this.finished || !this.#reassembly.add(fragment)) {
      this.counters.fragments++
      return
    }
    this.judge(() => {
      for (let message = this.#reassembly.take(); message !== undefined; message = this.#reassembly.take()) {
        this.moveOn()
        this.onMessage(message)
      }
    })
  }

  /** Who wrote a clear alert nobody knows (RFC 6347 §4.1.2.7): it is believed only where nothing else comes. */
  #receiveAlert({ epoch }: DtlsRecord, payload: Buffer, from: Remote): void {
    const alert = parseAlert(payload)
    if (alert === undefined) this.counters.malformed++
    else if (epoch === 0) {
      if (this.isStranger(from)) return
      if (alert.fatal && !this.finished) this.input('clear alert', { error: alertError(alert) })
      else this.counters.alerts++
    } else if (isAlert(alert, 'close_notify')) {
      // before the keys are given it ends a handshake, and with it whoever waits for them
      this.input('close notify', this.#verified ? {} : { error: alertError(alert) })
    } else if (alert.fatal) this.input('fatal alert', { error: alertError(alert) })
    else this.counters.alerts++
  }

  #startFlightTimer(): void {
    const { timers } = this.parts.options
    if (this.#flightTimer === undefined) this.#flightTimer = timers.start(this, 'flight', this.sender.timeout)
    else timers.restart(this.#flightTimer, this.sender.timeout)
  }
}

function timedOut(): EnvironmentError {
  return new EnvironmentError(
    'ERR_DTLS_TIMEOUT',
    `DTLS: no handshake within ${DEADLINE / 1000} s: the peer does not answer, or its answers do not arrive`,
  )
}
