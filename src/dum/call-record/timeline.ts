/** The marks of a call, in their order. */
export type Mark =
  | 'invite'
  | 'trying'
  | 'ringing'
  | 'progress'
  | 'answered'
  | 'acked'
  | 'rtpIn'
  | 'rtpOut'
  | 'bye'
  | 'ended'

/** When things happened in a call: milliseconds after its INVITE, each the first time. */
export type Timeline = { readonly startedAt: number } & { readonly [mark in Mark]?: number }

/** Keeps the marks of one call. */
export class CallTimes {
  /** Unix time of the INVITE, in milliseconds. */
  readonly startedAt: number
  readonly #begin: number
  readonly #marks: { [mark in Mark]?: number } = {}

  /** `now`: on the clock that the later marks are read from. */
  constructor(startedAt: number, now: number) {
    this.startedAt = startedAt
    this.#begin = now
    this.#marks.invite = 0
  }

  mark(mark: Mark, now: number): void {
    this.#marks[mark] ??= now - this.#begin
  }

  has(mark: Mark): boolean {
    return this.#marks[mark] !== undefined
  }

  get timeline(): Timeline {
    return { startedAt: this.startedAt, ...this.#marks }
  }
}
