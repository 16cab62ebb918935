import type { TransportAddress } from '../../stun/ip.ts'
import type { StunMessage } from '../../stun/message.ts'
import { feed, type Machine, to } from '../../util/machine.ts'
import type { Timer, TimerOwner, Timers } from '../../util/timers.ts'

type State = 'idle' | 'sending' | 'waiting' | 'open' | 'terminated'

type Input =
  | 'request'
  | 'last request'
  | 'reliable request'
  | 'retransmission due'
  | 'last retransmission due'
  | 'timeout'
  | 'response'
  | 'discarded response'
  | 'transport failure'
  | 'cancel'

/** How long a transaction tries (RFC 8489 §6.2.1, §6.2.2). */
export interface StunTiming {
  /** Milliseconds before the first retransmission; doubled after each. */
  readonly rto: number
  /** Rc: how often the request is sent, the first time counted. */
  readonly requests: number
  /** Rm: how many RTOs to wait after the last. */
  readonly lastWait: number
  /** Ti: milliseconds to wait over a reliable transport. */
  readonly reliableWait: number
}

export const stunTiming: StunTiming = { rto: 500, requests: 7, lastWait: 16, reliableWait: 39_500 }

export interface StunTransactionUser {
  /** Sends the request; a failure is told with `transportFailed`. */
  transmit(transaction: StunClientTransaction): void
  /** The response that ends the transaction. */
  onResponse(transaction: StunClientTransaction, response: StunMessage, source: TransportAddress): void
  /** `integrity`: responses came, but none that could be vouched for. */
  onFailure(
    transaction: StunClientTransaction,
    failure: 'timeout' | 'integrity' | 'transport',
    cause?: unknown,
  ): void
}

interface Event {
  readonly response?: StunMessage
  readonly source?: TransportAddress
  readonly cause?: unknown
}

/**
 * One request and its response (RFC 8489 §6.2): sent again over UDP after RTO, 2·RTO … until Rc are out, given up
 * Rm·RTO after the last; over a reliable transport sent once and given up after Ti. What the response means, and
 * whether it can be trusted, is its user's to say.
 */
export class StunClientTransaction implements TimerOwner {
  /** @internal */
  state: State = 'idle'
  /** @internal */
  turn: unknown[] | null = null
  /** The encoded request. */
  readonly request: Uint8Array
  readonly server: TransportAddress
  readonly reliable: boolean
  /** How often the request was sent. */
  sent = 0
  /** When it was sent first, on the timers' scale. */
  startedAt = 0
  /** @internal */
  readonly user: StunTransactionUser
  /** @internal */
  readonly timers: Timers
  /** @internal */
  readonly timing: StunTiming
  /** @internal */
  timer: Timer | undefined
  /** @internal */
  violated = false

  constructor(
    request: Uint8Array,
    server: TransportAddress,
    reliable: boolean,
    user: StunTransactionUser,
    timers: Timers,
    timing: StunTiming = stunTiming,
  ) {
    this.request = request
    this.server = server
    this.reliable = reliable
    this.user = user
    this.timers = timers
    this.timing = timing
  }

  get terminated(): boolean {
    return this.state === 'terminated'
  }

  start(): void {
    this.startedAt = this.timers.now()
    const unreliable: Input = this.timing.requests > 1 ? 'request' : 'last request'
    feed(stunClientMachine, this, this.reliable ? 'reliable request' : unreliable, nothing)
  }

  /** The response with this transaction's id, judged good. */
  accept(response: StunMessage, source: TransportAddress): void {
    feed(stunClientMachine, this, 'response', { response, source })
  }

  /** A response with this transaction's id that fails the integrity check (§9.1.4): over UDP the wait goes on. */
  discard(): void {
    feed(stunClientMachine, this, 'discarded response', nothing)
  }

  /** The transport could not send, or its connection is gone, or a hard ICMP error came. */
  transportFailed(cause: unknown): void {
    feed(stunClientMachine, this, 'transport failure', { cause })
  }

  /** Ends it without a word to its user. */
  cancel(): void {
    feed(stunClientMachine, this, 'cancel', nothing)
  }

  /** @internal */
  onTimer(): void {
    const last = this.sent + 1 >= this.timing.requests
    const due: Input = last ? 'last retransmission due' : 'retransmission due'
    feed(stunClientMachine, this, this.state === 'sending' ? due : 'timeout', nothing)
  }
}

const nothing: Event = {}

/** The client's transaction machine; the RFC has words for it but no figure. */
export const stunClientMachine: Machine<State, Input, StunClientTransaction, Event> = {
  name: 'stun-client-transaction',
  source: 'RFC 8489 §6.2.1, §6.2.2, §9.1.4 (RFC 5389 §7.2.1, §7.2.2)',
  initial: 'idle',
  final: 'terminated',
  inputs: [
    'request',
    'last request',
    'reliable request',
    'retransmission due',
    'last retransmission due',
    'timeout',
    'response',
    'discarded response',
    'transport failure',
    'cancel',
  ],
  rows: {
    idle: {
      request: to('sending', waitForRetransmission, send),
      'last request': to('waiting', waitForTheLast, send),
      'reliable request': to('open', waitReliably, send),
      cancel: to('terminated'),
    },
    sending: {
      'retransmission due': to('sending', waitForRetransmission, send),
      'last retransmission due': to('waiting', waitForTheLast, send),
      response: to('terminated', stopTimer, giveResponse),
      'discarded response': to('sending', noteViolation),
      'transport failure': to('terminated', stopTimer, reportTransport),
      cancel: to('terminated', stopTimer),
    },
    waiting: {
      timeout: to('terminated', reportFailure),
      response: to('terminated', stopTimer, giveResponse),
      'discarded response': to('waiting', noteViolation),
      'transport failure': to('terminated', stopTimer, reportTransport),
      cancel: to('terminated', stopTimer),
    },
    open: {
      timeout: to('terminated', reportFailure),
      response: to('terminated', stopTimer, giveResponse),
      'discarded response': to('terminated', stopTimer, noteViolation, reportFailure),
      'transport failure': to('terminated', stopTimer, reportTransport),
      cancel: to('terminated', stopTimer),
    },
    terminated: {},
  },
  absorbs: {
    idle: [
      'retransmission due',
      'last retransmission due',
      'timeout',
      'response',
      'discarded response',
      'transport failure',
    ],
    sending: ['request', 'last request', 'reliable request', 'timeout'],
    waiting: ['request', 'last request', 'reliable request', 'retransmission due', 'last retransmission due'],
    open: ['request', 'last request', 'reliable request', 'retransmission due', 'last retransmission due'],
    terminated: [
      'request',
      'last request',
      'reliable request',
      'retransmission due',
      'last retransmission due',
      'timeout',
      'response',
      'discarded response',
      'transport failure',
      'cancel',
    ],
  },
}

function send(self: StunClientTransaction): void {
  self.sent++
  self.user.transmit(self)
}

function waitForRetransmission(self: StunClientTransaction): void {
  wait(self, self.timing.rto * 2 ** self.sent)
}

function waitForTheLast(self: StunClientTransaction): void {
  wait(self, self.timing.rto * self.timing.lastWait)
}

function waitReliably(self: StunClientTransaction): void {
  wait(self, self.timing.reliableWait)
}

function wait(self: StunClientTransaction, delay: number): void {
  if (self.timer === undefined) self.timer = self.timers.start(self, 'stun', delay)
  else self.timers.restart(self.timer, delay)
}

function stopTimer(self: StunClientTransaction): void {
  self.timers.stop(self.timer)
}

function giveResponse(self: StunClientTransaction, { response, source }: Event): void {
  if (response !== undefined && source !== undefined) self.user.onResponse(self, response, source)
}

function noteViolation(self: StunClientTransaction): void {
  self.violated = true
}

function reportFailure(self: StunClientTransaction): void {
  self.user.onFailure(self, self.violated ? 'integrity' : 'timeout')
}

function reportTransport(self: StunClientTransaction, { cause }: Event): void {
  self.user.onFailure(self, 'transport', cause)
}
