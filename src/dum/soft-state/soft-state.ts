import { feed, type Machine, type MachineInstance, to } from '../../util/machine.ts'
import type { Timer, TimerOwner, Timers } from '../../util/timers.ts'

export type SoftStateState = 'adding' | 'held' | 'renewing' | 'waiting' | 'removing' | 'ended'
type Input =
  | 'granted'
  | 'granted, unwanted'
  | 'refused'
  | 'unreachable'
  | 'gone'
  | 'changed'
  | 'remove'
  | 'lost'
  | 'due'

export interface SoftStateUser {
  /** Sends what asks for the state, or renews it. */
  sendRenewal(): void
  sendRemoval(): void
  /** It is held: for the first time, or again. */
  onGranted(): void
  /** It was refused for good, or its time is over. */
  onRefused(): void
  /** It is tried again after a while. */
  onWaiting(): void
  onRemoved(): void
  /** The server has forgotten it (412), or the way to it is lost: what is sent next begins anew. */
  beginAnew(): void
}

/** Something of ours that a server keeps for a time: a registration (RFC 3261 §10.2), a publication (RFC 3903 §4). */
export class SoftState implements MachineInstance<SoftStateState>, TimerOwner<'due'> {
  state: SoftStateState = 'adding'
  turn: unknown[] | null = null
  readonly timers: Timers
  readonly user: SoftStateUser
  /** When it expires at the server, on the clock's scale; 0 while nothing is held. */
  expiresAt = 0
  /** @internal a change came while a request was under way */
  isStale = false
  /** @internal it is to be removed as soon as it may */
  isUnwanted = false
  /** @internal */
  delay = 0
  /** @internal */
  due: Timer | undefined

  constructor(timers: Timers, user: SoftStateUser) {
    this.timers = timers
    this.user = user
  }

  get isHeld(): boolean {
    return this.expiresAt > this.timers.now() && (this.state === 'held' || this.state === 'renewing')
  }

  /** Asks for it the first time. */
  start(): void {
    this.user.sendRenewal()
  }

  /** Granted for so many milliseconds, to be renewed after `renewAfter`. */
  grant(lifetime: number, renewAfter: number): void {
    this.expiresAt = this.timers.now() + lifetime
    this.delay = renewAfter
    feed(softState, this, this.isUnwanted ? 'granted, unwanted' : 'granted', undefined)
  }

  refuse(): void {
    feed(softState, this, 'refused', undefined)
  }

  /** The server did not answer, or said that it cannot now: tried again after `delay` milliseconds. */
  retryAfter(delay: number): void {
    this.delay = delay
    feed(softState, this, 'unreachable', undefined)
  }

  /** The server knows it no more (412). */
  forget(): void {
    feed(softState, this, 'gone', undefined)
  }

  /** What it says has changed. */
  change(): void {
    this.isStale = true
    feed(softState, this, 'changed', undefined)
  }

  /** The way to the server is lost, and with it what went by it; asked for again after `delay` milliseconds. */
  lose(delay: number): void {
    this.delay = delay
    feed(softState, this, 'lost', undefined)
  }

  remove(): void {
    this.isUnwanted = true
    feed(softState, this, 'remove', undefined)
  }

  onTimer(name: 'due'): void {
    feed(softState, this, name, undefined)
  }
}

export const softState: Machine<SoftStateState, Input, SoftState, undefined> = {
  name: 'soft state at a server',
  source: 'RFC 3261 §10.2; RFC 3903 §4; RFC 5626 §4.5',
  initial: 'adding',
  final: 'ended',
  inputs: [
    'granted',
    'granted, unwanted',
    'refused',
    'unreachable',
    'gone',
    'changed',
    'remove',
    'lost',
    'due',
  ],
  rows: {
    adding: {
      granted: to('held', startDue, tellGranted, renewIfStale),
      'granted, unwanted': to('removing', sendRemoval),
      refused: to('ended', forgetAll, tellRefused),
      unreachable: to('waiting', startDue, tellWaiting),
      gone: to('adding', beginAnew, sendRenewal),
      changed: to('adding'),
      remove: to('adding'),
    },
    held: {
      changed: to('renewing', sendRenewal),
      due: to('renewing', sendRenewal),
      lost: to('waiting', beginAnew, startDue),
      remove: to('removing', stopTimer, sendRemoval),
    },
    renewing: {
      granted: to('held', startDue, tellGranted, renewIfStale),
      'granted, unwanted': to('removing', stopTimer, sendRemoval),
      refused: to('ended', forgetAll, tellRefused),
      unreachable: to('waiting', startDue, tellWaiting),
      gone: to('adding', beginAnew, sendRenewal),
      changed: to('renewing'),
      lost: to('renewing'),
      remove: to('renewing'),
    },
    waiting: {
      due: to('adding', sendRenewal),
      changed: to('waiting'),
      remove: to('ended', forgetAll, tellRemoved),
    },
    removing: {
      granted: to('ended', forgetAll, tellRemoved),
      'granted, unwanted': to('ended', forgetAll, tellRemoved),
      refused: to('ended', forgetAll, tellRemoved),
      unreachable: to('ended', forgetAll, tellRemoved),
      gone: to('ended', forgetAll, tellRemoved),
    },
    ended: {},
  },
  absorbs: {
    adding: ['lost', 'due'],
    held: ['granted', 'granted, unwanted', 'refused', 'unreachable', 'gone'],
    renewing: ['due'],
    waiting: ['granted', 'granted, unwanted', 'refused', 'unreachable', 'gone', 'lost'],
    removing: ['changed', 'remove', 'lost', 'due'],
    ended: [
      'granted',
      'granted, unwanted',
      'refused',
      'unreachable',
      'gone',
      'changed',
      'remove',
      'lost',
      'due',
    ],
  },
}

function sendRenewal(self: SoftState): void {
  self.isStale = false
  self.user.sendRenewal()
}

function sendRemoval({ user }: SoftState): void {
  user.sendRemoval()
}

function startDue(self: SoftState): void {
  self.timers.stop(self.due)
  self.due = self.timers.start(self, 'due', self.delay)
}

function stopTimer(self: SoftState): void {
  self.timers.stop(self.due)
  self.due = undefined
}

function forgetAll(self: SoftState): void {
  stopTimer(self)
  self.expiresAt = 0
}

function beginAnew({ user }: SoftState): void {
  user.beginAnew()
}

/** What changed while the request was under way goes next. */
function renewIfStale(self: SoftState): void {
  if (self.isStale) feed(softState, self, 'changed', undefined)
}

function tellGranted({ user }: SoftState): void {
  user.onGranted()
}

function tellRefused({ user }: SoftState): void {
  user.onRefused()
}

function tellWaiting({ user }: SoftState): void {
  user.onWaiting()
}

function tellRemoved({ user }: SoftState): void {
  user.onRemoved()
}
