import { flatCopy } from '../../util/bytes.ts'
import { type Failed, guarded } from '../../util/guard.ts'
import type { Flow } from '../message/flow.ts'
import type { SipRequest } from '../message/message.ts'
import { responseWay } from '../transport/response-way.ts'
import type { TransactionContext } from './context.ts'
import { FlowIndex } from './flow-index.ts'
import { InviteServer } from './invite-server.ts'
import type { Ledger } from './ledger.ts'
import { NonInviteServer } from './non-invite-server.ts'
import type { ServerMachine } from './server-machine.ts'

/** The live server transactions: found by key for a request, and by their flow when that fails. */
export class ServerTransactions {
  readonly #byKey = new Map<string, ServerMachine<string>>()
  readonly #waiting = new FlowIndex<ServerMachine<string>>()
  readonly #context: TransactionContext<ServerMachine<string>>
  readonly #ledger: Ledger
  readonly #followMaddr: boolean

  /** `followMaddr`: see `StackOptions`. */
  constructor(
    context: Pick<TransactionContext, 'timers' | 'timing' | 'send' | 'onRetransmission' | 'onWeight'>,
    ledger: Ledger,
    followMaddr: boolean,
  ) {
    this.#context = {
      ...context,
      onMoved: (server, was) => {
        if (server.handle === undefined) return
        this.#waiting.delete(server, was)
        this.#waiting.add(server)
      },
      onReleased: server => this.#waiting.delete(server),
      onEnded: server => {
        if (this.#byKey.delete(server.key)) ledger.count--
      },
    }
    this.#ledger = ledger
    this.#followMaddr = followMaddr
  }

  get(key: string): ServerMachine<string> | undefined {
    return this.#byKey.get(key)
  }

  /** Makes the transaction of a request that came from `source`. */
  open(request: SipRequest, key: string, source: Flow): ServerMachine<string> {
    const way = responseWay(request, source, this.#followMaddr)
    const kept = flatCopy(key)
    const octets = request.bytes.length
    const server =
      request.method === 'INVITE'
        ? new InviteServer(this.#context, kept, way, octets)
        : new NonInviteServer(this.#context, kept, way, octets)
    this.#byKey.set(kept, server)
    this.#ledger.count++
    this.#waiting.add(server)
    return server
  }

  /**
   * A lost connection is told to the transactions that came by it, for an answer then needs a new one; over a connection
   * that had to be made for an answer, and over datagrams, it is that answer which did not arrive (RFC 3261 §17.2.4).
   */
  fail(flow: Flow): void {
    for (const server of this.#waiting.waitingOn(flow)) {
      if (flow.connection === server.way.flow.connection && flow.connection !== 0) server.onFlowLost()
      else server.onTransportError()
    }
  }

  /** Ends those whose answers cannot leave because their transport is gone, and tells their users. */
  endBy(transport: string, failed: Failed): void {
    for (const server of this.#byKey.values())
      if (server.flow.transport === transport) guarded(failed, server, server.onTransportRemoved)
  }

  /** Adds live transactions by state to two tallies. */
  count(invites: Record<string, number>, others: Record<string, number>): void {
    for (const server of this.#byKey.values()) {
      const tally = server instanceof InviteServer ? invites : others
      tally[server.state] = (tally[server.state] ?? 0) + 1
    }
  }

  /** Forgets all and tells nobody. */
  clear(): void {
    this.#byKey.clear()
    this.#waiting.clear()
  }
}
