import type { MachineInstance } from '../../util/machine.ts'
import type { Flow } from '../message/flow.ts'
import type { SipRequest } from '../message/message.ts'
import type { ResponseWay } from '../transport/response-way.ts'
import type { Kept, TransactionContext } from './context.ts'
import { MACHINE_WEIGHT, messageWeight } from './weight.ts'

/**
 * What a server transaction has to tell its user besides requests: no ACK came, or the user gave no answer in time; an
 * answer could not be sent; the connection it came by is gone, so that an answer needs a new one (RFC 3261 §18.2.2).
 */
export type ServerFailure = 'timeout' | 'transport error' | 'flow lost'

/** The user's side of a server transaction, as its machine knows it. */
export interface ServerHandle {
  /** Tag that responses put behind a To that has none. */
  readonly localTag: string
  readonly isAnswered: boolean
  /** Sends 100 in the name of the user, who has not answered yet. */
  sendTrying(): void
  /** Answers in the user's stead: 487, or 500 where its handler threw. */
  respond(status: number): void
  cancelBy(cancel: SipRequest): void
  fail(failure: ServerFailure): void
  /** Keeps of its request what is small; answers how many octets that is. */
  slim(): number
}

/** A response on its way, and whose it is: an answer that cannot be sent is told to who gave it. */
export interface Answer {
  readonly status: number
  readonly wire: string
  readonly handle: ServerHandle
}

/** What both server machines keep. Of a finished transaction only key, way and the last response remain. */
export abstract class ServerMachine<S extends string> implements MachineInstance<S>, Kept {
  abstract state: S
  turn: unknown[] | null = null
  readonly context: TransactionContext<ServerMachine<string>>
  readonly key: string
  readonly way: ResponseWay
  /** Where responses go: the way's flow, or the connection that had to be made in its place. */
  flow: Flow
  /** The user's side, until nothing can be told it any more. */
  handle: ServerHandle | undefined = undefined
  /** Wire text of the response that may have to be sent again; `''` for none. */
  last = ''
  weight = 0
  /** Octets of the request, while the handle holds it. */
  #held: number

  constructor(
    context: TransactionContext<ServerMachine<string>>,
    key: string,
    way: ResponseWay,
    octets: number,
  ) {
    this.context = context
    this.key = key
    this.way = way
    this.flow = way.flow
    this.#held = messageWeight(octets)
    this.#weigh()
  }

  /** The user answers. */
  abstract onResponse(answer: Answer): void
  /** The request came again, or its ACK came. */
  abstract onRequest(isAck: boolean): void
  /** What was sent did not arrive; `answer` is given where it is the one that could not be sent. */
  abstract onTransportError(answer?: Answer): void
  /** The connection that the request came by is gone. */
  abstract onFlowLost(): void
  /** Its transport is closed: nothing more can come or go. */
  abstract onTransportRemoved(): void

  /** Sends a response and keeps it. */
  transmit(answer: Answer): void {
    this.last = answer.wire
    this.#weigh()
    if (!this.#send(answer.wire)) this.onTransportError(answer)
  }

  /** Sends a response that its user sends again when it must: nothing is kept. */
  transmitOnce(answer: Answer): void {
    if (!this.#send(answer.wire)) this.onTransportError(answer)
  }

  /** Sends the last response once more; before the first there is nothing to send. */
  retransmit(): void {
    if (this.last === '') return
    this.context.onRetransmission()
    if (!this.#send(this.last)) this.onTransportError()
  }

  /** Lets go of what only a large request costs. */
  slim(): void {
    if (this.handle === undefined) return
    this.#held = messageWeight(this.handle.slim())
    this.#weigh()
  }

  /** Lets go of the user and the request, and of the last response unless that may have to be sent again. */
  release(keepsLast: boolean): ServerHandle | undefined {
    const { handle } = this
    this.handle = undefined
    this.#held = 0
    if (!keepsLast) this.last = ''
    this.#weigh()
    if (handle !== undefined) this.context.onReleased(this)
    return handle
  }

  /** Lets go of everything. */
  finish(): ServerHandle | undefined {
    const handle = this.release(false)
    this.#weigh(0)
    this.context.onEnded(this)
    return handle
  }

  /** Along the way it came; where that connection is not open any more, over a new one (RFC 3261 §18.2.2). */
  #send(wire: string): boolean {
    const was = this.flow
    let sent = this.context.send(wire, was)
    const { fallback } = this.way
    if (sent === 'gone' && fallback !== undefined) sent = this.context.send(wire, fallback)
    if (typeof sent === 'string') return false
    if (sent !== was) {
      this.flow = sent
      this.context.onMoved(this, was)
    }
    return true
  }

  #weigh(weight: number = MACHINE_WEIGHT + this.#held + this.last.length): void {
    const was = this.weight
    this.weight = weight
    this.context.onWeight(was, weight)
  }
}
