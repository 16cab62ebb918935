import type { Waiting } from './waiting.ts'

/** @internal The promises that wait for an answer, so that a close leaves none of them open. */
export class Pending {
  readonly #waiting = new Set<Waiting<never>>()

  /** A promise that `ask` is to have answered; it rejects with what `ask` throws. */
  answered<T>(ask: (waiting: Waiting<T>) => void): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const waiting: Waiting<T> = {
        resolve: value => {
          this.#waiting.delete(waiting)
          resolve(value)
        },
        reject: error => {
          this.#waiting.delete(waiting)
          reject(error)
        },
      }
      this.#waiting.add(waiting)
      try {
        ask(waiting)
      } catch (error) {
        this.#waiting.delete(waiting)
        throw error
      }
    })
  }

  rejectAll(error: Error): void {
    for (const waiting of this.#waiting) waiting.reject(error)
  }
}
