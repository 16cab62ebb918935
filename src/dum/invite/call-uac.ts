import { feed, type Machine, type MachineInstance, to } from '../../util/machine.ts'
import type { CallEvent, CallUacUser } from './call.ts'

export type CallUacState = 'early' | 'accepted' | 'established' | 'leaving' | 'terminated'

export type CallUacInput =
  | '1xx'
  | '2xx'
  | 'unwanted 2xx'
  | 'acknowledged'
  | 'failed'
  | 'BYE'
  | 'hang up'
  | 'gone'
  | 'bye ended'

/** One dialog of an INVITE that we sent. */
export class CallUac implements MachineInstance<CallUacState> {
  state: CallUacState = 'early'
  turn: unknown[] | null = null
  readonly user: CallUacUser

  constructor(user: CallUacUser) {
    this.user = user
  }

  feed(input: CallUacInput, event: CallEvent): void {
    feed(callUac, this, input, event)
  }
}

/**
 * RFC 3261 §13.2.2, §15; RFC 6228 (199 is `failed`). `acknowledged`: the ACK went, at once where the 2xx held the answer,
 * with the answer where it held the offer.
 */
export const callUac: Machine<CallUacState, CallUacInput, CallUac, CallEvent> = {
  name: 'call of the calling side',
  source: 'RFC 3261 §13.2.2, §15',
  initial: 'early',
  final: 'terminated',
  inputs: ['1xx', '2xx', 'unwanted 2xx', 'acknowledged', 'failed', 'BYE', 'hang up', 'gone', 'bye ended'],
  rows: {
    early: {
      '1xx': to('early'),
      '2xx': to('accepted'),
      'unwanted 2xx': to('leaving', refuseAccept, sendBye, tellEnd),
      failed: to('terminated', tellEnd, release),
      BYE: to('terminated', answerBye, tellEnd, release),
      'hang up': to('leaving', tellEnd, leaveEarly),
      gone: to('leaving', tellEnd, leaveEarly),
    },
    accepted: {
      '2xx': to('accepted', acknowledge),
      'unwanted 2xx': to('accepted', acknowledge),
      acknowledged: to('established', tellConnected),
      'hang up': to('leaving', refuseAccept, sendBye, tellEnd),
      gone: to('leaving', refuseAccept, sendBye, tellEnd),
      BYE: to('terminated', answerBye, refuseAccept, tellEnd, release),
    },
    established: {
      '2xx': to('established', acknowledge),
      'unwanted 2xx': to('established', acknowledge),
      'hang up': to('leaving', sendBye, tellEnd),
      gone: to('leaving', sendBye, tellEnd),
      BYE: to('terminated', answerBye, tellEnd, release),
    },
    leaving: {
      // the CANCEL, or the BYE in an early dialog, crossed the 2xx
      '2xx': to('leaving', refuseAccept, sendBye),
      'unwanted 2xx': to('leaving', refuseAccept, sendBye),
      failed: to('terminated', release),
      BYE: to('leaving', answerBye),
      'bye ended': to('terminated', release),
    },
    terminated: {
      // a 2xx that comes again wants its ACK again (§13.2.2.4)
      '2xx': to('terminated', acknowledge),
      'unwanted 2xx': to('terminated', acknowledge),
    },
  },
  absorbs: {
    early: ['acknowledged', 'bye ended'],
    accepted: ['1xx', 'failed', 'bye ended'],
    established: ['1xx', 'acknowledged', 'failed', 'bye ended'],
    leaving: ['1xx', 'acknowledged', 'hang up', 'gone'],
    terminated: ['1xx', 'acknowledged', 'failed', 'BYE', 'hang up', 'gone', 'bye ended'],
  },
}

function acknowledge({ user }: CallUac): void {
  user.acknowledge()
}

function refuseAccept({ user }: CallUac): void {
  user.refuseAccept()
}

function leaveEarly({ user }: CallUac, event: CallEvent): void {
  user.leaveEarly(event)
}

function sendBye({ user }: CallUac, event: CallEvent): void {
  user.sendBye(event)
}

function answerBye({ user }: CallUac, event: CallEvent): void {
  user.answerBye(event)
}

function tellConnected({ user }: CallUac): void {
  user.tellConnected()
}

function tellEnd({ user }: CallUac, event: CallEvent): void {
  user.tellEnd(event)
}

function release({ user }: CallUac): void {
  user.release()
}
