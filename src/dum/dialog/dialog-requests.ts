import type { DigestClient } from '../../stack/auth/client.ts'
import type { Method } from '../../stack/grammar/method.ts'
import type { SipResponse } from '../../stack/message/message.ts'
import type { RequestTemplate } from '../../stack/message/template.ts'
import type { DumContext } from '../core/context.ts'
import { Exchange, type ExchangeUser } from '../exchange/exchange.ts'
import type { Dialog } from './dialog.ts'
import { wayOf } from './path.ts'

/** What fills in a request when its turn has come: its CSeq number is the next one then. */
export type Fill = (template: RequestTemplate) => void

interface Waiting {
  readonly method: Method
  readonly fill: Fill
  readonly user: ExchangeUser
}

/**
 * The requests of ours in one dialog: one is unanswered at a time, a provisional response being answer enough for an
 * INVITE, so that datagrams that overtake each other cannot turn their numbers round (RFC 3261 §12.2.2). BYE waits for
 * none, PRACK for PRACK only.
 */
export class DialogRequests {
  readonly #context: DumContext
  readonly #dialog: Dialog
  readonly #credentials: DigestClient | undefined
  readonly #line: Waiting[] = []
  /** What is unanswered and holds the others up. */
  #blocking: Exchange | undefined
  readonly #open = new Set<Exchange>()
  #isClosed = false

  constructor(context: DumContext, dialog: Dialog, credentials: DigestClient | undefined) {
    this.#context = context
    this.#dialog = dialog
    this.#credentials = credentials
  }

  /** Whether a request of ours is under way, or waits. */
  get isBusy(): boolean {
    return this.#open.size > 0 || this.#line.length > 0
  }

  /**
   * Sends a request when its turn has come. Answers false where too many wait.
   */
  send(method: Method, fill: Fill, user: ExchangeUser): boolean {
    if (this.#isClosed) return false
    const waiting = { method, fill, user }
    if (method === 'BYE' || method === 'PRACK' || this.#blocking === undefined) {
      this.#start(waiting)
      return true
    }
    if (this.#line.length >= this.#context.limits.maxWaiting) return false
    this.#line.push(waiting)
    return true
  }

  /** Cancels a re-INVITE that is under way (RFC 3261 §9.1). */
  cancelInvite(): void {
    for (const exchange of this.#open) if (exchange.template.method === 'INVITE') exchange.cancel()
  }

  /** What waits is not sent, but a BYE may still be. */
  clear(): void {
    this.#line.length = 0
  }

  /** Nothing is sent any more, and nobody told. */
  close(): void {
    this.#isClosed = true
    this.clear()
    for (const exchange of this.#open) {
      exchange.leave(response => {
        const { number, method } = response.cseq
        if (method !== 'INVITE') return
        const ack = this.#dialog.request('ACK', number)
        this.#context.stack.sendAck(ack, wayOf(ack, this.#dialog.flow))
      })
    }
    this.#open.clear()
  }

  #start({ method, fill, user }: Waiting): void {
    const template = this.#dialog.request(method)
    fill(template)
    const exchange: Exchange = new Exchange(
      this.#context,
      template,
      this.#dialog,
      this.#told(user, method, () => exchange),
      this.#credentials,
      wayOf(template, this.#dialog.flow),
    )
    this.#open.add(exchange)
    if (method !== 'BYE' && method !== 'PRACK') this.#blocking = exchange
    exchange.start()
  }

  #told(user: ExchangeUser, method: Method, self: () => Exchange): ExchangeUser {
    return {
      onProvisional: response => {
        user.onProvisional?.(response)
        if (method === 'INVITE') this.#unblock(self())
      },
      onFinal: response => {
        this.#open.delete(self())
        try {
          user.onFinal(response)
        } finally {
          this.#unblock(self())
        }
      },
      onFailure: failure => {
        this.#open.delete(self())
        try {
          user.onFailure(failure)
        } finally {
          this.#unblock(self())
        }
      },
      amend: (sent, response) => user.amend?.(sent, response),
    }
  }

  #unblock(exchange: Exchange): void {
    if (this.#blocking !== exchange) return
    this.#blocking = undefined
    const next = this.#line.shift()
    if (next !== undefined && !this.#isClosed) this.#start(next)
  }
}

/** A user of a request whose end is all that matters. */
export function ended(onEnd: (status: number, response: SipResponse | undefined) => void): ExchangeUser {
  return {
    onFinal: response => onEnd(response.status, response),
    onFailure: failure => onEnd(failure.status, undefined),
  }
}
