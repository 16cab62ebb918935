import { feed, type Machine, type MachineInstance, to } from '../../util/machine.ts'
import type { Timer, TimerOwner, Timers } from '../../util/timers.ts'

export type SoftStateState =
  | 'adding'
  | 'held'
  | 'renewing'
  | 'waiting'
  | 'leaving'
  | 'removing'
  | 'resting'
  | 'ended'
type Input =
  | 'granted'
  | 'refused'
  | 'unreachable'
  | 'gone'
  | 'begin'
  | 'changed'
  | 'remove'
  | 'drop'
  | 'lost'
  | 'due'
  | 'remind'
  | 'end'

export interface SoftStateUser {
  /** Sends what asks for the state, or renews it. */
  sendRenewal(): void
  sendRemoval(): void
  /** It is held: for the first time, or again. */
  onGranted(): void
  /** It was refused for good. */
  onRefused(): void
  /** It is tried again after a while. */
  onWaiting(): void
  /** It is held no more because we wanted so; `isOver` says whether that is the end. */
  onRemoved(): void
  /** The server has forgotten it (412), or the way to it is lost: what is sent next begins anew. */
  beginAnew(): void
  /** It is to be renewed, and {@link SoftState.isByHand}. */
  onDue?(): void
}

/**
 * Something of ours that a server keeps for a time: a registration (RFC 3261 §10.2), a publication (RFC 3903 §4). One
 * request is under way at a time (§10.2); what is wanted meanwhile comes after it.
 */
export class SoftState implements MachineInstance<SoftStateState>, TimerOwner<'due'> {
  state: SoftStateState = 'adding'
  turn: unknown[] | null = null
  readonly timers: Timers
  readonly user: SoftStateUser
  /** When it expires at the server, on the clock's scale; 0 while nothing is held. */
  expiresAt = 0
  /** Its user is told when to renew it, and does so by {@link begin}. */
  isByHand = false
  /** No more is wanted: what is removed does not rest. */
  isOver = false
  /** @internal a change came while a request was under way */
  isStale = false
  /** @internal it is wanted again as soon as its removal is done */
  isWantedAgain = false
  /** @internal */
  delay = 0
  /** @internal */
  due: Timer | undefined

  constructor(timers: Timers, user: SoftStateUser) {
    this.timers = timers
    this.user = user
  }

  /** Whether the server has it, as far as is known. */
  get isHeld(): boolean {
    return this.expiresAt > this.timers.now()
  }

  /** Asks for it the first time. */
  start(): void {
    this.user.sendRenewal()
  }

  /** Renews it now, or asks for it again after a removal. */
  begin(): void {
    if (!this.isOver) feed(softState, this, 'begin', undefined)
  }

  /** Granted for so many milliseconds, to be renewed after `renewAfter`. */
  grant(lifetime: number, renewAfter: number): void {
    this.expiresAt = this.timers.now() + lifetime
    this.delay = renewAfter
    feed(softState, this, 'granted', undefined)
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
    if (this.state === 'held') this.delay = delay
    feed(softState, this, 'lost', undefined)
  }

  /** Removes it, and rests until it is wanted again. */
  withdraw(): void {
    this.isWantedAgain = false
    feed(softState, this, this.expiresAt === 0 ? 'drop' : 'remove', undefined)
  }

  /** Removes it for good. */
  remove(): void {
    this.isOver = true
    this.withdraw()
    feed(softState, this, 'end', undefined)
  }

  onTimer(name: 'due'): void {
    feed(softState, this, this.isByHand && this.state === 'held' ? 'remind' : name, undefined)
  }
}

export const softState: Machine<SoftStateState, Input, SoftState, undefined> = {
  name: 'soft state',
  source: 'RFC 3261 §10.2; RFC 3903 §4; RFC 5626 §4.5',
  initial: 'adding',
  final: 'ended',
  inputs: [
    'granted',
    'refused',
    'unreachable',
    'gone',
    'begin',
    'changed',
    'remove',
    'drop',
    'lost',
    'due',
    'remind',
    'end',
  ],
  rows: {
    adding: {
      granted: to('held', startDue, tellGranted, renewIfStale),
      refused: to('ended', forgetAll, tellRefused),
      unreachable: to('waiting', startDue, tellWaiting),
      gone: to('adding', beginAnew, sendRenewal),
      changed: to('adding'),
      remove: to('leaving'),
      drop: to('leaving'),
    },
    held: {
      begin: to('renewing', stopTimer, sendRenewal),
      changed: to('renewing', stopTimer, sendRenewal),
      due: to('renewing', sendRenewal),
      remind: to('held', tellDue),
      lost: to('waiting', beginAnew, startDue),
      refused: to('ended', forgetAll, tellRefused),
      remove: to('removing', stopTimer, sendRemoval),
      drop: to('removing', stopTimer, sendRemoval),
    },
    renewing: {
      granted: to('held', startDue, tellGranted, renewIfStale),
      refused: to('ended', forgetAll, tellRefused),
      unreachable: to('waiting', startDue, tellWaiting),
      gone: to('adding', beginAnew, sendRenewal),
      changed: to('renewing'),
      remove: to('leaving'),
      drop: to('leaving'),
    },
    waiting: {
      begin: to('adding', stopTimer, sendRenewal),
      due: to('adding', sendRenewal),
      remind: to('adding', sendRenewal),
      changed: to('waiting'),
      refused: to('ended', forgetAll, tellRefused),
      remove: to('removing', stopTimer, sendRemoval),
      drop: to('resting', forgetAll, tellRemoved, goOn),
    },
    leaving: {
      granted: to('removing', sendRemoval),
      unreachable: to('removing', sendRemoval),
      refused: to('resting', forgetAll, tellRemoved, goOn),
      gone: to('resting', forgetAll, tellRemoved, goOn),
      begin: to('renewing'),
      changed: to('leaving'),
    },
    removing: {
      granted: to('resting', forgetAll, tellRemoved, goOn),
      refused: to('resting', forgetAll, tellRemoved, goOn),
      unreachable: to('resting', forgetAll, tellRemoved, goOn),
      gone: to('resting', forgetAll, tellRemoved, goOn),
      begin: to('removing', wantAgain),
      changed: to('removing'),
    },
    resting: {
      begin: to('adding', sendRenewal),
      changed: to('resting'),
      end: to('ended'),
    },
    ended: {},
  },
  absorbs: {
    // whose request is under way hears of its flow by that
    adding: ['begin', 'lost', 'due', 'remind', 'end'],
    held: ['granted', 'unreachable', 'gone', 'end'],
    renewing: ['begin', 'lost', 'due', 'remind', 'end'],
    waiting: ['granted', 'unreachable', 'gone', 'lost', 'end'],
    leaving: ['remove', 'drop', 'lost', 'due', 'remind', 'end'],
    removing: ['remove', 'drop', 'lost', 'due', 'remind', 'end'],
    resting: ['granted', 'refused', 'unreachable', 'gone', 'remove', 'drop', 'lost', 'due', 'remind'],
    ended: [
      'granted',
      'refused',
      'unreachable',
      'gone',
      'begin',
      'changed',
      'remove',
      'drop',
      'lost',
      'due',
      'remind',
      'end',
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

/** One timer, started anew: there are many of us. */
function startDue(self: SoftState): void {
  if (self.due === undefined) self.due = self.timers.start(self, 'due', self.delay)
  else self.timers.restart(self.due, self.delay)
}

function stopTimer(self: SoftState): void {
  self.timers.stop(self.due)
}

function forgetAll(self: SoftState): void {
  stopTimer(self)
  self.due = undefined
  self.expiresAt = 0
}

function beginAnew({ user }: SoftState): void {
  user.beginAnew()
}

/** What changed while the request was under way goes next. */
function renewIfStale(self: SoftState): void {
  if (self.isStale) feed(softState, self, 'changed', undefined)
}

function wantAgain(self: SoftState): void {
  self.isWantedAgain = true
}

/** After a removal: the end, or what was wanted meanwhile. */
function goOn(self: SoftState): void {
  const isWanted = self.isWantedAgain && !self.isOver
  self.isWantedAgain = false
  if (self.isOver) feed(softState, self, 'end', undefined)
  else if (isWanted) feed(softState, self, 'begin', undefined)
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

function tellDue({ user }: SoftState): void {
  user.onDue?.()
}
