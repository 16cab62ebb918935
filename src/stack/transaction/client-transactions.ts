import type { EnvironmentError } from '../../util/errors.ts'
import { type Failed, guarded } from '../../util/guard.ts'
import type { Flow } from '../message/flow.ts'
import type { SipResponse } from '../message/message.ts'
import type { RequestTemplate } from '../message/template.ts'
import type { Placement } from '../transport/placement.ts'
import type { ClientMachine, ClientUser } from './client-machine.ts'
import type { TransactionContext } from './context.ts'
import { FlowIndex } from './flow-index.ts'
import { InviteClient } from './invite-client.ts'
import { clientKey, responseKey } from './key.ts'
import type { Ledger } from './ledger.ts'
import { NonInviteClient } from './non-invite-client.ts'

/** The live client transactions: found by branch for a response, and by their flow when that fails. */
export class ClientTransactions {
  readonly #byKey = new Map<string, ClientMachine<string>>()
  readonly #waiting = new FlowIndex<ClientMachine<string>>()
  readonly #context: TransactionContext<ClientMachine<string>>
  readonly #ledger: Ledger

  constructor(
    context: Pick<TransactionContext, 'timers' | 'timing' | 'send' | 'onRetransmission' | 'onWeight'>,
    ledger: Ledger,
  ) {
    this.#context = {
      ...context,
      onMoved: (client, was) => {
        if (client.user === undefined) return
        this.#waiting.delete(client, was)
        this.#waiting.add(client)
      },
      onReleased: client => this.#waiting.delete(client),
      onEnded: client => {
        if (this.#byKey.delete(client.key)) ledger.count--
      },
    }
    this.#ledger = ledger
  }

  /** Starts a transaction: the request goes out as `wire`. */
  start(
    template: RequestTemplate,
    placement: Placement,
    wire: string,
    user: ClientUser,
  ): ClientMachine<string> {
    const { method } = template
    const key = clientKey(placement.branch, method)
    const client =
      method === 'INVITE'
        ? new InviteClient(this.#context, key, placement, template, wire, user)
        : new NonInviteClient(this.#context, key, placement, template, wire, user)
    this.#byKey.set(key, client)
    this.#ledger.count++
    this.#waiting.add(client)
    client.start()
    return client
  }

  /** The transaction that a response belongs to (RFC 3261 §17.1.3). */
  find(response: SipResponse): ClientMachine<string> | undefined {
    const client = this.#byKey.get(responseKey(response))
    return client?.method === response.cseq.method ? client : undefined
  }

  /** A lost flow is a transport error to the transactions that wait on it, at once (RFC 3261 §17.1.4). */
  fail(flow: Flow, error: EnvironmentError | undefined): void {
    for (const client of this.#waiting.waitingOn(flow)) {
      client.cause = error
      client.onTransportError()
    }
  }

  /** Ends those that wait on a transport which is gone, and tells their users. */
  endBy(transport: string, failed: Failed): void {
    for (const client of this.#byKey.values())
      if (client.flow.transport === transport) guarded(failed, client, client.onTransportRemoved)
  }

  /** Adds live transactions by state to two tallies. */
  count(invites: Record<string, number>, others: Record<string, number>): void {
    for (const client of this.#byKey.values()) {
      const tally = client instanceof InviteClient ? invites : others
      tally[client.state] = (tally[client.state] ?? 0) + 1
    }
  }

  /** Forgets all and tells nobody. */
  clear(): void {
    this.#byKey.clear()
    this.#waiting.clear()
  }
}
