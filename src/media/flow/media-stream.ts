import { errorCode } from '../../net/failure.ts'
import { type Remote, sameRemote } from '../../util/address.ts'
import { guarded } from '../../util/guard.ts'
import type { RandomSource } from '../../util/random.ts'
import type { Timers } from '../../util/timers.ts'
import type { CallbackErrors } from '../callback-errors.ts'
import type { DtlsFactory } from '../dtls/factory.ts'
import type { DtlsKeys } from '../dtls/options.ts'
import type { PacketKind } from '../socket/packet-kind.ts'
import type { SrtpKeys, SrtpOptions } from '../srtp/keys.ts'
import type { SrtpSuite } from '../srtp/suites.ts'
import { Component } from './component.ts'
import { Destination, type DestinationOptions } from './destination.ts'
import { Flow } from './flow.ts'
import { FlowDtls } from './flow-dtls.ts'
import type { FlowPath } from './path.ts'
import type { Proof } from './proof.ts'
import { Protection } from './protection.ts'

/**
 * Who a stream reports to. Nothing is called after `close`. What a callback throws, or rejects with, is counted and goes to
 * `onCallbackError` of the manager; the stream goes on.
 */
export interface MediaStreamHandler {
  /**
   * Once, when all flows are ready and take what is sent: what peers are to be told. `rtcpTuple` is `undefined` without RTCP, and the RTP
   * tuple where both are multiplexed.
   */
  onMediaStreamReady?(rtpTuple: Remote, rtcpTuple: Remote | undefined): unknown
  /**
   * Once, where the stream cannot be had or has broken down: a stable code (`EADDRINUSE`, `ERR_STUN_TIMEOUT`,
   * `ERR_STUN_RESPONSE` …) and the error itself, whose `status` is the server's code where it refused. The stream is
   * of no use any more: close it.
   */
  onMediaStreamError?(errorCode: string, error: Error): unknown
  /** The tuples are others than were told: the NAT forgot the mapping, or the server the allocation. */
  onMediaStreamChanged?(rtpTuple: Remote, rtcpTuple: Remote | undefined): unknown
  /**
   * The TURN server refuses to relay to `address`: the error's `status` is 403 where its operator forbids that, 443 where the
   * relay is of the other family. What is sent there is dropped; the stream goes on.
   */
  onMediaStreamRefused?(flow: Flow, address: string, error: Error): unknown
  /**
   * A source has proved itself (`destination` of the options): the flow hears `remote` and sends there now. An RTP session
   * over the flow is to forget addresses (RFC 3550 §8.2).
   */
  onMediaStreamMoved?(flow: Flow, remote: Remote): unknown
  /** Keys of both directions are there, for each flow: what is sent and heard from now on is protected. */
  onMediaStreamSecured?(flow: Flow, suite: SrtpSuite): unknown
  /**
   * A new key of ours is in use. `rolledOver`: sequence numbers had begun anew under the old one, and peers do not agree
   * whether the roll-over counter then stays (RFC 3711 §3.3.1) or begins at 0 (RFC 4568 §6.4). Go on with a new SSRC, of which all
   * know that it begins at 0; a `MediaSession` does so by itself.
   */
  onMediaStreamRekeyed?(rolledOver: boolean): unknown
}

/** @internal */
export interface MediaStreamSetup {
  readonly handler: MediaStreamHandler
  readonly rtp: FlowPath
  /** A path of its own, or none where RTCP is off or multiplexed. */
  readonly rtcp: FlowPath | undefined
  readonly multiplexed: boolean
  /** RTCP's path needs what RTP's learns first: the reservation token. */
  readonly inTurn: boolean
  readonly timers: Timers
  readonly random: RandomSource
  /** That of the manager, once it has one. */
  readonly dtlsFactory: () => DtlsFactory | undefined
  readonly receiveQueue: number
  readonly recoveryAttempts: number
  /** Absent for bare flows. */
  readonly destination: DestinationOptions | undefined
  readonly errors: CallbackErrors
  readonly onClose: (stream: MediaStream) => void
}

/** The flows of one medium: RTP, and RTCP beside or within it. Made by `FlowManager.createMediaStream`. */
export class MediaStream {
  readonly rtpFlow: Flow
  /** `undefined` where RTCP is off. */
  readonly rtcpFlow: Flow | undefined
  readonly #setup: MediaStreamSetup
  readonly #components: Component[]
  readonly #protection: Protection
  readonly #dtls: FlowDtls | undefined
  #told: { readonly rtp: Remote; readonly rtcp: Remote | undefined } | undefined
  #failed = false
  #closing: Promise<void> | undefined

  /** @internal */
  constructor(setup: MediaStreamSetup) {
    this.#setup = setup
    const { rtp, rtcp, multiplexed } = setup
    this.#protection = new Protection(setup.timers, {
      onReadable: () => {
        for (const component of this.#components) component.releaseSrtp()
      },
      onSecured: suite => this.#onSecured(suite),
      onRekeyed: rolledOver => this.#onRekeyed(rolledOver),
      failed: setup.errors.failed,
    })
    const first = this.#component(rtp, (kind, bytes, from, proof) => this.#dispatch(kind, bytes, from, proof))
    const destination = this.#destination(rtp, undefined, () => this.rtpFlow)
    // an association for each port would bring keys for each (RFC 5764 §4.1): the stream has one pair
    this.#dtls = rtcp === undefined ? this.#association(first) : undefined
    this.rtpFlow = this.#flow('rtp', first, destination, this.#dtls)
    this.#components = [first]
    if (rtcp !== undefined) {
      const second = this.#component(rtcp, (kind, bytes, from, proof) =>
        this.rtcpFlow?.take(kind, bytes, from, proof),
      )
      this.#components.push(second)
      this.rtcpFlow = this.#flow(
        'rtcp',
        second,
        this.#destination(rtcp, destination, () => this.rtcpFlow),
      )
    } else if (multiplexed) this.rtcpFlow = this.#flow('rtcp', first, destination)
  }

  get isReady(): boolean {
    return this.#components.every(({ state }) => state === 'Ready')
  }

  /** @internal begins; the handler hears how it ends */
  start(): void {
    const [first, ...others] = this.#components
    first?.connect()
    if (!this.#setup.inTurn) for (const component of others) component.connect()
  }

  /**
   * From now on what we send, on both flows, is protected (RFC 3711); and plain RTP is dropped both ways, for good. Called again
   * with another key, that one comes into use once the peer shows its own new key, or after 500 ms; the same again changes
   * nothing. False where the key has not the suite's length, where any of its octets were in use before, be it with another suite, MKI
   * or lifetime, or after `failSRTP` or `close`. Throws a UsageError for an unknown suite, what is no key, or an option out of range.
   */
  createOutboundSRTPSession(suite: SrtpSuite, key: SrtpKeys, options: SrtpOptions = {}): boolean {
    return this.#protection.installOutbound(suite, key, options)
  }

  /**
   * The same for what the peer sends. Called again with another key, both are heard, the old one until 2 s after the change. What
   * came before the first key is read now: the newest 16 packets of each component.
   */
  createInboundSRTPSession(suite: SrtpSuite, key: SrtpKeys, options: SrtpOptions = {}): boolean {
    const installed = this.#protection.installInbound(suite, key, options)
    // signalling chose: how a handshake ends that a stranger began meanwhile is nothing to the stream
    if (installed) this.#dtls?.stop()
    return installed
  }

  /**
   * Keys are to come, by an answer or by DTLS, of which the peer may send the first record now: until then plain RTP is dropped both ways,
   * and SRTP waits.
   */
  expectSRTP(): void {
    this.#protection.expect()
    this.#dtls?.takeExpected()
  }

  /** No keys can be had: neither plain RTP nor SRTP passes from here on. */
  failSRTP(): void {
    this.#protection.fail()
    this.#dtls?.close()
    for (const component of this.#components) component.dropSrtp()
  }

  /** Signalling agreed on plain RTP again: the keys, the peer's fingerprint and the association are forgotten. Failed SRTP never comes to this by itself. */
  stopSRTP(): void {
    this.#protection.stop()
    this.#dtls?.stop()
    for (const component of this.#components) component.dropSrtp()
  }

  /** Closes the flows; allocations are given back. Nothing is called from here on. Resolves when the ports are free. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(): Promise<void> {
    this.rtpFlow.end()
    this.rtcpFlow?.end()
    this.#dtls?.close()
    this.#protection.close()
    await Promise.all(this.#components.map(component => component.close()))
    this.#setup.onClose(this)
  }

  #component(
    path: FlowPath,
    onPacket: (kind: PacketKind, bytes: Buffer, from: Remote, proof: Proof) => void,
  ): Component {
    const { timers, recoveryAttempts: attempts } = this.#setup
    return new Component(path, { attempts, timers }, this.#protection, {
      onConnected: () => this.#onConnected(),
      onReady: () => this.#report(),
      onChanged: () => this.#report(),
      onFailure: error => this.#onFailure(error),
      onRefused: (address, error) => this.#onRefused(this.#flowOf(path), address, error),
      onUnsent: count => {
        this.#flowOf(path).counters.unsent += count
      },
      onSendError: () => this.#flowOf(path).sendFailed(),
      onPacket,
      onSrtp: (kind, counted) => {
        const flow = kind === 'rtcp' ? (this.rtcpFlow ?? this.rtpFlow) : this.rtpFlow
        flow.counters.srtp[counted]++
      },
    })
  }

  #flow(
    kind: 'rtp' | 'rtcp',
    component: Component,
    destination: Destination | undefined,
    dtls?: FlowDtls,
  ): Flow {
    const { timers, receiveQueue, errors } = this.#setup
    return new Flow({ kind, component, destination, timers, receiveQueue, errors, dtls })
  }

  #association(component: Component): FlowDtls {
    const { timers, random, dtlsFactory } = this.#setup
    const protection = this.#protection
    return new FlowDtls({
      factory: dtlsFactory,
      timers,
      random,
      expect: () => protection.expect(),
      protection: () => protection.state,
      onKeys: keys => this.#installKeys(keys),
      onFailure: error => {
        this.failSRTP()
        this.#onFailure(error)
      },
      send: (datagram, to) => component.send(datagram, to),
      release: () => component.releaseDtls(),
    })
  }

  #installKeys({ suite, local, remote }: DtlsKeys): void {
    this.#protection.installInbound(suite, remote, {})
    this.#protection.installOutbound(suite, local, {})
  }

  #destination(
    path: FlowPath,
    rtp: Destination | undefined,
    flow: () => Flow | undefined,
  ): Destination | undefined {
    const { destination: options, timers, handler, errors } = this.#setup
    if (options === undefined) return undefined
    const onMoved = (remote: Remote): void => {
      const moved = flow()
      if (this.#closing !== undefined || moved === undefined) return
      if (moved.activeDestination !== undefined) path.activate(remote)
      guarded(errors.failed, handler, handler.onMediaStreamMoved, moved, remote)
    }
    return new Destination({
      options,
      remotes: path.remotes,
      now: () => timers.now(),
      rtp,
      failed: errors.failed,
      onMoved,
    })
  }

  #flowOf(path: FlowPath): Flow {
    return path === this.#setup.rtcp && this.rtcpFlow !== undefined ? this.rtcpFlow : this.rtpFlow
  }

  /** On a shared component RTCP goes to its own flow, and all else to RTP's. */
  #dispatch(kind: PacketKind, bytes: Buffer, from: Remote, proof: Proof): void {
    const flow = kind === 'rtcp' && this.#setup.multiplexed ? this.rtcpFlow : this.rtpFlow
    flow?.take(kind, bytes, from, proof)
  }

  #onConnected(): void {
    if (this.#setup.inTurn) for (const component of this.#components.slice(1)) component.connect()
    if (!this.#components.every(({ state }) => state === 'Connected' || state === 'Ready')) return
    for (const component of this.#components) component.ready()
  }

  #onFailure(error: Error): void {
    if (this.#closing !== undefined || this.#failed) return
    this.#failed = true
    const { handler, errors } = this.#setup
    guarded(errors.failed, handler, handler.onMediaStreamError, errorCode(error), error)
  }

  #onSecured(suite: SrtpSuite): void {
    const { handler, errors } = this.#setup
    for (const flow of [this.rtpFlow, this.rtcpFlow]) {
      // told of the first, the application may have closed the stream
      if (flow === undefined || this.#closing !== undefined) return
      guarded(errors.failed, handler, handler.onMediaStreamSecured, flow, suite)
    }
  }

  #onRekeyed(rolledOver: boolean): void {
    const { handler, errors } = this.#setup
    guarded(errors.failed, handler, handler.onMediaStreamRekeyed, rolledOver)
  }

  #onRefused(flow: Flow, address: string, error: Error): void {
    const { handler, errors } = this.#setup
    if (this.#closing === undefined) {
      guarded(errors.failed, handler, handler.onMediaStreamRefused, flow, address, error)
    }
  }

  /** Tells the tuples once all is ready, the first time as ready and later where they are others. */
  #report(): void {
    const { handler, errors } = this.#setup
    const rtp = this.rtpFlow.sessionTuple
    const rtcp = this.rtcpFlow?.sessionTuple
    if (this.#closing !== undefined || this.#failed || rtp === undefined || !this.isReady) return
    const before = this.#told
    this.#told = { rtp, rtcp }
    if (before === undefined) guarded(errors.failed, handler, handler.onMediaStreamReady, rtp, rtcp)
    else if (!sameRemote(before.rtp, rtp) || !same(before.rtcp, rtcp)) {
      guarded(errors.failed, handler, handler.onMediaStreamChanged, rtp, rtcp)
    }
  }
}

function same(one: Remote | undefined, other: Remote | undefined): boolean {
  return one === undefined || other === undefined ? one === other : sameRemote(one, other)
}
