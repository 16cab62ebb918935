import type { Method } from '../stack/grammar/method.ts'
import * as h from '../stack/headers/index.ts'
import { RetryAfter } from '../stack/headers/retry-after.ts'
import type { Flow } from '../stack/message/flow.ts'
import type { SipRequest, SipResponse } from '../stack/message/message.ts'
import type { ServerFailure } from '../stack/transaction/server-machine.ts'
import type { ServerTransaction } from '../stack/transaction/server-transaction.ts'
import type { TransactionUser } from '../stack/transaction/transaction-user.ts'
import type { EnvironmentError } from '../util/errors.ts'
import type { DumContext } from './core/context.ts'
import type { DialogMap, UsedDialog } from './dialog/dialog-map.ts'
import type { Usage } from './dialog/usage.ts'

/** Takes new requests of one method. */
export type Arrivals = (transaction: ServerTransaction) => void

/** Who hears more of a transaction than its request. */
export interface TransactionHolder {
  onCancel(transaction: ServerTransaction): void
  onTransactionFailed(transaction: ServerTransaction, failure: ServerFailure): void
}

/** The one transaction user of a DialogUsageManager: finds out whose a request is. */
export class Dispatch implements TransactionUser {
  readonly #context: DumContext
  readonly #map: DialogMap
  readonly #arrivals = new Map<Method, Arrivals>()
  readonly #holders = new WeakMap<ServerTransaction, TransactionHolder>()

  constructor(context: DumContext, map: DialogMap) {
    this.#context = context
    this.#map = map
  }

  get methods(): Method[] {
    return [...this.#arrivals.keys(), 'ACK', 'CANCEL', 'BYE', 'PRACK', 'UPDATE', 'INFO']
  }

  /** New requests of a method go to `arrivals` from now on. */
  take(method: Method, arrivals: Arrivals): void {
    this.#arrivals.set(method, arrivals)
  }

  hold(transaction: ServerTransaction, holder: TransactionHolder): void {
    this.#holders.set(transaction, holder)
  }

  accepts(request: SipRequest): boolean {
    if (request.to.tag !== undefined)
      return this.#map.ofRequest(request) !== undefined || this.#map.ofNewFork(request) !== undefined
    return this.#arrivals.has(request.method)
  }

  onRequest(transaction: ServerTransaction): void {
    const { request } = transaction
    if (this.#isTooLarge(request)) {
      this.#context.counters.refusedByLimit++
      transaction.respond(413)
      return
    }
    const used = this.#map.ofRequest(request)
    const set = used === undefined ? this.#map.ofNewFork(request) : undefined
    if (used !== undefined) this.#receive(transaction, used)
    else if (set !== undefined) set.receiveNew?.(transaction)
    else if (this.#map.size >= this.#context.limits.maxDialogs) {
      this.#context.counters.refusedByLimit++
      transaction.respond(transaction.response(503).set(h.RetryAfter, new RetryAfter(10)))
    } else this.#arrivals.get(request.method)?.(transaction)
  }

  onCancel(transaction: ServerTransaction): void {
    const { request } = transaction
    const inDialog = (): Usage | undefined =>
      this.#map.ofRequest(request)?.usages.find(usage => usage.claims(request))
    const holder = this.#holders.get(transaction) ?? inDialog()
    holder?.onCancel?.(transaction)
    if (!transaction.isAnswered) transaction.respond(487)
  }

  onFailure(transaction: ServerTransaction, failure: ServerFailure): void {
    this.#holders.get(transaction)?.onTransactionFailed(transaction, failure)
  }

  onAck(ack: SipRequest): void {
    const used = this.#map.ofRequest(ack)
    if (used === undefined) this.#context.counters.strays++
    else for (const usage of used.usages) usage.receiveAck?.(ack)
  }

  onStrayResponse(response: SipResponse): void {
    const used = this.#map.ofResponse(response)
    if (used === undefined) this.#context.counters.strays++
    else for (const usage of used.usages) usage.receiveStray?.(response)
  }

  onFlowFailed(flow: Flow, error: EnvironmentError | undefined): void {
    for (const { usages } of this.#map.dialogs())
      for (const usage of usages) usage.onFlowFailed?.(flow, error)
  }

  /** A BYE ends its call, whatever it brings. */
  #isTooLarge({ method, body }: SipRequest): boolean {
    return method !== 'BYE' && body.length > this.#context.limits.maxBody
  }

  /** RFC 3261 §12.2.2: numbers in order first; then the usage that claims it. */
  #receive(transaction: ServerTransaction, { dialog, usages }: UsedDialog): void {
    const { request } = transaction
    if (!dialog.takesSeq(request)) {
      transaction.respond(500)
      return
    }
    const usage = usages.find(candidate => candidate.claims(request))
    if (usage === undefined) {
      transaction.respond(481)
      return
    }
    if (request.source !== undefined) dialog.flow = request.source
    usage.receive(transaction)
  }
}
