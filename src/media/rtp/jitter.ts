/** Interarrival jitter of one source (RFC 3550 §6.4.1, appendix A.8). */
export class JitterEstimate {
  readonly #clockRate: number
  #transit = 0
  #started = false
  #jitter = 0

  /** `clockRate`: timestamp units a second. */
  constructor(clockRate: number) {
    this.#clockRate = clockRate
  }

  /** `arrival` in milliseconds on any steady scale. */
  update(timestamp: number, arrival: number): void {
    // `| 0` keeps the transit time modulo 2^32, as the appendix's C does
    const transit = (Math.trunc((arrival * this.#clockRate) / 1000) - timestamp) | 0
    if (this.#started) {
      const difference = Math.abs((transit - this.#transit) | 0)
      this.#jitter += (difference - this.#jitter) / 16
    }
    this.#started = true
    this.#transit = transit
  }

  /** In timestamp units, with its fraction; a report block carries the whole part. */
  get units(): number {
    return this.#jitter
  }

  get milliseconds(): number {
    return (this.#jitter * 1000) / this.#clockRate
  }

  /** Forgets the last transit time: after a restart of the source the next difference would mean nothing. */
  resume(): void {
    this.#started = false
  }
}
