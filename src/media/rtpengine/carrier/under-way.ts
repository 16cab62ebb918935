import { cookieOf } from '../message/message.ts'

/** The messages of a carrier that wait for their replies, by cookie; as many as the client has requests under way. */
export class UnderWay {
  readonly #messages = new Map<string, Buffer>()

  has(cookie: string): boolean {
    return this.#messages.has(cookie)
  }

  add(cookie: string, message: Buffer): void {
    this.#messages.set(cookie, message)
  }

  delete(cookie: string): boolean {
    return this.#messages.delete(cookie)
  }

  /** A reply came. */
  answered(reply: Buffer): void {
    const cookie = cookieOf(reply)
    if (cookie !== undefined) this.#messages.delete(cookie)
  }

  messages(): IterableIterator<Buffer> {
    return this.#messages.values()
  }

  clear(): void {
    this.#messages.clear()
  }
}
