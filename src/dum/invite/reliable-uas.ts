import type { RAck } from '../../stack/headers/rack.ts'
import type { ResponseTemplate } from '../../stack/message/template.ts'
import { feed, type Machine, type MachineInstance, to } from '../../util/machine.ts'
import type { Timer, TimerOwner, Timers } from '../../util/timers.ts'

export type ReliableUasState = 'idle' | 'waiting' | 'overtaken' | 'done'
type TimerName = 'resend' | 'no PRACK'
type Input = TimerName | 'send' | 'PRACK' | 'final'

/** What is sent reliably: a response, and whether it holds an offer or an answer. */
export interface ReliableProvisional {
  readonly response: ResponseTemplate
  readonly hasDescription: boolean
}

export interface ReliableUasUser {
  /** Sends a provisional response with this RSeq for the first time. */
  sendReliable(provisional: ReliableProvisional, rseq: number): void
  /** Sends the one that waits again, octet for octet. */
  resendReliable(): void
  /** None that was sent waits any more: what was held back may go. */
  onAcknowledged(): void
  /** 64·T1 without PRACK: the INVITE is refused (RFC 3262 §3). */
  onNoPrack(): void
}

/** Provisional responses in a row that may wait behind one without PRACK. */
const MAX_WAITING = 8

/** The reliable provisional responses to one INVITE: one at a time awaits its PRACK, the others wait in line. */
export class ReliableUas implements MachineInstance<ReliableUasState>, TimerOwner<TimerName> {
  state: ReliableUasState = 'idle'
  turn: unknown[] | null = null
  /** CSeq number of the INVITE, which RAck names. */
  readonly cseq: number
  readonly user: ReliableUasUser
  readonly timers: Timers
  readonly t1: number
  /** RSeq of the last that was sent. */
  rseq: number
  /** @internal */
  readonly line: ReliableProvisional[] = []
  /** @internal the one that waits holds an offer or an answer */
  holdsDescription = false
  /** @internal */
  interval = 0
  /** @internal */
  resending: Timer | undefined
  /** @internal */
  ending: Timer | undefined

  /** `first`: RSeq of the first, 1 to 2^31 − 1 (§3). */
  constructor(cseq: number, first: number, timers: Timers, t1: number, user: ReliableUasUser) {
    this.cseq = cseq
    this.rseq = first - 1
    this.timers = timers
    this.t1 = t1
    this.user = user
  }

  /** Whether a description that was sent has not been acknowledged: a 2xx must wait (§3), and so must another offer. */
  get owesPrack(): boolean {
    return this.holdsDescription || this.line.some(({ hasDescription }) => hasDescription)
  }

  /** Whether no more may be sent until a PRACK comes. */
  get isFull(): boolean {
    return this.line.length >= MAX_WAITING
  }

  /** Sends, or puts it into the line, which must not be full. */
  send(provisional: ReliableProvisional): void {
    this.line.push(provisional)
    feed(reliableUas, this, 'send', undefined)
  }

  /** Whether a PRACK is for the one that waits. Any other gets 481 (§3). */
  isAwaited(rack: RAck): boolean {
    const isOpen = this.state === 'waiting' || this.state === 'overtaken'
    return isOpen && rack.rseq === this.rseq && rack.cseq === this.cseq && rack.method === 'INVITE'
  }

  /** The PRACK has come, and is answered or will be: the next may go. */
  receivePrack(): void {
    feed(reliableUas, this, 'PRACK', undefined)
  }

  /** The INVITE has its final response: nothing is sent again. */
  end(): void {
    feed(reliableUas, this, 'final', undefined)
  }

  onTimer(name: TimerName): void {
    feed(reliableUas, this, name, undefined)
  }
}

/** RFC 3262 §3: T1, doubling without bound, for 64·T1. `overtaken`: the final response went before the PRACK came. */
export const reliableUas: Machine<ReliableUasState, Input, ReliableUas, undefined> = {
  name: 'reliable provisional responses of the called side',
  source: 'RFC 3262 §3',
  initial: 'idle',
  final: 'done',
  inputs: ['send', 'resend', 'PRACK', 'no PRACK', 'final'],
  rows: {
    idle: {
      send: to('waiting', startTimers, sendNext),
      final: to('done', forget),
    },
    waiting: {
      send: to('waiting'),
      resend: to('waiting', restartResending, resendReliable),
      PRACK: to('idle', stopTimers, release, tellOrGoOn),
      'no PRACK': to('done', stopTimers, forget, tellNoPrack),
      final: to('overtaken', stopTimers, forget),
    },
    overtaken: {
      PRACK: to('done'),
    },
    done: {},
  },
  absorbs: {
    idle: ['resend', 'PRACK', 'no PRACK'],
    waiting: [],
    overtaken: ['send', 'resend', 'no PRACK', 'final'],
    done: ['send', 'resend', 'PRACK', 'no PRACK', 'final'],
  },
}

function startTimers(self: ReliableUas): void {
  self.interval = self.t1
  self.resending = self.timers.start(self, 'resend', self.t1)
  self.ending = self.timers.start(self, 'no PRACK', 64 * self.t1)
}

function stopTimers(self: ReliableUas): void {
  self.timers.stop(self.resending)
  self.timers.stop(self.ending)
  self.resending = undefined
  self.ending = undefined
}

function sendNext(self: ReliableUas): void {
  const next = self.line.shift()
  if (next === undefined) return
  self.rseq++
  self.holdsDescription = next.hasDescription
  self.user.sendReliable(next, self.rseq)
}

function restartResending(self: ReliableUas): void {
  self.interval *= 2
  if (self.resending !== undefined) self.timers.restart(self.resending, self.interval)
}

function resendReliable(self: ReliableUas): void {
  self.user.resendReliable()
}

function release(self: ReliableUas): void {
  self.holdsDescription = false
}

/** The next of the line goes; where there is none, what was held back may. */
function tellOrGoOn(self: ReliableUas): void {
  if (self.line.length > 0) feed(reliableUas, self, 'send', undefined)
  else self.user.onAcknowledged()
}

function forget(self: ReliableUas): void {
  self.line.length = 0
  self.holdsDescription = false
}

function tellNoPrack(self: ReliableUas): void {
  self.user.onNoPrack()
}
