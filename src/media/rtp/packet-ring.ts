import type { RtpPacket } from './packet.ts'

/**
 * Packets by sequence number without roll-over, in a window of fixed size. A number that was seen stays known until
 * another takes its place, whether its packet is still held or not; so duplicates are told from news.
 */
export class PacketRing {
  /** How far the window reaches beyond its first number. */
  readonly span: number
  readonly #packets: (RtpPacket | undefined)[]
  readonly #sequences: Float64Array
  readonly #times: Float64Array
  readonly #arrivals: Float64Array

  /** `capacity` is rounded up to a power of two. */
  constructor(capacity: number) {
    const size = 2 ** Math.ceil(Math.log2(Math.max(2, capacity)))
    this.span = size - 1
    this.#packets = new Array<RtpPacket | undefined>(size).fill(undefined)
    this.#sequences = new Float64Array(size).fill(Number.NaN)
    this.#times = new Float64Array(size)
    this.#arrivals = new Float64Array(size)
  }

  store(sequence: number, packet: RtpPacket, time: number, arrival: number): void {
    const slot = sequence & this.span
    this.#packets[slot] = packet
    this.#sequences[slot] = sequence
    this.#times[slot] = time
    this.#arrivals[slot] = arrival
  }

  /** Whether this number was seen, held or not. */
  knows(sequence: number): boolean {
    return this.#sequences[sequence & this.span] === sequence
  }

  /** Makes a number known that holds nothing. Answers whether it was news; a later one in its place stays. */
  settle(sequence: number): boolean {
    const slot = sequence & this.span
    if (this.#packets[slot] !== undefined || (this.#sequences[slot] ?? 0) >= sequence) return false
    this.#sequences[slot] = sequence
    return true
  }

  holds(sequence: number): boolean {
    return this.knows(sequence) && this.#packets[sequence & this.span] !== undefined
  }

  /** Takes the packet out; its number stays known. */
  release(sequence: number): RtpPacket | undefined {
    const slot = sequence & this.span
    const packet = this.#packets[slot]
    this.#packets[slot] = undefined
    return packet
  }

  /** Media time of the packet last stored under this number. */
  time(sequence: number): number {
    return this.#times[sequence & this.span] ?? 0
  }

  arrival(sequence: number): number {
    return this.#arrivals[sequence & this.span] ?? 0
  }

  /** The first number from `from` to `to` that is held, or -1; no further than the window. */
  next(from: number, to: number): number {
    const end = Math.min(to, from + this.span)
    for (let sequence = from; sequence <= end; sequence++) if (this.holds(sequence)) return sequence
    return -1
  }

  clear(): void {
    this.#packets.fill(undefined)
    this.#sequences.fill(Number.NaN)
  }
}
