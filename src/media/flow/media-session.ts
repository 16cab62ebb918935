import type { Remote } from '../../util/address.ts'
import { staticClockRate } from '../rtp/payload-types.ts'
import { RtpSession } from '../rtp/session.ts'
import type { ReceivedRtp, RtpSessionHandler, RtpSessionOptions } from '../rtp/session-options.ts'
import type { DestinationOptions } from './destination.ts'
import type { FlowManager, LocalMediaBinding, MediaStreamOptions } from './flow-manager.ts'
import type { MediaStream, MediaStreamHandler } from './media-stream.ts'

/** Who a media session reports to: what its stream and its RTP session tell, and what came to be played. */
export interface MediaSessionHandler extends MediaStreamHandler, Omit<RtpSessionHandler, 'sendRtcp'> {
  onRtp?(received: ReceivedRtp): unknown
}

export interface MediaSessionOptions {
  readonly rtp: RtpSessionOptions
  readonly stream?: Omit<MediaStreamOptions, 'destination'>
  /**
   * Whom the session sends to and hears; `false`: where signalling says, and everybody. By default the signalled address, until
   * a source proves itself.
   */
  readonly destination?: Omit<DestinationOptions, 'clockRateOf'> | false
}

/** An RTP session with its flows: what the network brings goes in, RTCP goes out, strangers stay outside. */
export class MediaSession {
  readonly stream: MediaStream
  readonly rtp: RtpSession
  readonly #handler: MediaSessionHandler
  #remote: { readonly rtp: Remote; readonly rtcp: Remote } | undefined
  #closing: Promise<void> | undefined

  /** The stream comes up on its own; the handler hears when it is ready, or why not. Throws as `createMediaStream` does. */
  constructor(
    manager: FlowManager,
    handler: MediaSessionHandler,
    binding: LocalMediaBinding,
    options: MediaSessionOptions,
  ) {
    this.#handler = handler
    const { rtp, destination = {} } = options
    this.rtp = new RtpSession(rtp, this.#rtpHandler())
    this.stream = manager.createMediaStream(this.#streamHandler(), binding, {
      ...options.stream,
      ...(destination !== false && {
        destination: { ...destination, clockRateOf: rtp.clockRateOf ?? staticClockRate },
      }),
    })
    this.stream.rtpFlow.onReceive((bytes, from) => {
      const received = this.rtp.receiveRtp(bytes, bytes.length, from, rtp.clock.now())
      return received && this.#handler.onRtp?.(received)
    })
    this.stream.rtcpFlow?.onReceive((bytes, from) => this.rtp.receiveRtcp(bytes, from))
  }

  /**
   * Signalling says where the peer is; RTCP goes to the next port where nothing else is said, or to the same where both are
   * multiplexed. The same again changes nothing, unless who was heard has fallen silent. Throws a UsageError for what is no
   * numeric address; false where the address can be no peer's.
   */
  setRemote(rtp: Remote, rtcp?: Remote): boolean {
    const { rtpFlow, rtcpFlow } = this.stream
    const control = rtcp ?? this.#rtcpOf(rtp)
    const before = this.#remote
    this.#remote = { rtp, rtcp: control }
    if (before?.rtp.address !== rtp.address || before.rtp.port !== rtp.port) this.rtp.forgetAddresses()
    if (!rtpFlow.setActiveDestination(rtp.address, rtp.port)) return false
    if (rtcpFlow === undefined) return true
    // the highest port has none above it, and such a peer gets no reports
    if (control.port <= 65_535) return rtcpFlow.setActiveDestination(control.address, control.port)
    rtcpFlow.clearActiveDestination()
    return true
  }

  /** Sends an RTP packet that the session's sender wrote. False where it was dropped. */
  send(packet: Uint8Array): boolean {
    const sent = this.stream.rtpFlow.send(packet)
    if (sent) this.rtp.onSent()
    return sent
  }

  /** Says BYE where that can be done at once, and closes. Resolves when the ports are free. */
  close(reason?: string): Promise<void> {
    this.#closing ??= this.#close(reason)
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(reason: string | undefined): Promise<void> {
    this.rtp.leave(reason)
    this.rtp.close()
    await this.stream.close()
  }

  #rtcpOf({ address, port }: Remote): Remote {
    const { rtpFlow, rtcpFlow } = this.stream
    const multiplexed = rtcpFlow?.sharesPort(rtpFlow)
    return { address, port: multiplexed ? port : port + 1 }
  }

  #rtpHandler(): RtpSessionHandler {
    const handler = this.#handler
    return {
      sendRtcp: bytes => {
        this.stream.rtcpFlow?.send(bytes)
      },
      onReport: (from, report, roundTrip) => handler.onReport?.(from, report, roundTrip),
      onRtcp: packet => handler.onRtcp?.(packet),
      onLeave: (ssrc, reason, timedOut) => handler.onLeave?.(ssrc, reason, timedOut),
      onCollision: ssrc => handler.onCollision?.(ssrc),
    }
  }

  #streamHandler(): MediaStreamHandler {
    const handler = this.#handler
    return {
      onMediaStreamReady: (rtp, rtcp) => {
        this.rtp.start()
        return handler.onMediaStreamReady?.(rtp, rtcp)
      },
      onMediaStreamError: (code, error) => handler.onMediaStreamError?.(code, error),
      onMediaStreamChanged: (rtp, rtcp) => handler.onMediaStreamChanged?.(rtp, rtcp),
      onMediaStreamRefused: (flow, address, error) => handler.onMediaStreamRefused?.(flow, address, error),
      onMediaStreamMoved: (flow, remote) => {
        this.rtp.forgetAddresses()
        return handler.onMediaStreamMoved?.(flow, remote)
      },
      onMediaStreamSecured: (flow, suite) => handler.onMediaStreamSecured?.(flow, suite),
      onMediaStreamRekeyed: rolledOver => {
        if (rolledOver) this.rtp.renewSource()
        return handler.onMediaStreamRekeyed?.(rolledOver)
      },
    }
  }
}
