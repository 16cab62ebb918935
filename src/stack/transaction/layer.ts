import { flatCopy } from '../../util/bytes.ts'
import type { Log } from '../../util/log.ts'
import type { Timers } from '../../util/timers.ts'
import type { SipMessage, SipRequest, SipResponse } from '../message/message.ts'
import type { RequestTemplate } from '../message/template.ts'
import type { StatelessReplies } from '../stateless.ts'
import type { Counters } from '../statistics.ts'
import type { Flow } from '../transport/flow.ts'
import type { TransportLayer } from '../transport/layer.ts'
import type { Placement } from '../transport/placement.ts'
import { responseWay } from '../transport/response-way.ts'
import type { ClientMachine, ClientUser } from './client-machine.ts'
import type { Congestion } from './congestion.ts'
import type { TransactionContext } from './context.ts'
import { InviteClient } from './invite-client.ts'
import { InviteServer } from './invite-server.ts'
import { cancelledKey, clientKey, isRfc2543, responseKey, serverKey } from './key.ts'
import { NonInviteClient } from './non-invite-client.ts'
import { NonInviteServer } from './non-invite-server.ts'
import { ServerTransaction } from './server-transaction.ts'
import type { TransactionTiming } from './timers.ts'
import type { TransactionUser } from './user.ts'

export interface TransactionLayerOptions {
  readonly timers: Timers
  readonly timing: TransactionTiming
  readonly transports: TransportLayer
  readonly replies: StatelessReplies
  readonly congestion: Congestion
  readonly counters: Counters
  readonly log: Log
  readonly newTag: () => string
  /** Server transactions that may be open; one more request is answered 503. */
  readonly maxTransactions: number
}

/** Live transactions by machine and state. */
export interface TransactionCounts {
  readonly inviteClient: Record<string, number>
  readonly inviteServer: Record<string, number>
  readonly nonInviteClient: Record<string, number>
  readonly nonInviteServer: Record<string, number>
}

/** Owns what is only answered: the CANCEL of an INVITE whose owner has let go. */
const silentUser: TransactionUser = { accepts: () => true, onRequest() {} }

type Server = InviteServer | NonInviteServer
type Client = InviteClient | NonInviteClient

/**
 * Matches messages to transactions (RFC 3261 §17), gives new requests to the transaction user that claims them, and
 * answers those that nobody claims.
 */
export class TransactionLayer {
  readonly #servers = new Map<string, Server>()
  readonly #clients = new Map<string, Client>()
  readonly #users: TransactionUser[] = []
  readonly #options: TransactionLayerOptions
  readonly #serverContext: TransactionContext
  readonly #clientContext: TransactionContext

  constructor(options: TransactionLayerOptions) {
    this.#options = options
    const { timers, timing, transports, counters } = options
    const shared = {
      timers,
      timing,
      send: (wire: string, flow: Flow) => transports.send(wire, flow),
      onRetransmission: () => {
        counters.retransmissionsOut++
      },
    }
    this.#serverContext = { ...shared, onEnded: key => void this.#servers.delete(key) }
    this.#clientContext = { ...shared, onEnded: key => void this.#clients.delete(key) }
  }

  /** Users are asked in the order they were added. */
  addUser(user: TransactionUser): void {
    this.#users.push(user)
  }

  removeUser(user: TransactionUser): void {
    const at = this.#users.indexOf(user)
    if (at >= 0) this.#users.splice(at, 1)
  }

  get hasUsers(): boolean {
    return this.#users.length > 0
  }

  get size(): number {
    return this.#servers.size + this.#clients.size
  }

  /** Counts live transactions by state; walks over all of them. */
  counts(): TransactionCounts {
    const counts: TransactionCounts = {
      inviteClient: {},
      inviteServer: {},
      nonInviteClient: {},
      nonInviteServer: {},
    }
    for (const server of this.#servers.values()) {
      count(server instanceof InviteServer ? counts.inviteServer : counts.nonInviteServer, server.state)
    }
    for (const client of this.#clients.values()) {
      count(client instanceof InviteClient ? counts.inviteClient : counts.nonInviteClient, client.state)
    }
    return counts
  }

  /**
   * Starts a client transaction: the request goes out with the placement's Via.
   * @throws UsageError where the template cannot be encoded
   */
  startClient(
    template: RequestTemplate,
    placement: Placement,
    wire: string,
    user: ClientUser,
  ): ClientMachine<string> {
    const { method } = template
    const key = clientKey(placement.branch, method)
    const client =
      method === 'INVITE'
        ? new InviteClient(this.#clientContext, key, placement, template, wire, user)
        : new NonInviteClient(this.#clientContext, key, placement, template, wire, user)
    this.#clients.set(key, client)
    this.#options.counters.requestOut(method)
    client.start()
    return client
  }

  onMessage(message: SipMessage): void {
    try {
      if (message.isRequest) this.#onRequest(message)
      else this.#onResponse(message)
    } catch (error) {
      this.onHandlerError(error)
    }
  }

  /** A lost connection is a transport error to the client transactions that wait on it, at once (RFC 3261 §17.1.4). */
  onFlowFailed(flow: Flow): void {
    for (const client of this.#clients.values()) {
      if (isSameFlow(client.flow, flow)) client.onTransportError()
    }
  }

  /** Forgets all transactions without telling their users. */
  close(): void {
    const { timers } = this.#options
    for (const client of this.#clients.values()) {
      timers.stop(client.resending)
      timers.stop(client.ending)
    }
    for (const server of this.#servers.values()) {
      if (server instanceof InviteServer) {
        timers.stop(server.resending)
        timers.stop(server.ending)
      } else timers.stop(server.timer)
    }
    this.#clients.clear()
    this.#servers.clear()
    this.#users.length = 0
  }

  #onResponse(response: SipResponse): void {
    const { counters } = this.#options
    counters.responseIn(response.status)
    const client = this.#clients.get(responseKey(response))
    if (client !== undefined) {
      client.onResponse(response)
      return
    }
    counters.strayResponses++
    for (const user of this.#users) user.onStrayResponse?.(response)
  }

  #onRequest(request: SipRequest): void {
    const { counters } = this.#options
    const { method } = request
    counters.requestIn(method)
    const key = serverKey(request)
    const server = this.#servers.get(key)
    if (server !== undefined && this.#isForServer(server, request)) {
      if (method !== 'ACK') counters.retransmissionsIn++
      server.onRequest(method === 'ACK')
    } else if (method === 'ACK') {
      this.#onStrayAck(request)
    } else if (method === 'CANCEL') {
      this.#onCancel(request, key)
    } else {
      this.#onNewRequest(request, key)
    }
  }

  /**
   * An ACK to a 2xx is its user's, whatever its branch (RFC 6026 §7.1); one of RFC 2543 belongs to its INVITE only if
   * it has the To tag of the response (§17.2.3).
   */
  #isForServer(server: Server, request: SipRequest): boolean {
    if (request.method !== 'ACK') return true
    if (server.state === 'accepted') return false
    if (!isRfc2543(request)) return true
    const tag = request.to.tag
    return tag === undefined || server.last.includes(`;tag=${tag}`)
  }

  #onStrayAck(ack: SipRequest): void {
    const owner = this.#ownerOf(ack)
    if (owner?.onAck === undefined) this.#options.counters.strayAcks++
    else owner.onAck(ack)
  }

  /** §9.2: a CANCEL that matches is answered 200 here; what it does to the INVITE is the owner's. */
  #onCancel(cancel: SipRequest, key: string): void {
    const invite = this.#servers.get(cancelledKey(cancel))
    if (invite === undefined) {
      this.#onNewRequest(cancel, key)
      return
    }
    const { handle } = invite
    const owner = handle?.owner ?? silentUser
    this.#open(cancel, key, owner, handle?.localTag).respond(200)
    if (handle !== undefined && !handle.isAnswered) handle.cancelBy(cancel)
  }

  #onNewRequest(request: SipRequest, key: string): void {
    const { counters, congestion, maxTransactions, replies } = this.#options
    const isNewWork = request.to.tag === undefined && request.method !== 'CANCEL'
    if (isNewWork && congestion.isCongested) {
      counters.refusedByCongestion++
      replies.refuseForNow(request, congestion.retryAfter)
      return
    }
    if (this.#servers.size >= maxTransactions) {
      counters.refusedByLimit++
      replies.refuseForNow(request, congestion.retryAfter)
      return
    }
    const owner = this.#ownerOf(request)
    if (owner === undefined) {
      replies.refuseUnclaimed(request, this.#users)
      return
    }
    congestion.watch()
    const transaction = this.#open(request, key, owner)
    try {
      owner.onRequest(transaction)
    } catch (error) {
      this.onHandlerError(error)
      if (!transaction.isAnswered) transaction.respond(500)
    }
  }

  #open(request: SipRequest, key: string, owner: TransactionUser, localTag?: string): ServerTransaction {
    const { source } = request
    if (source === undefined) throw new TypeError('a request without a source cannot be answered')
    const way = responseWay(request, source)
    const kept = flatCopy(key)
    const server =
      request.method === 'INVITE'
        ? new InviteServer(this.#serverContext, kept, way)
        : new NonInviteServer(this.#serverContext, kept, way)
    this.#servers.set(kept, server)
    const hop = this.#options.transports.responseHop(source.transport)
    const tag = localTag ?? this.#options.newTag()
    const transaction = new ServerTransaction(request, owner, tag, server, hop, this.#options.counters)
    server.handle = transaction
    return transaction
  }

  #ownerOf(request: SipRequest): TransactionUser | undefined {
    for (const user of this.#users) if (user.accepts(request)) return user
    return undefined
  }

  /** An application's handler that throws must not stop the stack. */
  onHandlerError(error: unknown): void {
    const { counters, log } = this.#options
    counters.handlerErrors++
    if (log.enabled('error')) {
      log.write(
        'error',
        'transaction',
        `a handler threw: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
      )
    }
  }
}

function count(states: Record<string, number>, state: string): void {
  states[state] = (states[state] ?? 0) + 1
}

/** Whether a transaction's flow is the one that failed: the same connection, or the same address over datagrams. */
function isSameFlow(flow: Flow, failed: Flow): boolean {
  if (flow.transport !== failed.transport || flow.connection !== failed.connection) return false
  return failed.connection !== 0 || (flow.address === failed.address && flow.port === failed.port)
}
