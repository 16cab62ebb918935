import type { NgDictionary } from './message/message.ts'

/** Whether a request was answered; where it was not, who still wants to hear of its reply, if anybody does. */
export type RequestEnd = boolean | ((reply: NgDictionary) => void)

/** Requests remembered after their end, so that what comes late is told from what never was asked. */
const REMEMBERED = 1024

/** The requests that ended last, by cookie. */
export class EndedRequests {
  readonly #ends = new Map<string, RequestEnd>()

  add(cookie: string, end: RequestEnd): void {
    this.#ends.set(cookie, end)
    if (this.#ends.size <= REMEMBERED) return
    for (const oldest of this.#ends.keys()) {
      this.#ends.delete(oldest)
      break
    }
  }

  of(cookie: string): RequestEnd | undefined {
    return this.#ends.get(cookie)
  }

  clear(): void {
    this.#ends.clear()
  }
}
