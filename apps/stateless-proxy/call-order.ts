import type { SipMessage } from 'resip/stack'

/** Messages that may wait, of one call and of all calls together. */
export interface CallOrderLimits {
  readonly perCall: number
  readonly total: number
}

interface Waiting {
  readonly message: SipMessage
  readonly step: Step
}

/** Takes a message on its way: at once, or by the time its promise resolves. Neither throws nor rejects. */
export type Step = () => Promise<void> | undefined

/**
 * Keeps the messages of a call in the order they came while one of them takes its time: a CANCEL does not overtake its
 * INVITE, nor a 200 its 183. A message that comes again while the first of its kind is still here is absorbed: the
 * first goes on soon, and one step for both has one result.
 */
export class CallOrder {
  /** Messages that are here, waiting or with their step under way. */
  waiting = 0
  /** Retransmissions of messages that were here still. */
  absorbed = 0
  readonly #limits: CallOrderLimits
  /** By Call-ID; the step of the first is under way. */
  readonly #lines = new Map<string, Waiting[]>()

  constructor(limits: CallOrderLimits) {
    this.#limits = limits
  }

  /** Has `step` taken when all that came before in this call has gone on. Answers false where too much waits. */
  take(message: SipMessage, step: Step): boolean {
    const { callId, bytes } = message
    const line = this.#lines.get(callId)
    if (line?.some(earlier => earlier.message.bytes.equals(bytes))) {
      this.absorbed++
      return true
    }
    const { perCall, total } = this.#limits
    if (this.waiting >= total || (line !== undefined && line.length >= perCall)) return false
    if (line !== undefined) {
      line.push({ message, step })
      this.waiting++
      return true
    }
    const pending = step()
    if (pending !== undefined) {
      const begun = [{ message, step }]
      this.#lines.set(callId, begun)
      this.waiting++
      void this.#follow(callId, begun, pending)
    }
    return true
  }

  /** Forgets what waits; a step under way ends by itself. */
  close(): void {
    this.#lines.clear()
    this.waiting = 0
  }

  async #follow(callId: string, line: Waiting[], first: Promise<void>): Promise<void> {
    let pending: Promise<void> | undefined = first
    while (line.length > 0) {
      await pending
      if (this.#lines.get(callId) !== line) return
      line.shift()
      this.waiting--
      pending = line[0]?.step()
    }
    this.#lines.delete(callId)
  }
}
