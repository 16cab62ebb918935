import type { Flow } from '../message/flow.ts'
import type { SipResponse } from '../message/message.ts'
import type { RequestTemplate } from '../message/template.ts'
import type { Placement } from '../transport/placement.ts'
import type { ClientMachine, ClientUser } from './client-machine.ts'
import type { TransactionContext } from './context.ts'
import { InviteClient } from './invite-client.ts'
import { clientKey, responseKey } from './key.ts'
import { NonInviteClient } from './non-invite-client.ts'

type Client = InviteClient | NonInviteClient

/** The live client transactions: found by branch for a response, and by connection when one is lost. */
export class ClientTransactions {
  readonly #byKey = new Map<string, Client>()
  readonly #byConnection = new Map<string, Set<Client>>()
  readonly #context: TransactionContext

  constructor(context: Omit<TransactionContext, 'onEnded'>) {
    this.#context = { ...context, onEnded: key => this.#forget(key) }
  }

  get size(): number {
    return this.#byKey.size
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
    client.start()
    if (client.flow.connection !== 0 && this.#byKey.has(key)) this.#enter(client)
    return client
  }

  /** The transaction that a response belongs to (RFC 3261 §17.1.3). */
  find(response: SipResponse): Client | undefined {
    const client = this.#byKey.get(responseKey(response))
    return client?.method === response.cseq.method ? client : undefined
  }

  /** A lost connection is a transport error to the transactions that wait on it, at once (RFC 3261 §17.1.4). */
  fail(flow: Flow): void {
    const waiting = flow.connection === 0 ? this.#byKey.values() : this.#byConnection.get(connectionKey(flow))
    // a user that is told may send at once again: those new transactions have not failed
    for (const client of [...(waiting ?? [])]) if (isSameFlow(client.flow, flow)) client.onTransportError()
  }

  /** Adds live transactions by state to two tallies. */
  count(invites: Record<string, number>, others: Record<string, number>): void {
    for (const client of this.#byKey.values()) {
      const tally = client instanceof InviteClient ? invites : others
      tally[client.state] = (tally[client.state] ?? 0) + 1
    }
  }

  clear(): void {
    this.#byKey.clear()
    this.#byConnection.clear()
  }

  #enter(client: Client): void {
    const connection = connectionKey(client.flow)
    const waiting = this.#byConnection.get(connection)
    if (waiting === undefined) this.#byConnection.set(connection, new Set([client]))
    else waiting.add(client)
  }

  #forget(key: string): void {
    const client = this.#byKey.get(key)
    this.#byKey.delete(key)
    if (client === undefined || client.flow.connection === 0) return
    const connection = connectionKey(client.flow)
    const waiting = this.#byConnection.get(connection)
    waiting?.delete(client)
    if (waiting?.size === 0) this.#byConnection.delete(connection)
  }
}

function connectionKey(flow: Flow): string {
  return `${flow.transport} ${flow.connection}`
}

/** Whether a transaction's flow is the one that failed: the same connection, or the same address over datagrams. */
function isSameFlow(flow: Flow, failed: Flow): boolean {
  if (flow.transport !== failed.transport || flow.connection !== failed.connection) return false
  return failed.connection !== 0 || (flow.address === failed.address && flow.port === failed.port)
}
