/** What the latch says to a packet: its source is new and now ours, it is ours, or it is a stranger's. */
export type LatchVerdict = 'latched' | 'accepted' | 'refused'

/**
 * Symmetric RTP (RFC 4961), latched once: behind a NAT media comes from where signalling did not say, so the first
 * source that proves itself is taken, and after that no other, until signalling changes it. A source is named as
 * the caller names transport addresses: `192.0.2.7:40000`.
 */
export class SourceLatch {
  #signalled: string | undefined
  #source: string | undefined
  #latched = false
  /** Packets from strangers. */
  refused = 0

  constructor(signalled?: string) {
    this.#signalled = signalled
  }

  /** Where to send to: the latched source, else what signalling said. */
  get source(): string | undefined {
    return this.#source ?? this.#signalled
  }

  get latched(): boolean {
    return this.#latched
  }

  /** Call it with packets that are valid (authentic, where SRTP is in use) only. */
  accept(source: string): LatchVerdict {
    if (this.#latched) {
      if (source === this.#source) return 'accepted'
      this.refused++
      return 'refused'
    }
    this.#latched = true
    this.#source = source
    return 'latched'
  }

  /** Signalling named an address: another one than before opens the latch, the same one changes nothing. */
  signal(source: string): void {
    if (source === this.#signalled) return
    this.#signalled = source
    this.#source = undefined
    this.#latched = false
  }
}
