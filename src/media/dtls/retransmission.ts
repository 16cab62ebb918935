/** Milliseconds. RFC 6347 §4.2.4.1 suggests a second; media paths are quick, and a call waits. */
const FIRST = 200
const LEAST_FIRST = 50
const MOST = 60_000
/** A repeated flight, or another hello with a cookie, is answered no oftener than this, however often it comes. */
const LEAST_GAP = 50

const MTU = 1200
/** After this many time-outs of a flight its size may be what is wrong (RFC 6347 §4.1.1.1). */
const PATIENT = 3
const SMALL_MTU = 576

/** When a flight goes again, and in datagrams of what size. */
export class Retransmission {
  readonly #first: number
  readonly #mtu: number
  #timeout: number
  #expired = 0
  #sentAt = Number.NEGATIVE_INFINITY

  /** `roundTrip`: milliseconds, where something knows them (RFC 9147 §5.8.2: 1.5 round trips). */
  constructor(roundTrip: number | undefined, mtu: number = MTU) {
    this.#first = roundTrip === undefined ? FIRST : Math.max(LEAST_FIRST, 1.5 * roundTrip)
    this.#mtu = mtu
    this.#timeout = this.#first
  }

  /** Milliseconds until the flight goes again. */
  get timeout(): number {
    return this.#timeout
  }

  get mtu(): number {
    return this.#expired < PATIENT ? this.#mtu : Math.min(this.#mtu, SMALL_MTU)
  }

  /** Another flight: it starts with the first time-out again. */
  begin(): void {
    this.#timeout = this.#first
    this.#expired = 0
  }

  backOff(): void {
    this.#expired++
    this.#timeout = Math.min(MOST, this.#timeout * 2)
  }

  sent(now: number): void {
    this.#sentAt = now
  }

  mayAnswer(now: number): boolean {
    return now - this.#sentAt >= LEAST_GAP
  }
}
