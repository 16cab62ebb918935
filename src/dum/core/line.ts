/** Requests that go one after the other to each target, and wait in order behind the one that is under way. */
export class Lines {
  readonly #limit: number
  readonly #lines = new Map<string, (() => void)[]>()

  /** `limit`: how many may wait for one target. */
  constructor(limit: number) {
    this.#limit = limit
  }

  /** How many targets have a request under way. */
  get size(): number {
    return this.#lines.size
  }

  /** Starts it now, or when those before it have left. Answers false, and forgets it, where too many wait. */
  enter(target: string, start: () => void): boolean {
    const line = this.#lines.get(target)
    if (line === undefined) {
      this.#lines.set(target, [])
      start()
      return true
    }
    if (line.length >= this.#limit) return false
    line.push(start)
    return true
  }

  /** What was under way is over. */
  leave(target: string): void {
    const next = this.#lines.get(target)?.shift()
    if (next === undefined) this.#lines.delete(target)
    else next()
  }
}
