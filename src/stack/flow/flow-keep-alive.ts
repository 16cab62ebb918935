import type { EnvironmentError } from '../../util/errors.ts'
import { feed, type Machine, type MachineInstance, to } from '../../util/machine.ts'
import type { Tokens } from '../../util/random.ts'
import type { Timer, TimerOwner, Timers } from '../../util/timers.ts'
import type { Flow } from '../message/flow.ts'
import type { Sent } from '../transport/transport.ts'

type State = 'resting' | 'pinged' | 'overdue' | 'probing' | 'waiting' | 'ended'

type Input =
  | 'ping due'
  | 'probe due'
  | 'not sent'
  | 'pong'
  | 'message under way'
  | 'pong missing'
  | 'retransmission due'
  | 'last retransmission due'
  | 'same mapping'
  | 'other mapping'
  | 'error response'
  | 'response missing'
  | 'flow failed'
  | 'stop'

/** Milliseconds between which the next keep-alive is sent, at random. */
export interface Interval {
  readonly lower: number
  readonly upper: number
}

/** What the keep-alive of a flow needs of the stack. */
export interface KeepAliveContext {
  readonly timers: Timers
  readonly random: Tokens
  /** Sends two CR LF. */
  ping(flow: Flow): Sent
  /** Sends a STUN message, one character a byte. */
  probe(wire: string, flow: Flow): Sent
  /** Whether a message has begun on the flow's connection and is not whole. */
  isReceiving(flow: Flow): boolean
  /** Forgets it: nothing is found by its flow any more. */
  onEnded(keepAlive: FlowKeepAlive): void
  /** The flow is dead by our own judgement: closes its connection, and tells all who wait on it. */
  failFlow(flow: Flow, failure: KeepAliveFailure): EnvironmentError
  /** Tells its users. */
  onFailed(keepAlive: FlowKeepAlive, error: EnvironmentError | undefined): void
}

/** What a flow was given up for. */
export type KeepAliveFailure = 'no pong' | 'no STUN response' | 'STUN error' | 'mapped address changed'

interface Event {
  readonly failure?: KeepAliveFailure
  readonly error?: EnvironmentError | undefined
  readonly mapped?: string
}

/** RFC 5626 §4.4.1. */
const PONG_WAIT = 10_000
/** How often a message is looked for that was under way when the pong was missed, and how long: that of a slow message. */
const LOOK = 1_000
const LOOKS = 32
/** RFC 5389 §7.2.1: RTO, Rc and Rm. */
const RTO = 500
const REQUESTS = 7
const LAST_WAIT = 16
/** A Binding request without attributes: type, length, cookie; the transaction id follows (RFC 5389 §6). */
const BINDING = '\x00\x01\x00\x00\x21\x12\xa4\x42'
const TRANSACTION_ID = 12

/**
 * Keeps one flow alive and finds out when it is not (RFC 5626 §4.4): over streams two CR LF that one answers within
 * 10 s, over datagrams a STUN Binding request, sent again by RFC 5389's timers.
 */
export class FlowKeepAlive implements MachineInstance<State>, TimerOwner<'keep-alive'> {
  /** @internal */
  state: State = 'resting'
  /** @internal */
  turn: unknown[] | null = null
  readonly flow: Flow
  /** Keep-alives that the peer has answered. */
  answered = 0
  /** Our address and port as the peer sees them, where it has told. */
  mapped: string | undefined
  /** The transaction id of the Binding request that is under way; empty between them. */
  transaction = ''
  /** @internal times it was sent, or times a message under way was looked for */
  tries = 0
  /** @internal */
  readonly context: KeepAliveContext
  /** @internal the only one: it is restarted, never made anew */
  readonly timer: Timer
  #interval: Interval

  constructor(flow: Flow, interval: Interval, context: KeepAliveContext) {
    this.flow = flow
    this.context = context
    this.#interval = interval
    this.timer = context.timers.start(this, 'keep-alive', this.rest())
  }

  get isEnded(): boolean {
    return this.state === 'ended'
  }

  /** Another interval from now on: the next comes earlier where that wants it, and never later than it was to come. */
  set interval(interval: Interval) {
    if (interval.lower === this.#interval.lower && interval.upper === this.#interval.upper) return
    this.#interval = interval
    const { timers } = this.context
    const delay = this.rest()
    if (this.state === 'resting' && timers.now() + delay < this.timer.deadline)
      timers.restart(this.timer, delay)
  }

  onPong(): void {
    feed(keepAliveMachine, this, 'pong', nothing)
  }

  /** The response to the Binding request under way: our address as the peer sees it, or none where it refused. */
  onResponse(mapped: string | undefined): void {
    if (mapped === undefined) feed(keepAliveMachine, this, 'error response', { failure: 'STUN error' })
    else if (this.mapped === undefined || this.mapped === mapped)
      feed(keepAliveMachine, this, 'same mapping', { mapped })
    else feed(keepAliveMachine, this, 'other mapping', { failure: 'mapped address changed' })
  }

  onFlowFailed(error: EnvironmentError | undefined): void {
    feed(keepAliveMachine, this, 'flow failed', { error })
  }

  stop(): void {
    feed(keepAliveMachine, this, 'stop', nothing)
  }

  /** @internal */
  onTimer(): void {
    switch (this.state) {
      case 'resting':
        feed(keepAliveMachine, this, this.flow.protocol === 'UDP' ? 'probe due' : 'ping due', nothing)
        break
      case 'pinged':
      case 'overdue':
        if (this.tries < LOOKS && this.context.isReceiving(this.flow))
          feed(keepAliveMachine, this, 'message under way', nothing)
        else feed(keepAliveMachine, this, 'pong missing', { failure: 'no pong' })
        break
      case 'probing':
        if (this.tries + 1 < REQUESTS) feed(keepAliveMachine, this, 'retransmission due', nothing)
        else feed(keepAliveMachine, this, 'last retransmission due', nothing)
        break
      case 'waiting':
        feed(keepAliveMachine, this, 'response missing', { failure: 'no STUN response' })
        break
    }
  }

  /** @internal milliseconds until the next one */
  rest(): number {
    const { lower, upper } = this.#interval
    return lower + this.context.random.below(upper - lower + 1)
  }
}

const nothing: Event = {}

/** The client of RFC 5626 §4.4.1 and §4.4.2; the RFC has words for it but no figure. */
export const keepAliveMachine: Machine<State, Input, FlowKeepAlive, Event> = {
  name: 'keep-alive',
  source: 'RFC 5626 §4.4.1, §4.4.2, RFC 5389 §7.2.1',
  initial: 'resting',
  final: 'ended',
  inputs: [
    'ping due',
    'probe due',
    'not sent',
    'pong',
    'message under way',
    'pong missing',
    'retransmission due',
    'last retransmission due',
    'same mapping',
    'other mapping',
    'error response',
    'response missing',
    'flow failed',
    'stop',
  ],
  rows: {
    resting: {
      'ping due': to('pinged', waitForPong, ping),
      'probe due': to('probing', beginTransaction, waitForResponse, probe),
      'flow failed': to('ended', release, tellUsers),
      stop: to('ended', release),
    },
    pinged: {
      pong: to('resting', noteAnswer, rest),
      'not sent': to('resting', rest),
      'message under way': to('overdue', lookAgain),
      'pong missing': to('ended', release, failFlow),
      'flow failed': to('ended', release, tellUsers),
      stop: to('ended', release),
    },
    overdue: {
      pong: to('resting', noteAnswer, rest),
      'message under way': to('overdue', lookAgain),
      'pong missing': to('ended', release, failFlow),
      'flow failed': to('ended', release, tellUsers),
      stop: to('ended', release),
    },
    probing: {
      'retransmission due': to('probing', waitForResponse, probe),
      'last retransmission due': to('waiting', waitForTheLast, probe),
      'same mapping': to('resting', noteAnswer, noteMapping, rest),
      'other mapping': to('ended', release, failFlow),
      'error response': to('ended', release, failFlow),
      'not sent': to('probing'),
      'flow failed': to('ended', release, tellUsers),
      stop: to('ended', release),
    },
    waiting: {
      'same mapping': to('resting', noteAnswer, noteMapping, rest),
      'other mapping': to('ended', release, failFlow),
      'error response': to('ended', release, failFlow),
      'response missing': to('ended', release, failFlow),
      'not sent': to('waiting'),
      'flow failed': to('ended', release, tellUsers),
      stop: to('ended', release),
    },
    ended: {},
  },
  absorbs: {
    resting: [
      'not sent',
      'pong',
      'message under way',
      'pong missing',
      'retransmission due',
      'last retransmission due',
      'same mapping',
      'other mapping',
      'error response',
      'response missing',
    ],
    pinged: [
      'ping due',
      'probe due',
      'retransmission due',
      'last retransmission due',
      'same mapping',
      'other mapping',
      'error response',
      'response missing',
    ],
    overdue: [
      'ping due',
      'probe due',
      'not sent',
      'retransmission due',
      'last retransmission due',
      'same mapping',
      'other mapping',
      'error response',
      'response missing',
    ],
    probing: ['ping due', 'probe due', 'pong', 'message under way', 'pong missing', 'response missing'],
    waiting: [
      'ping due',
      'probe due',
      'pong',
      'message under way',
      'pong missing',
      'retransmission due',
      'last retransmission due',
    ],
    ended: [
      'ping due',
      'probe due',
      'not sent',
      'pong',
      'message under way',
      'pong missing',
      'retransmission due',
      'last retransmission due',
      'same mapping',
      'other mapping',
      'error response',
      'response missing',
      'flow failed',
      'stop',
    ],
  },
}

function rest(self: FlowKeepAlive): void {
  wait(self, self.rest())
}

function waitForPong(self: FlowKeepAlive): void {
  self.tries = 0
  wait(self, PONG_WAIT)
}

function lookAgain(self: FlowKeepAlive): void {
  self.tries++
  wait(self, LOOK)
}

function waitForResponse(self: FlowKeepAlive): void {
  wait(self, RTO * 2 ** self.tries)
}

function waitForTheLast(self: FlowKeepAlive): void {
  wait(self, RTO * LAST_WAIT)
}

function wait({ context, timer }: FlowKeepAlive, delay: number): void {
  context.timers.restart(timer, delay)
}

function beginTransaction(self: FlowKeepAlive): void {
  self.tries = 0
  const { random } = self.context
  let transaction = ''
  for (let i = 0; i < TRANSACTION_ID; i++) transaction += String.fromCharCode(random.byte())
  self.transaction = transaction
}

function ping(self: FlowKeepAlive): void {
  check(self, self.context.ping(self.flow))
}

function probe(self: FlowKeepAlive): void {
  self.tries++
  check(self, self.context.probe(BINDING + self.transaction, self.flow))
}

function check(self: FlowKeepAlive, sent: Sent): void {
  if (typeof sent !== 'string') return
  const isGone = sent === 'gone' || sent === 'closed'
  feed(keepAliveMachine, self, isGone ? 'flow failed' : 'not sent', nothing)
}

function noteAnswer(self: FlowKeepAlive): void {
  self.answered++
  self.transaction = ''
}

function noteMapping(self: FlowKeepAlive, { mapped }: Event): void {
  self.mapped = mapped
}

function release(self: FlowKeepAlive): void {
  self.transaction = ''
  self.context.timers.stop(self.timer)
  self.context.onEnded(self)
}

function failFlow(self: FlowKeepAlive, { failure = 'no pong' }: Event): void {
  const { context, flow } = self
  context.onFailed(self, context.failFlow(flow, failure))
}

function tellUsers(self: FlowKeepAlive, { error }: Event): void {
  self.context.onFailed(self, error)
}
