import type { Answer, ServerHandle, ServerMachine } from './server-machine.ts'

/**
 * A response that was given, for who has to send it again by himself: a UAS core its 2xx until the ACK comes (RFC 3261
 * §13.3.1.4), and its reliable provisionals until their PRACK does (RFC 3262 §3).
 */
export class SentResponse implements Answer {
  readonly status: number
  /** @internal */
  readonly wire: string
  /** @internal */
  readonly handle: ServerHandle
  readonly #machine: ServerMachine<string>

  /** @internal made by a server transaction */
  constructor(status: number, wire: string, handle: ServerHandle, machine: ServerMachine<string>) {
    this.status = status
    this.wire = wire
    this.handle = handle
    this.#machine = machine
  }

  /**
   * Sends the very same text once more. Answers false where its time is over: after 64·T1 a 2xx has no transaction any
   * more, and a provisional response is nothing after a final one.
   */
  resend(): boolean {
    const { state } = this.#machine
    const stands = this.status < 200 ? state === 'proceeding' : state === 'accepted' && this.status < 300
    if (stands) {
      this.#machine.context.onRetransmission()
      this.#machine.onResponse(this)
    }
    return stands
  }
}
