import { feed, type Machine, type MachineInstance, to } from '../../util/machine.ts'
import type { Timer, TimerOwner, Timers } from '../../util/timers.ts'

type State = 'waiting' | 'done'
type TimerName = 'resend' | 'no ACK'
type Input = TimerName | 'ACK' | 'end'

/** Who answered an INVITE with a 2xx. */
export interface AckWaitUser {
  /** Sends the very same 2xx again. */
  resendAccept(): void
  onAck(): void
  onNoAck(): void
}

export interface AckWaitTiming {
  readonly t1: number
  readonly t2: number
}

/** What a UAS core does from its 2xx until the ACK: it alone sends the 2xx again, over every transport. */
export class AckWait implements MachineInstance<State>, TimerOwner<TimerName> {
  state: State = 'waiting'
  turn: unknown[] | null = null
  /** CSeq number of the INVITE that was accepted: an ACK of another one is not its. */
  readonly cseq: number
  /** @internal */
  interval: number
  /** @internal */
  resending: Timer | undefined
  /** @internal */
  ending: Timer | undefined
  readonly timers: Timers
  readonly timing: AckWaitTiming
  readonly user: AckWaitUser

  constructor(cseq: number, timers: Timers, timing: AckWaitTiming, user: AckWaitUser) {
    this.cseq = cseq
    this.timers = timers
    this.timing = timing
    this.user = user
    this.interval = timing.t1
    this.resending = timers.start(this, 'resend', this.interval)
    this.ending = timers.start(this, 'no ACK', 64 * timing.t1)
  }

  /** An ACK came with this CSeq number; answers whether it was for the 2xx that is waiting. */
  receiveAck(cseq: number): boolean {
    if (cseq !== this.cseq) return false
    feed(ackWait, this, 'ACK', undefined)
    return true
  }

  end(): void {
    feed(ackWait, this, 'end', undefined)
  }

  onTimer(name: TimerName): void {
    feed(ackWait, this, name, undefined)
  }
}

/** RFC 3261 §13.3.1.4: T1, doubling up to T2, for 64·T1. */
export const ackWait: Machine<State, Input, AckWait, undefined> = {
  name: 'wait for the ACK to a 2xx',
  source: 'RFC 3261 §13.3.1.4',
  initial: 'waiting',
  final: 'done',
  inputs: ['resend', 'ACK', 'no ACK', 'end'],
  rows: {
    waiting: {
      resend: to('waiting', restartResending, resendAccept),
      ACK: to('done', stopTimers, tellAck),
      'no ACK': to('done', stopTimers, tellNoAck),
      end: to('done', stopTimers),
    },
    done: {},
  },
  absorbs: {
    waiting: [],
    // an ACK that comes again answers a 2xx that was sent again
    done: ['resend', 'ACK', 'no ACK', 'end'],
  },
}

function restartResending(self: AckWait): void {
  self.interval = Math.min(self.interval * 2, self.timing.t2)
  if (self.resending !== undefined) self.timers.restart(self.resending, self.interval)
}

function resendAccept(self: AckWait): void {
  self.user.resendAccept()
}

function stopTimers(self: AckWait): void {
  self.timers.stop(self.resending)
  self.timers.stop(self.ending)
  self.resending = undefined
  self.ending = undefined
}

function tellAck(self: AckWait): void {
  self.user.onAck()
}

function tellNoAck(self: AckWait): void {
  self.user.onNoAck()
}
