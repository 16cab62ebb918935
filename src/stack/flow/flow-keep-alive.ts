import { feed } from '../../util/machine.ts'
import type { Timer, TimerOwner } from '../../util/timers.ts'
import type { Flow } from '../message/flow.ts'
import {
  type KeepAliveContext,
  type KeepAliveEvent,
  type KeepAliveState,
  type KeptAlive,
  keepAliveMachine,
  LOOKS,
  REQUESTS,
} from './keep-alive-machine.ts'

/** Milliseconds between which the next keep-alive is sent, at random. */
export interface Interval {
  readonly lower: number
  readonly upper: number
}

/**
 * Keeps one flow alive and finds out when it is not (RFC 5626 §4.4): over streams two CR LF that one answers within
 * 10 s, over datagrams a STUN Binding request, sent again by RFC 5389's timers.
 */
export class FlowKeepAlive implements KeptAlive, TimerOwner<'keep-alive'> {
  /** @internal */
  state: KeepAliveState = 'resting'
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

const nothing: KeepAliveEvent = {}
