import { type EnvironmentError, UsageError } from '../../util/errors.ts'
import { type Failed, guarded, prompt } from '../../util/guard.ts'
import type { Timers } from '../../util/timers.ts'
import { type Method, methods } from '../grammar/method.ts'
import * as h from '../headers/index.ts'
import type { Flow } from '../message/flow.ts'
import { parseMessage, type SipMessage, type SipRequest, type SipResponse } from '../message/message.ts'
import type { RequestTemplate } from '../message/template.ts'
import type { StatelessReplies } from '../stateless.ts'
import type { Counters } from '../statistics.ts'
import type { TransportLayer } from '../transport/layer.ts'
import type { Placement } from '../transport/placement.ts'
import type { Transport } from '../transport/transport.ts'
import { Admission, type RequestFilter } from './admission.ts'
import type { ClientMachine, ClientUser } from './client-machine.ts'
import { ClientTransactions } from './client-transactions.ts'
import type { Congestion } from './congestion.ts'
import { InviteServer } from './invite-server.ts'
import { cancelledKey, isRfc2543, serverKey } from './key.ts'
import { Ledger, type TransactionLimits } from './ledger.ts'
import type { ServerMachine } from './server-machine.ts'
import { ServerTransaction, type ServerTransactionContext } from './server-transaction.ts'
import { ServerTransactions } from './server-transactions.ts'
import type { TransactionTiming } from './timers.ts'
import type { TransactionUser } from './transaction-user.ts'

export interface TransactionLayerOptions {
  readonly timers: Timers
  readonly timing: TransactionTiming
  readonly transports: TransportLayer
  readonly replies: StatelessReplies
  readonly congestion: Congestion
  readonly counters: Counters
  readonly newTag: () => string
  readonly limits: TransactionLimits
  /** Whether responses over UDP go to the `maddr` of a Via. */
  readonly followMaddr: boolean
  /** What a Via's `keep` is answered with, in seconds. */
  readonly keep: number | undefined
  /** Told what an application's handler threw, or rejected with. */
  readonly failed: Failed
}

/** Live transactions by machine and state. */
export interface TransactionCounts {
  readonly inviteClient: Record<string, number>
  readonly inviteServer: Record<string, number>
  readonly nonInviteClient: Record<string, number>
  readonly nonInviteServer: Record<string, number>
}

/** Owns the transactions of CANCELs, which the layer answers itself. */
const silentUser: TransactionUser = { accepts: () => true, onRequest() {} }

/**
 * Matches messages to transactions (RFC 3261 §17), gives new requests to the transaction user that claims them, and
 * answers those that nobody claims.
 */
export class TransactionLayer implements ServerTransactionContext {
  readonly counters: Counters
  readonly failed: Failed
  readonly #servers: ServerTransactions
  readonly #clients: ClientTransactions
  readonly #users: TransactionUser[] = []
  readonly #options: TransactionLayerOptions
  readonly #ledger: Ledger
  readonly #admission: Admission
  #closed = false

  constructor(options: TransactionLayerOptions) {
    this.#options = options
    const { timers, timing, transports, counters, limits, failed } = options
    const ledger = new Ledger(limits)
    const shared = {
      timers,
      timing,
      send: (wire: string, flow: Flow) => transports.send(wire, flow),
      onRetransmission: () => {
        counters.retransmissionsOut++
      },
      onWeight: (was: number, now: number) => {
        ledger.bytes += now - was
      },
    }
    this.#ledger = ledger
    this.#servers = new ServerTransactions(shared, ledger, options.followMaddr)
    this.#clients = new ClientTransactions(shared, ledger)
    this.#admission = new Admission({ ...options, ledger })
    this.counters = counters
    this.failed = failed
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

  addFilter(filter: RequestFilter): void {
    this.#admission.addFilter(filter)
  }

  get size(): number {
    return this.#ledger.count
  }

  /** Octets that the live transactions keep, as near as can be told. */
  get bytes(): number {
    return this.#ledger.bytes
  }

  /** Whether no further transaction may be begun for new work. */
  get isFull(): boolean {
    return this.#ledger.isFull
  }

  /** Counts live transactions by state; walks over all of them. */
  counts(): TransactionCounts {
    const counts: TransactionCounts = {
      inviteClient: {},
      inviteServer: {},
      nonInviteClient: {},
      nonInviteServer: {},
    }
    this.#servers.count(counts.inviteServer, counts.nonInviteServer)
    this.#clients.count(counts.inviteClient, counts.nonInviteClient)
    return counts
  }

  /** Starts a client transaction: the request goes out as `wire`, encoded with the placement. */
  startClient(
    template: RequestTemplate,
    placement: Placement,
    wire: string,
    user: ClientUser,
  ): ClientMachine<string> {
    this.counters.requestOut(template.method)
    return this.#clients.start(template, placement, wire, user)
  }

  onMessage(message: SipMessage): void {
    if (this.#closed) return
    try {
      if (message.isRequest) this.#onRequest(message)
      else this.#onResponse(message)
    } catch (error) {
      this.failed(error)
    }
  }

  /** First the transactions hear it, then the users. */
  onFlowFailed(flow: Flow, error: EnvironmentError | undefined): void {
    try {
      this.#clients.fail(flow, error)
      this.#servers.fail(flow)
    } catch (failure) {
      this.failed(failure)
    }
    for (const user of this.#present()) guarded(this.failed, user, user.onFlowFailed, flow, error)
  }

  onTransportAdded(transport: Transport): void {
    for (const user of this.#present()) guarded(this.failed, user, user.onTransportAdded, transport)
  }

  /** First the transactions end that could go on by no other transport, then the users hear it. */
  onTransportRemoved(transport: Transport): void {
    this.#clients.endBy(transport.key, this.failed)
    this.#servers.endBy(transport.key, this.failed)
    for (const user of this.#present()) guarded(this.failed, user, user.onTransportRemoved, transport)
  }

  onFlowOpened(flow: Flow): void {
    for (const user of this.#present()) guarded(this.failed, user, user.onFlowOpened, flow)
  }

  onPong(flow: Flow): void {
    for (const user of this.#present()) guarded(this.failed, user, user.onPong, flow)
  }

  onStun(bytes: Buffer, flow: Flow): void {
    for (const user of this.#present()) guarded(this.failed, user, user.onStun, bytes, flow)
  }

  get keep(): number | undefined {
    return this.#options.keep
  }

  get isClosed(): boolean {
    return this.#closed
  }

  /** Forgets all transactions without telling their users, and stops the stack's timers. */
  close(): void {
    this.#closed = true
    this.#options.timers.close()
    this.#clients.clear()
    this.#servers.clear()
    this.#users.length = 0
  }

  /** All users, but for those that one before them takes out meanwhile: by `removeUser`, or all by closing the stack. */
  *#present(): Generator<TransactionUser> {
    for (const user of [...this.#users]) if (this.#users.includes(user)) yield user
  }

  #onResponse(response: SipResponse): void {
    const { counters, failed } = this
    counters.responseIn(response.status)
    const client = this.#clients.find(response)
    if (client !== undefined) {
      client.onResponse(response)
      return
    }
    counters.strayResponses++
    for (const user of this.#present()) guarded(failed, user, user.onStrayResponse, response)
  }

  #onRequest(request: SipRequest): void {
    const { counters } = this
    const { method } = request
    counters.requestIn(method)
    const key = serverKey(request)
    const server = this.#servers.get(key)
    if (server !== undefined && isForServer(server, request)) {
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

  #onStrayAck(ack: SipRequest): void {
    if (this.#options.replies.isAckOfOurs(ack) || !this.#admission.passes(ack)) return
    const owner = this.#ownerOf(ack)
    if (owner?.onAck === undefined) this.counters.strayAcks++
    else guarded(this.failed, owner, owner.onAck, ack)
  }

  /**
   * §9.2: a CANCEL that matches is answered 200 here; what it does to an INVITE is the owner's, and to any other request
   * it does nothing. Where no transaction may be begun its answer is stateless, for what it ends frees more.
   */
  #onCancel(cancel: SipRequest, key: string): void {
    const cancelled = this.#cancelledBy(cancel)
    if (cancelled === undefined) {
      this.#onNewRequest(cancel, key)
      return
    }
    const { handle } = cancelled
    if (this.#ledger.isFull) this.#options.replies.reply(cancel, 200)
    else this.#open(cancel, key, silentUser, handle?.localTag).respond(200)
    if (handle !== undefined && !handle.isAnswered && cancelled instanceof InviteServer)
      handle.cancelBy(cancel)
  }

  #cancelledBy(cancel: SipRequest): ServerMachine<string> | undefined {
    const invite = this.#servers.get(cancelledKey(cancel, 'INVITE'))
    if (invite !== undefined) return invite
    for (const method of methods) {
      if (method === 'ACK' || method === 'CANCEL') continue
      const other = this.#servers.get(cancelledKey(cancel, method))
      if (other !== undefined) return other
    }
    return undefined
  }

  #onNewRequest(request: SipRequest, key: string): void {
    const { congestion, replies } = this.#options
    if (!this.#admission.admits(request)) return
    let owner: TransactionUser | undefined
    try {
      owner = this.#ownerOf(request)
    } catch (error) {
      this.failed(error)
      replies.reply(request, 500)
      return
    }
    if (owner === undefined) {
      replies.refuseUnclaimed(request, allowedMethods(this.#users))
      return
    }
    congestion.watch()
    const transaction = this.#open(request, key, owner)
    guarded(transaction, owner, owner.onRequest, transaction)
  }

  #open(request: SipRequest, key: string, owner: TransactionUser, localTag?: string): ServerTransaction {
    const { source } = request
    if (source === undefined)
      throw new UsageError('ERR_SIP_SOURCE', 'a request without a source cannot be answered')
    const server = this.#servers.open(request, key, source)
    const hop = this.#options.transports.responseHop(source)
    const tag = localTag ?? this.#options.newTag()
    const transaction = new ServerTransaction(request, owner, tag, server, hop, this)
    server.handle = transaction
    return transaction
  }

  /** @throws UsageError where `accepts` answers a promise: whose a request is must be known at once */
  #ownerOf(request: SipRequest): TransactionUser | undefined {
    for (const user of this.#users) {
      if (prompt(this.failed, 'accepts', user.accepts(request))) return user
    }
    return undefined
  }
}

/**
 * An ACK to a 2xx is its user's, whatever its branch (RFC 6026 §7.1); one of RFC 2543 belongs to its INVITE only if it
 * has the To tag of the response (§17.2.3).
 */
function isForServer(server: ServerMachine<string>, request: SipRequest): boolean {
  if (request.method !== 'ACK') return true
  if (server.state === 'accepted') return false
  if (!isRfc2543(request) || server.state === 'confirmed') return true
  const { tag } = request.to
  return tag === undefined || tag === toTagOf(server.last)
}

function toTagOf(wire: string): string | undefined {
  const answer = parseMessage(Buffer.from(wire, 'latin1'))
  return answer instanceof Error ? undefined : answer.try(h.To).value?.tag
}

/** The methods of all users; `undefined` where one of them takes every method. */
function allowedMethods(users: readonly TransactionUser[]): Method[] | undefined {
  const allowed = new Set<Method>()
  for (const user of users) {
    if (user.methods === undefined) return undefined
    for (const method of user.methods) allowed.add(method)
  }
  return [...allowed]
}
