import type { SrtpCrypto } from './cipher.ts'
import { fault } from './faults.ts'
import { isRtcp, payloadStart, RTCP_INDEX, sequenceOf, wordAt } from './header.ts'
import { KeyStream } from './key-stream.ts'
import {
  checkedKeys,
  checkOptions,
  type InboundSrtp,
  type SrtpCounters,
  type SrtpKeys,
  type SrtpOptions,
} from './keys.ts'
import { MasterKey } from './master-key.ts'
import { sameOctets } from './packet-cipher.ts'
import { estimateIndex, MOST_INDICES, ROUND } from './packet-index.ts'
import { ReplayWindow } from './replay-window.ts'
import { type SrtpSuite, srtpSuites } from './suites.ts'

const SOURCES = 64
/** What fails is tried at the next roll-over counter so often in a second. */
const SECOND_TRIES = 10
const SECOND = 1000
const INDEX_MASK = 0x7fffffff

/** One SSRC of the peer's; kept since a packet of it was authentic, and for as long as the key. */
interface InboundSource {
  readonly rtp: ReplayWindow
  readonly rtcp: ReplayWindow
  readonly stream: KeyStream
}

/** @internal See `InboundSrtp`; made by `createInboundSrtp`. */
export class Inbound implements InboundSrtp {
  readonly counters: SrtpCounters = {
    authenticated: 0,
    failed: 0,
    replayed: 0,
    old: 0,
    mki: 0,
    sources: 0,
    expired: 0,
  }
  isNewest = false
  readonly #tags: { readonly rtp: number; readonly rtcp: number }
  /** Where the MKI stands: before the tag, but behind it in GCM (RFC 3711 §3.1, RFC 7714 §8.2, §9.2). */
  readonly #mkiFromEnd: { readonly rtp: number; readonly rtcp: number }
  readonly #mkiLength: number
  readonly #window: 64 | 128
  readonly #mostSources: number
  readonly #now: () => number
  readonly #sources = new Map<number, InboundSource>()
  readonly #keys: MasterKey[]
  #after: InboundSrtp | undefined
  #triesSince = Number.NEGATIVE_INFINITY
  #tries = 0

  constructor(suite: SrtpSuite, keys: SrtpKeys, options: SrtpOptions, crypto: SrtpCrypto, now: () => number) {
    checkOptions(options)
    const rate = options.derivationRate ?? 0
    this.#keys = checkedKeys(suite, keys).map(key => new MasterKey(suite, key, rate, crypto))
    this.#window = options.window ?? 64
    this.#mostSources = options.sources ?? SOURCES
    this.#after = options.after
    this.#now = now
    const { rtpTag, rtcpTag } = srtpSuites[suite]
    this.#mkiLength = this.#keys[0]?.mki.length ?? 0
    this.#tags = { rtp: rtpTag + this.#mkiLength, rtcp: rtcpTag + this.#mkiLength + RTCP_INDEX }
    const isGalois = srtpSuites[suite].cipher === 'galois'
    this.#mkiFromEnd = {
      rtp: this.#mkiLength + (isGalois ? 0 : rtpTag),
      rtcp: this.#mkiLength + (isGalois ? 0 : rtcpTag),
    }
  }

  unprotect(bytes: Buffer, start: number, end: number): number {
    const { counters } = this
    const body = payloadStart(bytes, start, end - this.#tags.rtp)
    if (body < 0) return this.#failed(fault.malformed)
    const key = this.#keyOf(bytes, end - this.#mkiFromEnd.rtp, 'rtpUsed')
    if (typeof key === 'number') return key
    const ssrc = wordAt(bytes, start + 8)
    const sequence = sequenceOf(bytes, start)
    const source = this.#sources.get(ssrc)
    if (source === undefined) return this.#unprotectFirst(key, ssrc, sequence, bytes, start, body, end)
    const index = estimateIndex(source.rtp.highest, sequence)
    const verdict = source.rtp.verdict(index)
    if (verdict === 'replayed') {
      counters.replayed++
      return fault.replayed
    }
    if (verdict === 'fresh' && index < MOST_INDICES) {
      const opened = this.#open(key, source, bytes, start, body, end, index)
      if (opened >= 0) return opened
    }
    // half a round or more was lost: the nearest index is not the right one
    if (source.rtp.highest >= 0 && index + ROUND < MOST_INDICES && this.#maySecond()) {
      const opened = this.#open(key, source, bytes, start, body, end, index + ROUND)
      if (opened >= 0) return opened
    }
    if (verdict === 'fresh') return this.#failed(fault.failed)
    counters.old++
    return fault.old
  }

  unprotectRtcp(bytes: Buffer, start: number, end: number): number {
    const { counters } = this
    const bodyEnd = end - this.#tags.rtcp
    if (!isRtcp(bytes, start, bodyEnd)) return this.#failed(fault.malformed)
    const key = this.#keyOf(bytes, end - this.#mkiFromEnd.rtcp, 'rtcpUsed')
    if (typeof key === 'number') return key
    const word = wordAt(bytes, this.#rtcpIndexAt(end))
    if (word >= 0) return this.#failed(fault.unencrypted)
    const index = word & INDEX_MASK
    const ssrc = wordAt(bytes, start + 4)
    const known = this.#sources.get(ssrc)
    if (known === undefined && this.#sources.size >= this.#mostSources) {
      counters.sources++
      return fault.sources
    }
    const verdict = known?.rtcp.verdict(index) ?? 'fresh'
    if (verdict !== 'fresh') {
      counters[verdict]++
      return fault[verdict]
    }
    const opened = key.rtcp(index)?.open(bytes, start, end, index, this.#mkiLength) ?? -1
    if (opened < 0) return this.#failed(fault.failed)
    const { rtcp } = known ?? this.#keep(ssrc)
    this.isNewest = index > rtcp.highest
    rtcp.take(index)
    key.rtcpUsed++
    counters.authenticated++
    return opened
  }

  indexOf(ssrc: number, sequence: number): number {
    const highest = this.#sources.get(ssrc)?.rtp.highest ?? -1
    return highest < 0 ? -1 : estimateIndex(highest, sequence)
  }

  close(): void {
    this.#after = undefined
    for (const key of this.#keys.splice(0)) key.close()
    for (const { stream } of this.#sources.values()) stream.clear()
  }

  /** A source of which nothing is kept: at ROC 0, or where it stood under the key before. */
  #unprotectFirst(
    key: MasterKey,
    ssrc: number,
    sequence: number,
    bytes: Buffer,
    start: number,
    body: number,
    end: number,
  ): number {
    if (this.#sources.size >= this.#mostSources) {
      this.counters.sources++
      return fault.sources
    }
    const before = this.#after?.indexOf(ssrc, sequence) ?? -1
    for (const index of before >= ROUND ? [sequence, before] : [sequence]) {
      const opened = key.rtp(index)?.open(bytes, start, body, end, index, undefined, this.#mkiLength) ?? -1
      if (opened >= 0) {
        this.#taken(key, this.#keep(ssrc), index)
        return opened
      }
    }
    return this.#failed(fault.failed)
  }

  #open(
    key: MasterKey,
    source: InboundSource,
    bytes: Buffer,
    start: number,
    body: number,
    end: number,
    index: number,
  ): number {
    const opened = key.rtp(index)?.open(bytes, start, body, end, index, source.stream, this.#mkiLength) ?? -1
    if (opened >= 0) this.#taken(key, source, index)
    return opened
  }

  #taken(key: MasterKey, { rtp }: InboundSource, index: number): void {
    this.isNewest = index > rtp.highest
    rtp.take(index)
    key.rtpUsed++
    this.counters.authenticated++
  }

  /** The key that the packet names, or the fault. */
  #keyOf(bytes: Buffer, mkiAt: number, used: 'rtpUsed' | 'rtcpUsed'): MasterKey | number {
    const keys = this.#keys
    const [first] = keys
    if (first === undefined) return fault.closed
    const length = this.#mkiLength
    const key = length === 0 ? first : keys.find(({ mki }) => sameOctets(mki, 0, bytes, mkiAt, length))
    if (key === undefined) {
      this.counters.mki++
      return fault.mki
    }
    if (key[used] < key.lifetime) return key
    this.counters.expired++
    return fault.expired
  }

  /** The word with the E bit: before MKI and tag, and right before the MKI in GCM. */
  #rtcpIndexAt(end: number): number {
    return end - this.#mkiFromEnd.rtcp - RTCP_INDEX
  }

  #keep(ssrc: number): InboundSource {
    const source = {
      rtp: new ReplayWindow(this.#window),
      rtcp: new ReplayWindow(this.#window),
      stream: new KeyStream(ssrc),
    }
    this.#sources.set(ssrc, source)
    return source
  }

  /** Each second try costs as much as a packet, and who floods us with forged ones is to cost no more than that. */
  #maySecond(): boolean {
    const now = this.#now()
    if (now - this.#triesSince >= SECOND) {
      this.#triesSince = now
      this.#tries = 0
    }
    return this.#tries++ < SECOND_TRIES
  }

  #failed(result: number): number {
    this.counters.failed++
    return result
  }
}
