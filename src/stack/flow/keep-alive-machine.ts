import type { EnvironmentError } from '../../util/errors.ts'
import { feed, type Machine, type MachineInstance, to } from '../../util/machine.ts'
import type { Tokens } from '../../util/random.ts'
import type { Timer, Timers } from '../../util/timers.ts'
import type { Flow } from '../message/flow.ts'
import type { Sent } from '../transport/transport.ts'

export type KeepAliveState = 'resting' | 'pinged' | 'overdue' | 'probing' | 'waiting' | 'ended'

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
  onEnded(keepAlive: KeptAlive): void
  /** The flow is dead by our own judgement: closes its connection, and tells all who wait on it. */
  failFlow(flow: Flow, failure: KeepAliveFailure): EnvironmentError
  /** Tells its users. */
  onFailed(keepAlive: KeptAlive, error: EnvironmentError | undefined): void
}

/** What a flow was given up for. */
export type KeepAliveFailure = 'no pong' | 'no STUN response' | 'STUN error' | 'mapped address changed'

export interface KeepAliveEvent {
  readonly failure?: KeepAliveFailure
  readonly mapped?: string
}

/** One flow that is kept alive, as the machine knows it. */
export interface KeptAlive extends MachineInstance<KeepAliveState> {
  readonly flow: Flow
  readonly context: KeepAliveContext
  /** The only one: it is restarted, never made anew. */
  readonly timer: Timer
  /** Keep-alives that the peer has answered. */
  answered: number
  /** Our address and port as the peer sees them, where it has told. */
  mapped: string | undefined
  /** The transaction id of the Binding request that is under way; empty between them. */
  transaction: string
  /** Times it was sent, or times a message under way was looked for. */
  tries: number
  /** Milliseconds until the next one. */
  rest(): number
}

/** RFC 5626 §4.4.1. */
const PONG_WAIT = 10_000
/** How often a message is looked for that was under way when the pong was missed, and how long: that of a slow message. */
const LOOK = 1_000
export const LOOKS = 32
/** RFC 5389 §7.2.1: RTO, Rc and Rm. */
const RTO = 500
export const REQUESTS = 7
const LAST_WAIT = 16
/** A Binding request without attributes: type, length, cookie; the transaction id follows (RFC 5389 §6). */
const BINDING = '\x00\x01\x00\x00\x21\x12\xa4\x42'
const TRANSACTION_ID = 12

/** The client of RFC 5626 §4.4.1 and §4.4.2; the RFC has words for it but no figure. */
export const keepAliveMachine: Machine<KeepAliveState, Input, KeptAlive, KeepAliveEvent> = {
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

function rest(self: KeptAlive): void {
  wait(self, self.rest())
}

function waitForPong(self: KeptAlive): void {
  self.tries = 0
  wait(self, PONG_WAIT)
}

function lookAgain(self: KeptAlive): void {
  self.tries++
  wait(self, LOOK)
}

function waitForResponse(self: KeptAlive): void {
  wait(self, RTO * 2 ** self.tries)
}

function waitForTheLast(self: KeptAlive): void {
  wait(self, RTO * LAST_WAIT)
}

function wait({ context, timer }: KeptAlive, delay: number): void {
  context.timers.restart(timer, delay)
}

function beginTransaction(self: KeptAlive): void {
  self.tries = 0
  const { random } = self.context
  let transaction = ''
  for (let i = 0; i < TRANSACTION_ID; i++) transaction += String.fromCharCode(random.byte())
  self.transaction = transaction
}

function ping(self: KeptAlive): void {
  check(self, self.context.ping(self.flow))
}

function probe(self: KeptAlive): void {
  self.tries++
  check(self, self.context.probe(BINDING + self.transaction, self.flow))
}

function check(self: KeptAlive, sent: Sent): void {
  if (typeof sent !== 'string') return
  const isGone = sent === 'gone' || sent === 'closed'
  feed(keepAliveMachine, self, isGone ? 'flow failed' : 'not sent', {})
}

function noteAnswer(self: KeptAlive): void {
  self.answered++
  self.transaction = ''
}

function noteMapping(self: KeptAlive, { mapped }: KeepAliveEvent): void {
  self.mapped = mapped
}

function release(self: KeptAlive): void {
  self.transaction = ''
  self.context.timers.stop(self.timer)
  self.context.onEnded(self)
}

function failFlow(self: KeptAlive, { failure = 'no pong' }: KeepAliveEvent): void {
  const { context, flow } = self
  context.onFailed(self, context.failFlow(flow, failure))
}

function tellUsers(self: KeptAlive): void {
  self.context.onFailed(self, undefined)
}
