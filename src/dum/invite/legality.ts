import type { CallState } from '../handlers/invite.ts'
import type { ModificationState } from './modification.ts'
import type { OfferAnswerState } from './offer-answer.ts'

/** What becomes of a verb now: it is done, it waits until it may be, or it is an error. */
export type Verdict = 'now' | 'deferred' | 'illegal'

type Verb = 'provisional' | 'accept' | 'reject' | 'offer' | 'request offer' | 'refresh' | 'in session'

type Row = { readonly [state in CallState]: Verdict }

const nowhere: Row = {
  received: 'illegal',
  early: 'illegal',
  accepting: 'illegal',
  accepted: 'illegal',
  established: 'illegal',
  ending: 'illegal',
  leaving: 'illegal',
  terminated: 'illegal',
}

const uas: { readonly [verb in Verb]: Row } = {
  provisional: { ...nowhere, received: 'now', early: 'now' },
  accept: { ...nowhere, received: 'now', early: 'now' },
  reject: { ...nowhere, received: 'now', early: 'now', accepting: 'now' },
  offer: { ...nowhere, early: 'now', accepting: 'deferred', accepted: 'deferred', established: 'now' },
  'request offer': {
    ...nowhere,
    early: 'deferred',
    accepting: 'deferred',
    accepted: 'deferred',
    established: 'now',
  },
  refresh: { ...nowhere, early: 'now', accepting: 'now', accepted: 'now', established: 'now' },
  'in session': { ...nowhere, early: 'now', accepting: 'now', accepted: 'now', established: 'now' },
}

const uac: { readonly [verb in Verb]: Row } = {
  provisional: nowhere,
  accept: nowhere,
  reject: nowhere,
  offer: { ...nowhere, early: 'now', accepted: 'deferred', established: 'now' },
  'request offer': { ...nowhere, early: 'deferred', accepted: 'deferred', established: 'now' },
  refresh: { ...nowhere, early: 'now', accepted: 'now', established: 'now' },
  'in session': { ...nowhere, early: 'now', accepted: 'now', established: 'now' },
}

/** Whether a verb of the application's may be done in a state of the call. */
export function verb(role: 'uac' | 'uas', state: CallState, name: Verb): Verdict {
  return (role === 'uac' ? uac : uas)[name][state]
}

/** What of the two sides' requests is open in a dialog: nothing, ours, theirs, or our 2xx without its ACK. */
export type Exchange = 'quiet' | 'ours' | 'ours, answered' | 'theirs' | 'confirming' | 'first offer open'

/** What the exchange is, by the states of the modification and of the first INVITE's offer. */
export function exchangeOf(
  modification: ModificationState,
  isFirstOfferOpen: boolean,
  isFirstAcked: boolean,
): Exchange {
  switch (modification) {
    case 'inviting':
    case 'updating':
      return 'ours'
    case 'invited':
    case 'answering':
      return 'theirs'
    case 'confirming':
      return 'confirming'
    default:
      if (isFirstOfferOpen) return 'first offer open'
      return isFirstAcked ? 'quiet' : 'confirming'
  }
}

/** Whether a peer's request is taken, or the status that refuses it; 500 with Retry-After of 0 to 10 s (§14.2). */
export type Arrival = 'take' | 491 | 500

type ArrivalRow = { readonly [exchange in Exchange]: Arrival }

/** RFC 3261 §14.2, RFC 3311 §5.2, RFC 6337 §4.3. `isOurs`: the INVITE whose offer is open is ours. */
const invites = (isOurs: boolean): ArrivalRow => ({
  quiet: 'take',
  ours: 491,
  'ours, answered': 491,
  theirs: 500,
  // who sends another INVITE has our 2xx
  confirming: 'take',
  'first offer open': isOurs ? 491 : 500,
})

const updates = (isOurs: boolean): ArrivalRow => ({
  quiet: 'take',
  ours: 491,
  'ours, answered': 'take',
  theirs: 500,
  confirming: 'take',
  'first offer open': isOurs ? 491 : 500,
})

const table = {
  INVITE: { ours: invites(true), theirs: invites(false) },
  UPDATE: { ours: updates(true), theirs: updates(false) },
} as const

/** What the offer that is open refuses, whatever carried it: a 2xx of ours that has no ACK, too (RFC 6337 §4.3). */
export function arrivalWith(offers: OfferAnswerState): Arrival | undefined {
  if (offers === 'offered' || offers === 'requested') return 491
  return offers === 'asked' || offers === 'owing' ? 500 : undefined
}

/** What becomes of a peer's re-INVITE, or UPDATE with an offer. */
export function arrival(method: 'INVITE' | 'UPDATE', exchange: Exchange, role: 'uac' | 'uas'): Arrival {
  return table[method][role === 'uac' ? 'ours' : 'theirs'][exchange]
}
