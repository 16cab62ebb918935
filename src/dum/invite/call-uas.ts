import { feed, type Machine, type MachineInstance, to } from '../../util/machine.ts'
import type { CallEvent, CallUasUser } from './call.ts'

export type CallUasState =
  | 'received'
  | 'early'
  | 'accepting'
  | 'accepted'
  | 'established'
  | 'ending'
  | 'leaving'
  | 'terminated'

export type CallUasInput =
  | 'provisional'
  | 'accept'
  | 'not yet'
  | 'ready'
  | 'reject'
  | 'gone'
  | 'CANCEL'
  | 'BYE'
  | 'ACK'
  | 'no ACK'
  | 'hang up'
  | 'bye ended'

/** The call of an INVITE that came to us. */
export class CallUas implements MachineInstance<CallUasState> {
  state: CallUasState = 'received'
  turn: unknown[] | null = null
  readonly user: CallUasUser

  constructor(user: CallUasUser) {
    this.user = user
  }

  feed(input: CallUasInput, event: CallEvent): void {
    feed(callUas, this, input, event)
  }
}

/**
 * RFC 3261 §13.3, §14, §15. `accept` where the 2xx may go, `not yet` where a PRACK is owed first (RFC 3262 §3). `gone`:
 * the dialog or its way is lost, expired or replaced. The outcome is told at once; what follows on the wire is silent.
 */
export const callUas: Machine<CallUasState, CallUasInput, CallUas, CallEvent> = {
  name: 'call of the called side',
  source: 'RFC 3261 §13.3, §15',
  initial: 'received',
  final: 'terminated',
  inputs: [
    'provisional',
    'accept',
    'not yet',
    'ready',
    'reject',
    'gone',
    'CANCEL',
    'BYE',
    'ACK',
    'no ACK',
    'hang up',
    'bye ended',
  ],
  rows: {
    received: {
      provisional: to('early'),
      accept: to('accepted', sendAccept),
      'not yet': to('accepting'),
      reject: to('terminated', sendRejection, tellEnd, release),
      gone: to('terminated', sendRejection, tellEnd, release),
      CANCEL: to('terminated', sendRejection, tellEnd, release),
      BYE: to('terminated', answerBye, sendRejection, tellEnd, release),
    },
    early: {
      provisional: to('early'),
      accept: to('accepted', sendAccept),
      'not yet': to('accepting'),
      reject: to('terminated', sendRejection, tellEnd, release),
      gone: to('terminated', sendRejection, tellEnd, release),
      CANCEL: to('terminated', sendRejection, tellEnd, release),
      BYE: to('terminated', answerBye, sendRejection, tellEnd, release),
    },
    accepting: {
      ready: to('accepted', sendAccept),
      reject: to('terminated', sendRejection, tellEnd, release),
      gone: to('terminated', sendRejection, tellEnd, release),
      CANCEL: to('terminated', sendRejection, tellEnd, release),
      BYE: to('terminated', answerBye, sendRejection, tellEnd, release),
    },
    accepted: {
      ACK: to('established', tellConfirmed),
      'no ACK': to('leaving', tellNoAck, sendBye, tellEnd),
      // §15: the callee sends no BYE before the ACK, or before 64·T1 are over
      'hang up': to('ending', tellEnd),
      gone: to('ending', tellEnd),
      BYE: to('terminated', answerBye, tellEnd, release),
    },
    established: {
      'hang up': to('leaving', sendBye, tellEnd),
      gone: to('leaving', sendBye, tellEnd),
      BYE: to('terminated', answerBye, tellEnd, release),
    },
    ending: {
      ACK: to('leaving', sendBye),
      'no ACK': to('leaving', sendBye),
      BYE: to('terminated', answerBye, release),
    },
    leaving: {
      BYE: to('leaving', answerBye),
      'bye ended': to('terminated', release),
    },
    terminated: {},
  },
  absorbs: {
    received: ['ready', 'ACK', 'no ACK', 'hang up', 'bye ended'],
    early: ['ready', 'ACK', 'no ACK', 'hang up', 'bye ended'],
    accepting: ['provisional', 'accept', 'not yet', 'ACK', 'no ACK', 'hang up', 'bye ended'],
    // a CANCEL that crossed the 2xx comes too late (§9.2)
    accepted: ['provisional', 'accept', 'not yet', 'ready', 'reject', 'CANCEL', 'bye ended'],
    established: [
      'provisional',
      'accept',
      'not yet',
      'ready',
      'reject',
      'CANCEL',
      'ACK',
      'no ACK',
      'bye ended',
    ],
    ending: ['provisional', 'accept', 'not yet', 'ready', 'reject', 'gone', 'CANCEL', 'hang up', 'bye ended'],
    leaving: [
      'provisional',
      'accept',
      'not yet',
      'ready',
      'reject',
      'gone',
      'CANCEL',
      'ACK',
      'no ACK',
      'hang up',
    ],
    terminated: [
      'provisional',
      'accept',
      'not yet',
      'ready',
      'reject',
      'gone',
      'CANCEL',
      'BYE',
      'ACK',
      'no ACK',
      'hang up',
      'bye ended',
    ],
  },
}

function sendAccept({ user }: CallUas): void {
  user.sendAccept()
}

function sendRejection({ user }: CallUas, event: CallEvent): void {
  user.sendRejection(event)
}

function answerBye({ user }: CallUas, event: CallEvent): void {
  user.answerBye(event)
}

function sendBye({ user }: CallUas, event: CallEvent): void {
  user.sendBye(event)
}

function tellConfirmed({ user }: CallUas): void {
  user.tellConfirmed()
}

function tellNoAck({ user }: CallUas): void {
  user.tellNoAck()
}

function tellEnd({ user }: CallUas, event: CallEvent): void {
  user.tellEnd(event)
}

function release({ user }: CallUas): void {
  user.release()
}
