import {
  canonicalAddress,
  isGroup,
  isLoopback,
  isWildcard,
  type Remote,
  sameRemote,
  unmapped,
} from '../../util/address.ts'
import { answered, type Failed } from '../../util/guard.ts'
import { parseRtp } from '../rtp/packet.ts'
import type { Remotes } from '../socket/remotes.ts'
import type { Proof } from './proof.ts'

/** How a stream decides whom it sends to and hears. */
export interface DestinationOptions {
  /** The clock rate of a payload type that was negotiated; `undefined` for others, which prove nothing. */
  readonly clockRateOf: (payloadType: number) => number | undefined
  /** The IP address that the peer's SIP came from: a phone's behind a NAT, whatever its SDP says. */
  readonly sipSource?: string | undefined
  /**
   * Whether a source of none of the known addresses may prove itself: a phone whose media leaves by another NAT than its SIP.
   * Default `accept`.
   */
  readonly otherSources?: 'accept' | 'refuse'
}

/** @internal */
export interface DestinationSetup {
  readonly options: DestinationOptions
  readonly remotes: Remotes
  /** Milliseconds on any monotonic scale. */
  readonly now: () => number
  /** For RTCP on a port of its own: where RTP goes. */
  readonly rtp?: Destination | undefined
  /** Hears what `clockRateOf` throws: a packet of such a type proves nothing. */
  readonly failed: Failed
  /** Packets go to, and come from, `remote` now. */
  readonly onMoved: (remote: Remote) => void
}

/** How well a source fits what signalling said; a higher one displaces a lower one at any time. */
const rank = { none: -1, other: 0, sipSource: 1, signalledIp: 2, signalled: 3 } as const
type Rank = (typeof rank)[keyof typeof rank]

/** A source that sent one packet and may prove itself with the next. */
interface Candidate {
  readonly remote: Remote
  readonly ssrc: number
  readonly next: number
}

/** Milliseconds of silence after which signalling, saying the same again, gives the settled source up. */
export const SOURCE_SILENCE = 2000
/** Candidates of each rank: who sprays displaces others of its own rank only. */
const CANDIDATES = 4
const SSRCS = 8

/**
 * Whom a component sends to and hears, without ICE and SRTP: the signalled address, until a source proves itself. RTP proves
 * itself by two packets in sequence of a negotiated type; RTCP by an SSRC that RTP has, from the IP where RTP settled.
 *
 * | source of              | rank | displaces                  |
 * | ---------------------- | ---- | -------------------------- |
 * | the signalled address  | 3    | any other                  |
 * | its IP                 | 2    | SIP's IP, any other        |
 * | the IP SIP came from   | 1    | any other                  |
 * | anywhere (an option)   | 0    | nobody                     |
 *
 * An equal or lower one never displaces, until signalling names another address, or the same after two seconds of silence.
 */
export class Destination {
  readonly #setup: DestinationSetup
  /** As the sockets write it. */
  readonly #sipSource: string | undefined
  #signalled: Remote | undefined
  #settled: Remote | undefined
  #rank: Rank = rank.none
  #heardAt = 0
  /** By rank, the oldest first. */
  readonly #candidates: Candidate[][] = [[], [], [], []]
  #ssrc = -1
  /** SSRCs of the settled source, the oldest first. */
  readonly #ssrcs: number[] = []

  constructor(setup: DestinationSetup) {
    this.#setup = setup
    const { sipSource } = setup.options
    this.#sipSource = sipSource && unmapped(canonicalAddress(sipSource) ?? sipSource)
  }

  /** Where packets go; nowhere before signalling named an address, whoever sends. */
  get remote(): Remote | undefined {
    return this.#signalled && (this.#settled ?? this.#signalled)
  }

  /** The source that proved itself. */
  get settled(): Remote | undefined {
    return this.#settled
  }

  /**
   * Signalling named an address. False where it is no destination: a wildcard, multicast, broadcast, or loopback where SIP
   * came from outside; then there is none.
   */
  signal(remote: Remote): boolean {
    if (!this.#isDestination(remote.address)) {
      this.clear()
      return false
    }
    if (this.#signalled !== undefined && sameRemote(this.#signalled, remote)) {
      if (this.#setup.now() - this.#heardAt >= SOURCE_SILENCE) this.#unsettle()
      return true
    }
    const { remotes } = this.#setup
    const before = this.#signalled
    this.#signalled = remotes.keep(remote)
    if (before !== undefined) remotes.release(before)
    if (this.#settled !== undefined && sameRemote(this.#settled, remote)) this.#rank = rank.signalled
    else this.#unsettle()
    return true
  }

  /** Signalling names no address any more: nothing is sent. */
  clear(): void {
    this.#unsettle()
    if (this.#signalled !== undefined) this.#setup.remotes.release(this.#signalled)
    this.#signalled = undefined
  }

  /**
   * Whether a packet is to be delivered. Who has the keys is heard from anywhere, and the newest of its packets moves us there:
   * whoever sends a copy from elsewhere gains what he had, ciphertext.
   */
  hears(kind: 'rtp' | 'rtcp', bytes: Buffer, from: Remote, proof: Proof = 'none'): boolean {
    if (proof !== 'none') return this.#hearsAuthentic(kind, bytes, from, proof === 'newest')
    const settled = this.#settled
    if (settled !== undefined && sameRemote(settled, from)) {
      this.#heardAt = this.#setup.now()
      if (kind === 'rtp') this.#note(ssrcOf(bytes, RTP_SSRC))
      return true
    }
    const of = this.#rankOf(from)
    // until a source proves itself the signalled address is heard without
    const believed = settled === undefined && of === rank.signalled
    if (of <= this.#rank || !this.#proves(kind, bytes, from, of)) return believed
    this.#settle(from, of)
    if (kind === 'rtp') this.#note(ssrcOf(bytes, RTP_SSRC))
    return true
  }

  /** Whether RTP of this source came from the settled address. */
  has(ssrc: number): boolean {
    return this.#ssrcs.includes(ssrc)
  }

  #hearsAuthentic(kind: 'rtp' | 'rtcp', bytes: Buffer, from: Remote, isNewest: boolean): boolean {
    const settled = this.#settled
    const isSettled = settled !== undefined && sameRemote(settled, from)
    if (isSettled) this.#heardAt = this.#setup.now()
    else if (isNewest && this.#isDestination(from.address)) this.#settle(from, rank.signalled)
    if (kind === 'rtp' && (isSettled || isNewest)) this.#note(ssrcOf(bytes, RTP_SSRC))
    return true
  }

  #isDestination(address: string): boolean {
    if (isWildcard(address) || isGroup(address)) return false
    const sipSource = this.#sipSource
    return sipSource === undefined || isLoopback(sipSource) || !isLoopback(address)
  }

  #rankOf(from: Remote): Rank {
    const signalled = this.#signalled
    if (signalled !== undefined && signalled.address === from.address) {
      return signalled.port === from.port ? rank.signalled : rank.signalledIp
    }
    if (this.#sipSource === from.address) return rank.sipSource
    return this.#setup.options.otherSources === 'refuse' ? rank.none : rank.other
  }

  #proves(kind: 'rtp' | 'rtcp', bytes: Buffer, from: Remote, of: Rank): boolean {
    const { rtp } = this.#setup
    if (rtp === undefined) return kind === 'rtp' && this.#inSequence(bytes, from, of)
    return kind === 'rtcp' && rtp.settled?.address === from.address && rtp.has(ssrcOf(bytes, RTCP_SSRC))
  }

  #inSequence(bytes: Buffer, from: Remote, of: Rank): boolean {
    const packet = parseRtp(bytes)
    const candidates = this.#candidates[of]
    if (typeof packet === 'string' || candidates === undefined) return false
    if (!this.#isNegotiated(packet.payloadType)) return false
    const { sequence, ssrc } = packet
    const at = candidates.findIndex(({ remote }) => sameRemote(remote, from))
    const before = candidates[at]
    if (before?.ssrc === ssrc && before.next === sequence) return true
    if (before !== undefined) candidates.splice(at, 1)
    else if (candidates.length === CANDIDATES) candidates.shift()
    candidates.push({ remote: from, ssrc, next: (sequence + 1) & 0xffff })
    return false
  }

  #isNegotiated(payloadType: number): boolean {
    const { options, failed } = this.#setup
    return answered(failed, options.clockRateOf, payloadType) !== undefined
  }

  #settle(from: Remote, of: Rank): void {
    const { remotes, now, onMoved } = this.#setup
    const before = this.remote
    const kept = remotes.keep(from)
    this.#unsettle()
    this.#settled = kept
    this.#rank = of
    this.#heardAt = now()
    if (before === undefined || !sameRemote(before, from)) onMoved(kept)
  }

  #unsettle(): void {
    if (this.#settled !== undefined) this.#setup.remotes.release(this.#settled)
    this.#settled = undefined
    this.#rank = rank.none
    this.#ssrc = -1
    this.#ssrcs.length = 0
    for (const candidates of this.#candidates) candidates.length = 0
  }

  #note(ssrc: number): void {
    if (ssrc === this.#ssrc) return
    this.#ssrc = ssrc
    if (this.#ssrcs.includes(ssrc)) return
    if (this.#ssrcs.length === SSRCS) this.#ssrcs.shift()
    this.#ssrcs.push(ssrc)
  }
}

const RTP_SSRC = 8
const RTCP_SSRC = 4

/** 0 where the packet is too short to have one. */
function ssrcOf(bytes: Buffer, at: number): number {
  return bytes.length < at + 4 ? 0 : bytes.readUInt32BE(at)
}
