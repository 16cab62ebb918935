import { feed, type Machine, type MachineInstance, to } from '../../util/machine.ts'
import type { CallOutcome } from '../call-record/outcome.ts'

export type AttemptState = 'calling' | 'proceeding' | 'retrying' | 'cancelling' | 'answered' | 'ended'

export type AttemptInput = '1xx' | '2xx' | 'retry' | 'sent' | 'refused' | 'hang up' | 'over'

/** Why an attempt ends, where an input says so. */
export interface AttemptEvent {
  readonly outcome?: CallOutcome
}

/** The set whose INVITE it is. */
export interface AttemptUser {
  /** CANCEL goes out as soon as it may (RFC 3261 §9.1). */
  sendCancel(event: AttemptEvent): void
  /** What waits to be sent again is not. */
  stopRetry(): void
  /** The forks that ring are over: another target, or another try, comes. */
  endForks(event: AttemptEvent): void
  /** Nobody accepted. */
  tellFailure(event: AttemptEvent): void
  /** Who waits in vain, now that another 2xx can no more come, is told. */
  dissolve(): void
}

/** A set's INVITE with its retries, from the first sending until no further 2xx can come. */
export class Attempt implements MachineInstance<AttemptState> {
  state: AttemptState = 'calling'
  turn: unknown[] | null = null
  readonly user: AttemptUser

  constructor(user: AttemptUser) {
    this.user = user
  }

  feed(input: AttemptInput, event: AttemptEvent = {}): void {
    feed(attempt, this, input, event)
  }
}

/**
 * RFC 3261 §13.2, §9.1. `refused`: a final response that is not retried, or a failure; `retry`: one that is, a challenge,
 * 422, a redirect; `over`: 64·T1 after the first 2xx. The 2xx that comes to a CANCEL is ACKed and its dialog ended by the
 * session that it makes.
 */
export const attempt: Machine<AttemptState, AttemptInput, Attempt, AttemptEvent> = {
  name: 'INVITE of a dialog set',
  source: 'RFC 3261 §13.2, §9.1',
  initial: 'calling',
  final: 'ended',
  inputs: ['1xx', '2xx', 'retry', 'sent', 'refused', 'hang up', 'over'],
  rows: {
    calling: {
      '1xx': to('proceeding'),
      '2xx': to('answered'),
      retry: to('retrying', endForks),
      refused: to('ended', endForks, tellFailure, dissolve),
      'hang up': to('cancelling', tellFailure, sendCancel),
    },
    proceeding: {
      '1xx': to('proceeding'),
      '2xx': to('answered'),
      retry: to('retrying', endForks),
      refused: to('ended', endForks, tellFailure, dissolve),
      'hang up': to('cancelling', tellFailure, sendCancel),
    },
    retrying: {
      sent: to('calling'),
      refused: to('ended', tellFailure, dissolve),
      'hang up': to('ended', stopRetry, tellFailure, dissolve),
    },
    cancelling: {
      '2xx': to('answered'),
      retry: to('ended', endForks, dissolve),
      refused: to('ended', endForks, dissolve),
    },
    answered: {
      '2xx': to('answered'),
      over: to('ended', endForks, dissolve),
    },
    ended: {},
  },
  absorbs: {
    calling: ['sent', 'over'],
    proceeding: ['sent', 'over'],
    retrying: ['1xx', '2xx', 'retry', 'over'],
    cancelling: ['1xx', 'sent', 'hang up', 'over'],
    // the sessions hang up, each its own dialog
    answered: ['1xx', 'retry', 'sent', 'refused', 'hang up'],
    ended: ['1xx', '2xx', 'retry', 'sent', 'refused', 'hang up', 'over'],
  },
}

function sendCancel({ user }: Attempt, event: AttemptEvent): void {
  user.sendCancel(event)
}

function stopRetry({ user }: Attempt): void {
  user.stopRetry()
}

function endForks({ user }: Attempt, event: AttemptEvent): void {
  user.endForks(event)
}

function tellFailure({ user }: Attempt, event: AttemptEvent): void {
  user.tellFailure(event)
}

function dissolve({ user }: Attempt): void {
  user.dissolve()
}
