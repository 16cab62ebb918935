import { guarded } from '../../util/guard.ts'
import type { SrtpCrypto } from './cipher.ts'
import { fault } from './faults.ts'
import { isRtcp, payloadStart, RTCP_INDEX, sequenceOf, wordAt } from './header.ts'
import { KeyStream } from './key-stream.ts'
import {
  checkedKeys,
  checkOptions,
  MOST_PACKETS,
  type OutboundSrtp,
  type SrtpKeys,
  type SrtpOptions,
} from './keys.ts'
import { MasterKey } from './master-key.ts'
import { estimateIndex, MOST_INDICES, ROUND } from './packet-index.ts'
import { ReplayWindow } from './replay-window.ts'
import { type SrtpSuite, srtpSuites } from './suites.ts'

const SOURCES = 64

/** One SSRC of ours. Nothing of it is forgotten while a key lives (RFC 7714 §8.4). */
interface OutboundSource {
  /** Which indices went out. */
  readonly sent: ReplayWindow
  readonly stream: KeyStream
  /** The index of the next SRTCP packet (RFC 3711 §3.4). */
  rtcpIndex: number
}

/** @internal See `OutboundSrtp`; made by `createOutboundSrtp`. */
export class Outbound implements OutboundSrtp {
  readonly overhead: { readonly rtp: number; readonly rtcp: number }
  readonly #sources = new Map<number, OutboundSource>()
  readonly #mostSources: number
  /** The key in use first; those that are over are gone. */
  readonly #keys: MasterKey[]
  #onKeyDue: (() => void) | undefined

  constructor(suite: SrtpSuite, keys: SrtpKeys, options: SrtpOptions, crypto: SrtpCrypto) {
    checkOptions(options)
    const rate = options.derivationRate ?? 0
    this.#keys = checkedKeys(suite, keys).map(key => new MasterKey(suite, key, rate, crypto))
    this.#mostSources = options.sources ?? SOURCES
    this.#onKeyDue = options.onKeyDue
    const { rtpTag, rtcpTag } = srtpSuites[suite]
    const mki = this.#keys[0]?.mki.length ?? 0
    this.overhead = { rtp: rtpTag + mki, rtcp: rtcpTag + mki + RTCP_INDEX }
  }

  get rolledOver(): boolean {
    for (const { sent } of this.#sources.values()) if (sent.highest >= ROUND) return true
    return false
  }

  protect(bytes: Buffer, start: number, end: number): number {
    const body = payloadStart(bytes, start, end)
    if (body < 0) return fault.malformed
    if (end + this.overhead.rtp > bytes.length) return fault.room
    const key = this.#keyFor('rtpUsed')
    if (typeof key === 'number') return key
    const source = this.#sourceOf(wordAt(bytes, start + 8))
    if (source === undefined) return fault.sources
    const { sent, stream } = source
    const index = estimateIndex(sent.highest, sequenceOf(bytes, start))
    if (index >= MOST_INDICES) return fault.expired
    if (sent.verdict(index) !== 'fresh') return fault.reused
    const cipher = key.rtp(index)
    if (cipher === undefined) return fault.closed
    // whatever comes of it, this index never goes again
    sent.take(index)
    key.rtpUsed++
    const sealed = cipher.seal(bytes, start, body, end, index, stream, key.mki)
    if (this.#onKeyDue !== undefined && key.isDue) this.#due()
    return sealed
  }

  protectRtcp(bytes: Buffer, start: number, end: number): number {
    if (!isRtcp(bytes, start, end)) return fault.malformed
    if (end + this.overhead.rtcp > bytes.length) return fault.room
    const key = this.#keyFor('rtcpUsed')
    if (typeof key === 'number') return key
    const source = this.#sourceOf(wordAt(bytes, start + 4))
    if (source === undefined) return fault.sources
    const index = source.rtcpIndex
    if (index >= MOST_PACKETS) return fault.expired
    const cipher = key.rtcp(index)
    if (cipher === undefined) return fault.closed
    source.rtcpIndex++
    key.rtcpUsed++
    const sealed = cipher.seal(bytes, start, end, index, key.mki)
    if (this.#onKeyDue !== undefined && key.isDue) this.#due()
    return sealed
  }

  close(): void {
    this.#onKeyDue = undefined
    for (const key of this.#keys.splice(0)) key.close()
    for (const { stream } of this.#sources.values()) stream.clear()
  }

  /** The key in use, or the fault; one that has served its lifetime gives way to the next (RFC 3711 §3.2.1). */
  #keyFor(used: 'rtpUsed' | 'rtcpUsed'): MasterKey | number {
    const [key] = this.#keys
    if (key === undefined) return fault.closed
    if (key[used] < key.lifetime) return key
    if (this.#keys.length === 1) return fault.expired
    this.#keys.shift()?.close()
    return this.#keyFor(used)
  }

  #due(): void {
    if (this.#keys.length > 1) return
    const tell = this.#onKeyDue
    this.#onKeyDue = undefined
    guarded(ignore, undefined, tell)
  }

  #sourceOf(ssrc: number): OutboundSource | undefined {
    const known = this.#sources.get(ssrc)
    if (known !== undefined || this.#sources.size >= this.#mostSources) return known
    const source = { sent: new ReplayWindow(64), stream: new KeyStream(ssrc), rtcpIndex: 0 }
    this.#sources.set(ssrc, source)
    return source
  }
}

/** Whose key is due hears of it, and what becomes of that is no packet's business. */
function ignore(): void {}
