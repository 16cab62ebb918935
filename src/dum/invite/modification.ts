import { feed, type Machine, type MachineInstance, to } from '../../util/machine.ts'
import type { Timer, TimerOwner, Timers } from '../../util/timers.ts'

export type ModificationState =
  | 'idle'
  | 'inviting'
  | 'updating'
  | 'invited'
  | 'answering'
  | 'confirming'
  | 'ended'

type Input =
  | 'reinvite'
  | 'update'
  | 'INVITE'
  | 'UPDATE'
  | '2xx'
  | 'acknowledged'
  | 'glare'
  | 'refused'
  | 'stale'
  | 'lost'
  | 'answer'
  | 'reject'
  | 'CANCEL'
  | 'ACK'
  | 'no ACK'
  | 'pause over'
  | 'end'

export interface ModificationUser {
  /** A re-INVITE nobody answered in time is cancelled. */
  cancelReinvite(): void
  /** Nothing is under way any more: what waits may be tried. */
  onModificationIdle(): void
  /** No ACK came to the 2xx of a re-INVITE: the dialog is to be ended (RFC 3261 §14.2). */
  onModificationLost(): void
}

/** A re-INVITE or an UPDATE of either side: at most one is under way in a dialog. It lives only while one is. */
export class Modification implements MachineInstance<ModificationState>, TimerOwner<'pause over' | 'stale'> {
  state: ModificationState = 'idle'
  turn: unknown[] | null = null
  readonly timers: Timers
  readonly user: ModificationUser
  /** Times that ours met theirs in a row. */
  collisions = 0
  /** @internal gives up a re-INVITE */
  stale: Timer | undefined
  #pausing: Timer | undefined

  constructor(timers: Timers, user: ModificationUser) {
    this.timers = timers
    this.user = user
  }

  get isIdle(): boolean {
    return this.state === 'idle'
  }

  /** Whether one of ours met theirs, and waits to be tried again; theirs may come meanwhile. */
  get isPausing(): boolean {
    return this.#pausing?.running === true
  }

  feed(input: Exclude<Input, 'pause over' | 'glare' | 'stale'>): void {
    feed(modification, this, input, undefined)
  }

  /** Ours was refused with 491, or 500 and Retry-After; it is tried again after `pause` milliseconds. */
  collide(pause: number): void {
    this.collisions++
    this.timers.stop(this.#pausing)
    this.#pausing = this.timers.start(this, 'pause over', pause)
    feed(modification, this, 'glare', undefined)
  }

  /** Cancels a re-INVITE of ours that has no final response after so many milliseconds. */
  expectWithin(milliseconds: number): void {
    this.timers.stop(this.stale)
    this.stale = this.timers.start(this, 'stale', milliseconds)
  }

  /** @internal */
  stopPause(): void {
    this.timers.stop(this.#pausing)
  }

  onTimer(name: 'pause over' | 'stale'): void {
    feed(modification, this, name, undefined)
  }
}

/** RFC 3261 §14; RFC 3311 §5; RFC 6141. Whether an input may come at all is legality.ts's to say, before it is fed. */
export const modification: Machine<ModificationState, Input, Modification, undefined> = {
  name: 'modification of a session',
  source: 'RFC 3261 §14; RFC 3311 §5; RFC 6141 §3',
  initial: 'idle',
  final: 'ended',
  inputs: [
    'reinvite',
    'update',
    'INVITE',
    'UPDATE',
    '2xx',
    'acknowledged',
    'glare',
    'refused',
    'stale',
    'lost',
    'answer',
    'reject',
    'CANCEL',
    'ACK',
    'no ACK',
    'pause over',
    'end',
  ],
  rows: {
    idle: {
      reinvite: to('inviting'),
      update: to('updating'),
      INVITE: to('invited'),
      UPDATE: to('answering'),
      'pause over': to('idle', tellIdle),
      end: to('ended', stopTimer, stopPause),
    },
    inviting: {
      '2xx': to('inviting', stopTimer),
      acknowledged: to('idle', succeed, tellIdle),
      glare: to('idle', stopTimer),
      refused: to('idle', stopTimer, tellIdle),
      stale: to('inviting', cancelReinvite),
      lost: to('idle', stopTimer, tellLost),
      end: to('ended', stopTimer, stopPause),
    },
    updating: {
      '2xx': to('idle', succeed, tellIdle),
      glare: to('idle', stopTimer),
      refused: to('idle', stopTimer, tellIdle),
      lost: to('idle', stopTimer, tellLost),
      end: to('ended', stopTimer, stopPause),
    },
    invited: {
      answer: to('confirming'),
      reject: to('idle', tellIdle),
      CANCEL: to('idle', tellIdle),
      end: to('ended', stopTimer, stopPause),
    },
    answering: {
      answer: to('idle', tellIdle),
      reject: to('idle', tellIdle),
      end: to('ended', stopTimer, stopPause),
    },
    confirming: {
      ACK: to('idle', tellIdle),
      // whoever sends a new INVITE has our 2xx (§14.1: not before the ACK)
      INVITE: to('invited'),
      UPDATE: to('answering'),
      'no ACK': to('idle', tellLost),
      end: to('ended', stopTimer, stopPause),
    },
    ended: {},
  },
  absorbs: {
    idle: [
      '2xx',
      'acknowledged',
      'glare',
      'refused',
      'stale',
      'lost',
      'answer',
      'reject',
      'CANCEL',
      'ACK',
      'no ACK',
    ],
    inviting: [
      'reinvite',
      'update',
      'INVITE',
      // taken where a reliable 1xx answered ours (RFC 6337 §4.3); it is answered within its own turn
      'UPDATE',
      'answer',
      'reject',
      'CANCEL',
      'ACK',
      'no ACK',
      'pause over',
    ],
    updating: [
      'reinvite',
      'update',
      'INVITE',
      'UPDATE',
      'acknowledged',
      'stale',
      'answer',
      'reject',
      'CANCEL',
      'ACK',
      'no ACK',
      'pause over',
    ],
    invited: [
      'reinvite',
      'update',
      'INVITE',
      'UPDATE',
      '2xx',
      'acknowledged',
      'glare',
      'refused',
      'stale',
      'lost',
      'ACK',
      'no ACK',
      'pause over',
    ],
    answering: [
      'reinvite',
      'update',
      'INVITE',
      'UPDATE',
      '2xx',
      'acknowledged',
      'glare',
      'refused',
      'stale',
      'lost',
      'CANCEL',
      'ACK',
      'no ACK',
      'pause over',
    ],
    confirming: [
      'reinvite',
      'update',
      '2xx',
      'acknowledged',
      'glare',
      'refused',
      'stale',
      'lost',
      'answer',
      'reject',
      'CANCEL',
      'pause over',
    ],
    ended: [
      'reinvite',
      'update',
      'INVITE',
      'UPDATE',
      '2xx',
      'acknowledged',
      'glare',
      'refused',
      'stale',
      'lost',
      'answer',
      'reject',
      'CANCEL',
      'ACK',
      'no ACK',
      'pause over',
      'end',
    ],
  },
}

function stopTimer(self: Modification): void {
  self.timers.stop(self.stale)
  self.stale = undefined
}

function stopPause(self: Modification): void {
  self.stopPause()
}

function succeed(self: Modification): void {
  stopTimer(self)
  self.collisions = 0
}

function cancelReinvite({ user }: Modification): void {
  user.cancelReinvite()
}

function tellIdle({ user }: Modification): void {
  user.onModificationIdle()
}

function tellLost({ user }: Modification): void {
  user.onModificationLost()
}
