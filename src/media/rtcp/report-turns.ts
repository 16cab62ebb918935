import type { RtpSource } from '../rtp/source.ts'

/** Whose turn it is to be reported where not all sources fit into one packet (RFC 3550 §6.1: round-robin). */
export class ReportTurns {
  readonly #turns = new WeakMap<RtpSource, number>()
  #last = 0

  /** Up to `places` sources heard since their last report, those first that have waited longest. */
  next(sources: Iterable<RtpSource>, places: number): RtpSource[] {
    const heard: RtpSource[] = []
    for (const source of sources) if (source.heardSinceReport) heard.push(source)
    if (heard.length > places) {
      heard.sort((one, other) => this.#turnOf(one) - this.#turnOf(other))
      heard.length = places
    }
    for (const source of heard) this.#turns.set(source, ++this.#last)
    return heard
  }

  #turnOf(source: RtpSource): number {
    return this.#turns.get(source) ?? 0
  }
}
