import { feed, type Machine, type MachineInstance, to } from '../../util/machine.ts'
import type { Description } from '../core/description.ts'

/**
 * `stable`: nothing is open. `offered`: ours awaits an answer. `asked`: theirs does. `requested`: we sent an INVITE
 * without offer. `owing`: they did, and the offer is ours to make.
 */
export type OfferAnswerState = 'stable' | 'offered' | 'asked' | 'requested' | 'owing' | 'closed'

type Input =
  | 'send offer'
  | 'send request'
  | 'send answer'
  | 'refuse'
  | 'receive offer'
  | 'receive request'
  | 'receive answer'
  | 'receive preview'
  | 'refused'
  | 'missing'
  | 'withdrawn'
  | 'close'

/** Whose session it is. Told after the state and the descriptions are what they will be. */
export interface OfferAnswerUser {
  /** A pair is agreed: ours and theirs. */
  onAgreed(local: Description, remote: Description, wasOurs: boolean): void
  /** An answer in a response that is not reliable: it may change (RFC 6337 §3.1.1). */
  onPreview(remote: Description): void
  /** Ours came to nothing; what was agreed before goes on. `isMissing`: a message that had to bring the answer did not. */
  onOfferEnded(isMissing: boolean): void
}

/** One dialog's offers and answers: at most one is open, and what was agreed goes on until the next is. */
export class OfferAnswer implements MachineInstance<OfferAnswerState> {
  state: OfferAnswerState = 'stable'
  turn: unknown[] | null = null
  readonly user: OfferAnswerUser
  /** What is agreed. */
  local: Description | undefined
  remote: Description | undefined
  /** @internal the offer that is open, ours or theirs */
  open: Description | undefined

  constructor(user: OfferAnswerUser) {
    this.user = user
  }

  get isOpen(): boolean {
    return this.state !== 'stable' && this.state !== 'closed'
  }

  /** Takes what a set's INVITE offered, in a dialog that one of its forks made. */
  seed(offer: Description | undefined): void {
    if (offer === undefined) this.sendRequest()
    else this.sendOffer(offer)
  }

  /** Ours, in any message that may carry one. */
  sendOffer(offer: Description): void {
    feed(offerAnswer, this, 'send offer', offer)
  }

  /** An INVITE of ours without offer. */
  sendRequest(): void {
    feed(offerAnswer, this, 'send request', undefined)
  }

  sendAnswer(answer: Description): void {
    feed(offerAnswer, this, 'send answer', answer)
  }

  /** We refuse theirs, or to make one. */
  refuse(): void {
    feed(offerAnswer, this, 'refuse', undefined)
  }

  receiveOffer(offer: Description): void {
    feed(offerAnswer, this, 'receive offer', offer)
  }

  receiveRequest(): void {
    feed(offerAnswer, this, 'receive request', undefined)
  }

  receiveAnswer(answer: Description): void {
    feed(offerAnswer, this, 'receive answer', answer)
  }

  receivePreview(answer: Description): void {
    feed(offerAnswer, this, 'receive preview', answer)
  }

  /** Ours was refused, or its request came to nothing. */
  receiveRefusal(): void {
    feed(offerAnswer, this, 'refused', undefined)
  }

  /** The message that had to bring the answer did not (RFC 3261 §13.2.2.4). */
  missAnswer(): void {
    feed(offerAnswer, this, 'missing', undefined)
  }

  /** What theirs came in is over: CANCEL, BYE, no ACK. */
  withdraw(): void {
    feed(offerAnswer, this, 'withdrawn', undefined)
  }

  close(): void {
    feed(offerAnswer, this, 'close', undefined)
  }
}

/** RFC 3264 §5–§8; which messages may carry what is RFC 6337 §2.2, and stands in carriers.ts. */
export const offerAnswer: Machine<OfferAnswerState, Input, OfferAnswer, Description | undefined> = {
  name: 'offer and answer',
  source: 'RFC 3264 §4; RFC 6337 §2.2',
  initial: 'stable',
  final: 'closed',
  inputs: [
    'send offer',
    'send request',
    'send answer',
    'refuse',
    'receive offer',
    'receive request',
    'receive answer',
    'receive preview',
    'refused',
    'missing',
    'withdrawn',
    'close',
  ],
  rows: {
    stable: {
      'send offer': to('offered', keepOpen),
      'send request': to('requested'),
      'receive offer': to('asked', keepOpen),
      'receive request': to('owing'),
      close: to('closed', forget),
    },
    offered: {
      'receive preview': to('offered', tellPreview),
      'receive answer': to('stable', agreeOnTheirs),
      refused: to('stable', dropOpen, tellRefused),
      missing: to('stable', dropOpen, tellMissing),
      withdrawn: to('stable', dropOpen, tellRefused),
      close: to('closed', forget),
    },
    requested: {
      'receive offer': to('asked', keepOpen),
      refused: to('stable', tellRefused),
      missing: to('stable', tellMissing),
      withdrawn: to('stable', tellRefused),
      close: to('closed', forget),
    },
    asked: {
      'send answer': to('stable', agreeOnOurs),
      refuse: to('stable', dropOpen),
      withdrawn: to('stable', dropOpen),
      close: to('closed', forget),
    },
    owing: {
      'send offer': to('offered', keepOpen),
      refuse: to('stable'),
      withdrawn: to('stable'),
      close: to('closed', forget),
    },
    closed: {},
  },
  absorbs: {
    // an answer to nothing is told nobody: RFC 6337 §3.1.1 repeats the answer in later responses
    stable: ['send answer', 'refuse', 'receive answer', 'receive preview', 'refused', 'missing', 'withdrawn'],
    offered: ['send offer', 'send request', 'send answer', 'refuse', 'receive offer', 'receive request'],
    requested: [
      'send offer',
      'send request',
      'send answer',
      'refuse',
      'receive request',
      'receive answer',
      'receive preview',
    ],
    asked: [
      'send offer',
      'send request',
      'receive offer',
      'receive request',
      'receive answer',
      'receive preview',
      'refused',
      'missing',
    ],
    owing: [
      'send request',
      'send answer',
      'receive offer',
      'receive request',
      'receive answer',
      'receive preview',
      'refused',
      'missing',
    ],
    closed: [
      'send offer',
      'send request',
      'send answer',
      'refuse',
      'receive offer',
      'receive request',
      'receive answer',
      'receive preview',
      'refused',
      'missing',
      'withdrawn',
      'close',
    ],
  },
}

function keepOpen(self: OfferAnswer, offer: Description | undefined): void {
  self.open = offer
}

function dropOpen(self: OfferAnswer): void {
  self.open = undefined
}

function forget(self: OfferAnswer): void {
  self.open = undefined
}

function agreeOnTheirs(self: OfferAnswer, answer: Description | undefined): void {
  agree(self, self.open, answer, true)
}

function agreeOnOurs(self: OfferAnswer, answer: Description | undefined): void {
  agree(self, answer, self.open, false)
}

function agree(
  self: OfferAnswer,
  local: Description | undefined,
  remote: Description | undefined,
  wasOurs: boolean,
): void {
  self.open = undefined
  if (local === undefined || remote === undefined) return
  self.local = local
  self.remote = remote
  self.user.onAgreed(local, remote, wasOurs)
}

function tellPreview(self: OfferAnswer, answer: Description | undefined): void {
  if (answer !== undefined) self.user.onPreview(answer)
}

function tellRefused(self: OfferAnswer): void {
  self.user.onOfferEnded(false)
}

function tellMissing(self: OfferAnswer): void {
  self.user.onOfferEnded(true)
}
