import type { StunAttributeValue } from '../../stun/attribute.ts'
import type { StunErrorCode } from '../../stun/attributes/general.ts'
import { addressText, type TransportAddress } from '../../stun/ip.ts'
import type { StunMessage } from '../../stun/message.ts'
import type { StunSignature } from './authentication.ts'
import type { StunFailure } from './failure.ts'
import type { StunClientTransaction, StunTiming, StunTransactionUser } from './transaction.ts'

export interface StunRequest {
  readonly method: number
  readonly attributes?: readonly StunAttributeValue[]
  /** For this request only. */
  readonly timing?: Partial<StunTiming>
  /** Not held back by the limit of requests under way: for what ends an allocation before its socket closes. */
  readonly atOnce?: boolean
  /** Another address than the client's server, for RFC 5780 tests and ICE checks; a 300 is not followed then. */
  readonly to?: TransportAddress
}

/**
 * Who asked; exactly one of the two is called, once, and neither after `cancel` or `close`. What it throws, or rejects
 * with, ends at the client's `onCallbackError`.
 */
export interface StunRequestUser {
  /**
   * `roundTrip` in milliseconds; `undefined` where the request went out more than once, so that nobody knows which of
   * them was answered (Karn's rule, RFC 8489 §6.2.1).
   */
  onSuccess(response: StunMessage, source: TransportAddress, roundTrip: number | undefined): void
  onFailure(failure: StunFailure): void
}

/** @internal what an exchange needs of its client */
export interface ExchangeOwner {
  transmit(request: Uint8Array, to: TransportAddress): void
  onResponse(exchange: Exchange, response: StunMessage, source: TransportAddress): void
  onFailure(exchange: Exchange, failure: 'timeout' | 'integrity' | 'transport', cause: unknown): void
  forget(exchange: Exchange): void
}

/** A request under way: one transaction after another, through challenges and alternate servers. */
export class Exchange implements StunTransactionUser {
  readonly request: StunRequest
  readonly user: StunRequestUser
  readonly #owner: ExchangeOwner
  /** @internal */
  server: TransportAddress
  /** @internal requests sent for it, each with a transaction of its own */
  attempts = 0
  /** @internal the response that is being delivered was a challenge: ask again */
  retry = false
  /** @internal what the request under way was signed with */
  signature: StunSignature | undefined
  /** @internal the error code of the last response that was discarded */
  discarded: StunErrorCode | undefined
  /** @internal */
  key = ''
  /** @internal */
  transaction: StunClientTransaction | undefined
  readonly #asked = new Set<string>()

  constructor(request: StunRequest, user: StunRequestUser, server: TransportAddress, owner: ExchangeOwner) {
    this.request = request
    this.user = user
    this.server = server
    this.#owner = owner
    this.#asked.add(addressText(server))
  }

  /** Stops it; its user hears no more. */
  cancel(): void {
    this.transaction?.cancel()
    this.#owner.forget(this)
  }

  /** @internal turns to another server, unless it was asked before: then it is a redirection loop (§10) */
  redirect(server: TransportAddress): boolean {
    const key = addressText(server)
    if (this.#asked.has(key)) return false
    this.#asked.add(key)
    this.server = server
    this.attempts = 0
    return true
  }

  /** @internal */
  transmit(transaction: StunClientTransaction): void {
    try {
      this.#owner.transmit(transaction.request, transaction.server)
    } catch (error) {
      transaction.transportFailed(error)
    }
  }

  /** @internal */
  onResponse(_: StunClientTransaction, response: StunMessage, source: TransportAddress): void {
    this.#owner.onResponse(this, response, source)
  }

  /** @internal */
  onFailure(_: StunClientTransaction, failure: 'timeout' | 'integrity' | 'transport', cause?: unknown): void {
    this.#owner.onFailure(this, failure, cause)
  }
}
