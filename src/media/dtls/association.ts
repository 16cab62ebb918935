import { type Remote, sameRemote } from '../../util/address.ts'
import { EnvironmentError, type ResipError, UsageError } from '../../util/errors.ts'
import { guarded } from '../../util/guard.ts'
import type { Timer, TimerOwner } from '../../util/timers.ts'
import { CallbackErrors } from '../callback-errors.ts'
import { alertError, DtlsError, encodeAlert, isAlert, parseAlert } from './alert.ts'
import { type DtlsCounters, noCounts } from './counters.ts'
import type { PeerCertificate, Secret } from './crypto.ts'
import { type Fingerprint, fits } from './fingerprint.ts'
import { encodeFlight, type Flight } from './flight.ts'
import { readCertificate } from './handshake/certificate.ts'
import {
  encodeMessage,
  type HandshakeFragment,
  type HandshakeMessage,
  HandshakeType,
  readFragments,
} from './handshake/message.ts'
import {
  exportKeyingMaterial,
  masterSecret,
  type Randoms,
  recordKeys,
  srtpKeys,
  verifyData,
} from './key-schedule.ts'
import type { AssociationParts } from './options.ts'
import { Reassembly } from './reassembly.ts'
import {
  ContentType,
  DTLS_1_0,
  DTLS_1_2,
  type DtlsRecord,
  type Epoch,
  RecordLayer,
  readRecords,
} from './record.ts'
import { Retransmission } from './retransmission.ts'
import type { CommonInput, DtlsEvent } from './steps.ts'
import { type CipherSuite, type SignatureScheme, type SrtpProfile, signatureSchemes } from './suites.ts'

/** Milliseconds: a handshake that is not done by then has failed; a clear alert is believed after a silence of so much. */
const DEADLINE = 30_000
const DOUBT = 2_000
/** Records of epoch 1 that wait for its keys. */
const MOST_EARLY = 4

type TimerName = 'flight' | 'doubt' | 'deadline'
export type Side = 'client' | 'server'

/** What the hellos agreed on. */
export interface Agreed {
  readonly suite: CipherSuite
  readonly profile: SrtpProfile
  readonly randoms: Randoms
  /** RFC 7627. */
  readonly extended: boolean
}

/**
 * What both roles of a handshake share: records in and out, reassembly, transcript, keys, timers, and the steps of the tables.
 * A message is judged before its input is given to the machine, so that what is wrong with it is an input of its own.
 */
export abstract class Association implements TimerOwner<TimerName> {
  /** @internal */
  turn: unknown[] | null = null
  readonly counters: DtlsCounters = noCounts()
  protected readonly parts: AssociationParts
  protected readonly side: Side
  protected readonly layer: RecordLayer
  protected readonly reassembly: Reassembly = new Reassembly(0)
  protected flight: Flight = []
  protected remote: Remote | undefined
  protected agreed: Agreed | undefined
  protected peerCertificate: PeerCertificate | undefined
  #master: Secret | undefined
  #fingerprints: readonly Fingerprint[] | undefined
  #peerDer: Buffer | undefined
  #transcript: Buffer[] = []
  #nextSequence = 0
  #early: { readonly record: DtlsRecord; readonly from: Remote }[] = []
  #retransmission: Retransmission
  #flightTimer: Timer | undefined
  #doubtTimer: Timer | undefined
  #deadlineTimer: Timer | undefined
  #doubt: ResipError | undefined
  #renegotiationRefused = false
  #verified = false
  #callbacks: CallbackErrors

  constructor(parts: AssociationParts, side: Side) {
    const { options } = parts
    this.parts = parts
    this.side = side
    this.layer = new RecordLayer(parts.crypto)
    this.#retransmission = new Retransmission(options.roundTrip, options.mtu)
    this.#callbacks = new CallbackErrors(options)
    if (options.fingerprints !== undefined && options.fingerprints.length > 0)
      this.#fingerprints = options.fingerprints
  }

  /** A datagram of the peer, or of who says so; it is never written to. */
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
    this.#fingerprints = fingerprints
    if (this.#peerDer === undefined) return
    const good = fits(this.parts.crypto, this.#peerDer, fingerprints)
    this.input(good ? 'fingerprint fits' : 'fingerprint wrong', good ? {} : { error: mismatch() })
  }

  exportKeyingMaterial(label: string, length: number): Buffer {
    if (!this.#verified || this.agreed === undefined || this.#master === undefined) {
      throw new UsageError(
        'ERR_DTLS_EXPORTER',
        'no keying material yet: the handshake is not done, or the certificate not verified; wait for onKeys',
      )
    }
    const { suite, randoms } = this.agreed
    return exportKeyingMaterial(this.parts.crypto, suite, this.#master, randoms, label, length)
  }

  close(): void {
    this.input('close', {})
  }

  /** @internal */
  onTimer(name: TimerName): void {
    if (name === 'flight') this.input('time-out', {})
    else if (name === 'doubt')
      this.input('doubt over', this.#doubt === undefined ? {} : { error: this.#doubt })
    else {
      const message = `DTLS: no handshake within ${DEADLINE / 1000} s: the peer does not answer, or its answers do not arrive`
      this.input('deadline', { error: new EnvironmentError('ERR_DTLS_TIMEOUT', message) })
    }
  }

  protected abstract get ended(): boolean
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
    this.#retransmission.begin()
    this.#transmit()
    this.#startFlightTimer()
  }

  sendLastFlight(): void {
    this.#transmit()
  }

  sendAgain(): void {
    this.#retransmission.backOff()
    this.counters.retransmitted++
    this.#transmit()
    this.#startFlightTimer()
  }

  answerRepeated(): void {
    if (!this.#retransmission.mayAnswer(this.parts.options.timers.now())) return
    this.counters.retransmitted++
    this.#transmit()
    if (this.#flightTimer?.running) this.#startFlightTimer()
  }

  startDoubt(error: ResipError | undefined): void {
    this.#doubt ??= error
    this.#doubtTimer ??= this.parts.options.timers.start(this, 'doubt', DOUBT)
  }

  stopTimers(): void {
    this.#stopDoubt()
    this.parts.options.timers.stop(this.#flightTimer)
    this.parts.options.timers.stop(this.#deadlineTimer)
  }

  /** What only the handshake needed goes; the last flight stays, for the peer may ask for it again. */
  giveKeys(): void {
    const { agreed } = this
    if (agreed === undefined || this.#master === undefined) return
    this.#verified = true
    const { suite, profile, randoms } = agreed
    const keys = srtpKeys(this.parts.crypto, suite, this.#master, randoms, profile)
    const [local, remote] = this.side === 'client' ? [keys.client, keys.server] : [keys.server, keys.client]
    guarded(this.#failed, this.parts.user, this.parts.user.onKeys, { suite: profile.suite, local, remote })
  }

  sendAlert(error: ResipError | undefined): void {
    if (error instanceof DtlsError && error.alert !== undefined) this.#sendRecord(encodeAlert(error.alert))
  }

  refuseRenegotiation(): void {
    if (this.#renegotiationRefused) return
    this.#renegotiationRefused = true
    this.#sendRecord(encodeAlert('no_renegotiation'))
  }

  sendCloseNotify(): void {
    if (this.layer.isProtected) this.#sendRecord(encodeAlert('close_notify'))
  }

  release(): void {
    this.#verified = false
    this.#master = undefined
    this.#early = []
    this.flight = []
    this.forgetHandshake()
    this.layer.unprotect()
  }

  tellEnd(error: ResipError | undefined): void {
    guarded(this.#failed, this.parts.user, this.parts.user.onEnd, error)
  }

  protected send(datagram: Buffer, to: Remote | undefined): void {
    guarded(this.#failed, this.parts.user, this.parts.user.send, datagram, to)
  }

  /** A handshake begins, or begins anew: its first messages have this number, ours and the peer's. */
  protected beginTranscript(ours: number, theirs: number, hello: HandshakeMessage): void {
    this.layer.unprotect()
    this.reassembly.clear()
    this.reassembly.next = theirs
    this.#early = []
    this.#master = undefined
    this.#peerDer = undefined
    this.peerCertificate = undefined
    this.#nextSequence = ours
    this.#transcript = [encodeMessage(hello)]
  }

  /** What only the handshake needed. */
  protected forgetHandshake(): void {
    this.reassembly.clear()
    this.peerCertificate = undefined
    this.#transcript = []
  }

  protected addToTranscript(message: HandshakeMessage): void {
    this.#transcript.push(encodeMessage(message))
  }

  /** A message of ours, next in number, and in the transcript. */
  protected write(type: number, body: Buffer): HandshakeMessage {
    const message = { type, sequence: this.#nextSequence++, body }
    this.addToTranscript(message)
    return message
  }

  protected transcript(): Buffer {
    return Buffer.concat(this.#transcript)
  }

  /** RFC 8122 §6.2: the certificate is the one that signalling named, or nothing of it is used. */
  protected takeCertificate(body: Buffer): PeerCertificate {
    const der = readCertificate(body)
    if (der === undefined) {
      throw new DtlsError('DTLS: the peer has no certificate, which DTLS-SRTP needs', 'handshake_failure')
    }
    if (this.#fingerprints !== undefined && !fits(this.parts.crypto, der, this.#fingerprints))
      throw mismatch()
    const certificate = this.parts.crypto.certificate(der)
    this.#peerDer = der
    this.peerCertificate = certificate
    return certificate
  }

  /** @throws DtlsError where the scheme was not offered, is not of the certificate's key, or the signature is false */
  protected checkSignature(code: number, data: Buffer, signature: Buffer): void {
    const scheme = signatureSchemes.find(known => known.code === code)
    const certificate = this.peerCertificate
    if (scheme === undefined || certificate === undefined || scheme.key !== certificate.type) {
      throw new DtlsError(
        `DTLS: the peer signs with scheme ${code}, which was not offered`,
        'illegal_parameter',
      )
    }
    if (!this.parts.crypto.verify(scheme, certificate, data, signature)) {
      throw new DtlsError('DTLS: the peer has not the key of its certificate', 'decrypt_error')
    }
  }

  /** The scheme to sign with, of those that the peer reads. */
  protected schemeFor(codes: readonly number[]): SignatureScheme {
    const { type } = this.parts.identity.key
    const scheme = signatureSchemes.find(({ key, code }) => key === type && codes.includes(code))
    if (scheme !== undefined) return scheme
    throw new DtlsError(
      `DTLS: the peer reads no signature of an ${type} key that we make`,
      'handshake_failure',
    )
  }

  /** Master secret and record keys (RFC 5246 §8.1, RFC 7627 §4); the transcript ends with ClientKeyExchange. */
  protected makeKeys({ suite, randoms, extended }: Agreed, premaster: Secret): void {
    const { crypto } = this.parts
    const sessionHash = extended ? crypto.hash(suite.hash, this.#transcript) : undefined
    this.#master = masterSecret(crypto, suite, premaster, randoms, sessionHash)
    const { client, server } = recordKeys(crypto, suite, this.#master, randoms)
    if (this.side === 'client') this.layer.protect(server, client)
    else this.layer.protect(client, server)
  }

  protected writeFinished(): HandshakeMessage {
    return this.write(HandshakeType.finished, this.#verifyData(this.side))
  }

  /** The peer's Finished, which ends the handshake where it is true. */
  protected takeFinished(message: HandshakeMessage): void {
    const expected = this.#verifyData(this.side === 'client' ? 'server' : 'client')
    if (!this.parts.crypto.equal(message.body, expected)) {
      throw new DtlsError("DTLS: the peer's Finished does not fit the handshake", 'decrypt_error')
    }
    this.addToTranscript(message)
  }

  protected endHandshake(): void {
    this.forgetHandshake()
    this.input(this.#fingerprints === undefined ? 'finished unverified' : 'finished', {})
  }

  /** The handshake has moved on: what a clear alert said was not the peer's word, or not its last. */
  protected moveOn(): void {
    this.#stopDoubt()
  }

  /** Judges what came; what is wrong with it becomes an input. */
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
    if (this.parts.options.proven || this.remote === undefined || sameRemote(from, this.remote)) return false
    this.counters.strangers++
    return true
  }

  #verifyData(side: Side): Buffer {
    if (this.agreed === undefined || this.#master === undefined) {
      throw new DtlsError('DTLS: Finished before there are keys', 'unexpected_message')
    }
    return verifyData(this.parts.crypto, this.agreed.suite, this.#master, side, this.#transcript)
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
    if (fragment.sequence < this.reassembly.next) {
      this.onRepeated(fragment, from)
      return
    }
    if (this.finished || !this.reassembly.add(fragment)) {
      this.counters.fragments++
      return
    }
    this.judge(() => {
      for (let message = this.reassembly.take(); message !== undefined; message = this.reassembly.take()) {
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
    } else if (isAlert(alert, 'close_notify')) this.input('close notify', {})
    else if (alert.fatal) this.input('fatal alert', { error: alertError(alert) })
    else this.counters.alerts++
  }

  #transmit(): void {
    for (const datagram of encodeFlight(this.flight, this.layer, this.#retransmission.mtu)) {
      this.send(datagram, this.remote)
    }
    this.#retransmission.sent(this.parts.options.timers.now())
  }

  #sendRecord(alert: Buffer): void {
    const epoch: Epoch = this.layer.isProtected ? 1 : 0
    this.send(this.layer.seal(ContentType.alert, DTLS_1_2, epoch, alert), this.remote)
  }

  #startFlightTimer(): void {
    const { timers } = this.parts.options
    const delay = this.#retransmission.timeout
    if (this.#flightTimer === undefined) this.#flightTimer = timers.start(this, 'flight', delay)
    else timers.restart(this.#flightTimer, delay)
  }

  #stopDoubt(): void {
    this.parts.options.timers.stop(this.#doubtTimer)
    this.#doubtTimer = undefined
    this.#doubt = undefined
  }

  readonly #failed = (error: unknown): void => {
    this.counters.callbackErrors++
    this.#callbacks.failed(error)
  }
}

/** RFC 6347 §4.2.1: hellos may come as of DTLS 1.0, and so may the alert of who knows nothing newer. */
function isTakenVersion({ version, epoch, type, fragment }: DtlsRecord): boolean {
  if (version === DTLS_1_2) return true
  if (version !== DTLS_1_0 || epoch !== 0) return false
  if (type === ContentType.alert) return true
  const [message = -1] = fragment
  return (
    type === ContentType.handshake &&
    message >= HandshakeType.clientHello &&
    message <= HandshakeType.helloVerifyRequest
  )
}

function mismatch(): DtlsError {
  return new DtlsError(
    "DTLS: the peer's certificate is not the one whose fingerprint signalling named: no media key is used; either somebody stands between, or the fingerprint is of another call",
    'bad_certificate',
    'ERR_DTLS_FINGERPRINT',
  )
}
