import type { SipMessage } from 'resip/stack'

/** What may wait: messages of one call, and messages and their bytes of all calls together. */
export interface CallOrderLimits {
  readonly perCall: number
  readonly total: number
  readonly bytes: number
}

/** What a message that waits keeps alive besides its own bytes: its head as text and what was read of it, measured. */
const OVERHEAD = 2048

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
  /** The bytes that these keep: twice their own, for the head is kept as text as well, and what was read of them. */
  bytes = 0
  /** Messages that were turned away because too much waited. */
  refused = 0
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
    if (this.#isFull(line, message)) {
      this.refused++
      return false
    }
    if (line !== undefined) {
      line.push(this.#entered({ message, step }))
      return true
    }
    const pending = step()
    if (pending !== undefined) {
      const begun = [this.#entered({ message, step })]
      this.#lines.set(callId, begun)
      void this.#follow(callId, begun, pending)
    }
    return true
  }

  /** Forgets what waits; a step under way ends by itself. */
  close(): void {
    this.#lines.clear()
    this.waiting = 0
    this.bytes = 0
  }

  #isFull(line: readonly Waiting[] | undefined, message: SipMessage): boolean {
    const { perCall, total, bytes } = this.#limits
    if (this.waiting >= total || this.bytes + weight(message) > bytes) return true
    return line !== undefined && line.length >= perCall
  }

  #entered(entry: Waiting): Waiting {
    this.waiting++
    this.bytes += weight(entry.message)
    return entry
  }

  async #follow(callId: string, line: Waiting[], first: Promise<void>): Promise<void> {
    let pending: Promise<void> | undefined = first
    while (line.length > 0) {
      await pending
      if (this.#lines.get(callId) !== line) return
      const gone = line.shift()
      if (gone !== undefined) {
        this.waiting--
        this.bytes -= weight(gone.message)
      }
      pending = line[0]?.step()
    }
    this.#lines.delete(callId)
  }
}

function weight(message: SipMessage): number {
  return 2 * message.bytes.length + OVERHEAD
}
