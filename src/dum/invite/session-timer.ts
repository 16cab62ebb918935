import { feed, type Machine, type MachineInstance, to } from '../../util/machine.ts'
import type { Timer, TimerOwner, Timers } from '../../util/timers.ts'

export type SessionTimerState = 'off' | 'refreshing' | 'watching' | 'sending' | 'over'
type TimerName = 'half time' | 'too late'
type Input = TimerName | 'granted us' | 'granted them' | 'off' | 'refused' | 'refused again' | 'dead' | 'end'

export interface SessionTimerUser {
  /** Sends an UPDATE where the peer knows it, else a re-INVITE; the description is the one that is agreed (RFC 4028 §7.4). */
  sendRefresh(): void
  /** The session expired: BYE (§10). */
  onExpired(): void
}

/** Seconds after which a refresh that was refused is tried again. */
const RETRY = 10_000

/** One session's timer: one of the sides refreshes it, the other ends it where that does not happen. */
export class SessionTimer implements MachineInstance<SessionTimerState>, TimerOwner<TimerName> {
  state: SessionTimerState = 'off'
  turn: unknown[] | null = null
  readonly timers: Timers
  readonly user: SessionTimerUser
  /** The session interval in seconds; 0 while it is off. */
  interval = 0
  /** When the session expires, on the clock's scale. */
  expiresAt = 0
  /** Status of the last refusal. */
  refusal = 0
  /** @internal one timer, for what is due next */
  due: Timer | undefined

  constructor(timers: Timers, user: SessionTimerUser) {
    this.timers = timers
    this.user = user
  }

  get isRefresher(): boolean {
    return this.state === 'refreshing' || this.state === 'sending'
  }

  /** A 2xx to INVITE or UPDATE, with its Session-Expires in seconds or without; whoever is to refresh begins anew. */
  receive2xx(interval: number | undefined, refreshedByUs: boolean): void {
    this.refusal = 0
    this.interval = interval ?? 0
    if (interval === undefined) {
      feed(sessionTimer, this, 'off', undefined)
      return
    }
    this.expiresAt = this.timers.now() + interval * 1000
    feed(sessionTimer, this, refreshedByUs ? 'granted us' : 'granted them', undefined)
  }

  /** A refresh of ours ended without 2xx; `isDead` where the dialog is gone with it (408, 481). */
  receiveRefusal(status: number, isDead: boolean): void {
    const isAgain = status === this.refusal
    this.refusal = status
    feed(sessionTimer, this, isDead ? 'dead' : isAgain ? 'refused again' : 'refused', undefined)
  }

  end(): void {
    feed(sessionTimer, this, 'end', undefined)
  }

  onTimer(name: TimerName): void {
    feed(sessionTimer, this, name, undefined)
  }
}

/**
 * RFC 4028 §7.2, §9, §10: the refresher sends at half the interval; both sides end the session a third of the interval, 32 s
 * at the most, before it expires.
 */
export const sessionTimer: Machine<SessionTimerState, Input, SessionTimer, undefined> = {
  name: 'session timer',
  source: 'RFC 4028 §7, §10',
  initial: 'off',
  final: 'over',
  inputs: [
    'granted us',
    'granted them',
    'off',
    'half time',
    'too late',
    'refused',
    'refused again',
    'dead',
    'end',
  ],
  rows: {
    off: {
      'granted us': to('refreshing', startHalfTime),
      'granted them': to('watching', startTooLate),
      end: to('over'),
    },
    refreshing: {
      'granted us': to('refreshing', startHalfTime),
      'granted them': to('watching', startTooLate),
      off: to('off', stopTimer),
      'half time': to('sending', startTooLate, sendRefresh),
      'too late': to('over', stopTimer, tellExpired),
      end: to('over', stopTimer),
    },
    watching: {
      'granted us': to('refreshing', startHalfTime),
      'granted them': to('watching', startTooLate),
      off: to('off', stopTimer),
      'too late': to('over', stopTimer, tellExpired),
      end: to('over', stopTimer),
    },
    sending: {
      'granted us': to('refreshing', startHalfTime),
      'granted them': to('watching', startTooLate),
      off: to('off', stopTimer),
      'too late': to('over', stopTimer, tellExpired),
      refused: to('refreshing', startRetry),
      'refused again': to('watching', startTooLate),
      dead: to('over', stopTimer, tellExpired),
      end: to('over', stopTimer),
    },
    over: {},
  },
  absorbs: {
    off: ['off', 'half time', 'too late', 'refused', 'refused again', 'dead'],
    refreshing: ['refused', 'refused again', 'dead'],
    watching: ['half time', 'refused', 'refused again', 'dead'],
    sending: ['half time'],
    over: [
      'granted us',
      'granted them',
      'off',
      'half time',
      'too late',
      'refused',
      'refused again',
      'dead',
      'end',
    ],
  },
}

function startHalfTime(self: SessionTimer): void {
  startAt(self, 'half time', (self.interval * 1000) / 2)
}

function startTooLate(self: SessionTimer): void {
  const early = Math.min(32_000, (self.interval * 1000) / 3)
  startAt(self, 'too late', Math.max(0, self.expiresAt - early - self.timers.now()))
}

/** Again in a while, where the session lasts so long. */
function startRetry(self: SessionTimer): void {
  const early = Math.min(32_000, (self.interval * 1000) / 3)
  const left = self.expiresAt - early - self.timers.now()
  if (left > RETRY) startAt(self, 'half time', RETRY)
  else startAt(self, 'too late', Math.max(0, left))
}

function startAt(self: SessionTimer, name: TimerName, delay: number): void {
  self.timers.stop(self.due)
  self.due = self.timers.start(self, name, delay)
}

function stopTimer(self: SessionTimer): void {
  self.timers.stop(self.due)
  self.due = undefined
}

function sendRefresh({ user }: SessionTimer): void {
  user.sendRefresh()
}

function tellExpired({ user }: SessionTimer): void {
  user.onExpired()
}
