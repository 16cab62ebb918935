import { feed, type Machine, type MachineInstance, to } from '../../util/machine.ts'
import type { Description } from '../core/description.ts'

export type ReliableUacState = 'listening' | 'owing' | 'acknowledging' | 'done'
type Input = 'next' | 'next with offer' | 'answered' | 'acknowledged' | 'final'

/** A reliable provisional response that is to be acknowledged. */
export interface ToAcknowledge {
  readonly rseq: number
  readonly cseq: number
  readonly hasOffer: boolean
  /** The answer that its PRACK carries, or an offer of ours. */
  description?: Description
}

export interface ReliableUacUser {
  /** Sends the PRACK; its end is told by `onPrackEnded`. */
  sendPrack(acknowledged: ToAcknowledge): void
  /** The answer to the offer that it brought is due. */
  askAnswer(): void
}

/** Responses that may wait for their PRACK. */
const MAX_WAITING = 8

/** What one dialog of an INVITE hears reliably: in order, each acknowledged once (RFC 3262 §4). */
export class ReliableUac implements MachineInstance<ReliableUacState> {
  state: ReliableUacState = 'listening'
  turn: unknown[] | null = null
  readonly user: ReliableUacUser
  /** RSeq of the last that was taken; 0 before the first. */
  rseq = 0
  /** @internal those that are taken and not acknowledged, in order */
  readonly line: ToAcknowledge[] = []

  constructor(user: ReliableUacUser) {
    this.user = user
  }

  /**
   * A reliable provisional came: true where it is the next, which is to be looked at; false where it came before, or one
   * before it did not: then nothing is done with it (§4).
   */
  isNext(rseq: number): boolean {
    if (this.state === 'done' || this.line.length >= MAX_WAITING) return false
    return this.rseq === 0 ? rseq > 0 : rseq === this.rseq + 1
  }

  /** Takes what `isNext` said is the next. */
  take(rseq: number, cseq: number, hasOffer: boolean): void {
    this.rseq = rseq
    this.line.push({ rseq, cseq, hasOffer })
    feed(reliableUac, this, hasOffer ? 'next with offer' : 'next', undefined)
  }

  /** The answer to the offer whose turn it is. */
  answer(description: Description): void {
    const first = this.line[0]
    if (this.state === 'owing' && first !== undefined) first.description = description
    feed(reliableUac, this, 'answered', undefined)
  }

  onPrackEnded(): void {
    feed(reliableUac, this, 'acknowledged', undefined)
  }

  end(): void {
    feed(reliableUac, this, 'final', undefined)
  }
}

/** RFC 3262 §4. A PRACK that is under way when the final response comes goes on. */
export const reliableUac: Machine<ReliableUacState, Input, ReliableUac, undefined> = {
  name: 'reliable provisional responses of the calling side',
  source: 'RFC 3262 §4',
  initial: 'listening',
  final: 'done',
  inputs: ['next', 'next with offer', 'answered', 'acknowledged', 'final'],
  rows: {
    listening: {
      next: to('acknowledging', sendPrack),
      'next with offer': to('owing', askAnswer),
      final: to('done'),
    },
    owing: {
      next: to('owing'),
      'next with offer': to('owing'),
      answered: to('acknowledging', sendPrack),
      final: to('done', forget),
    },
    acknowledging: {
      next: to('acknowledging'),
      'next with offer': to('acknowledging'),
      acknowledged: to('listening', goOn),
      final: to('done', forget),
    },
    done: {},
  },
  absorbs: {
    listening: ['answered', 'acknowledged'],
    owing: ['acknowledged'],
    acknowledging: ['answered'],
    done: ['next', 'next with offer', 'answered', 'acknowledged', 'final'],
  },
}

function sendPrack(self: ReliableUac): void {
  const first = self.line[0]
  if (first !== undefined) self.user.sendPrack(first)
}

function askAnswer(self: ReliableUac): void {
  self.user.askAnswer()
}

/** The one whose PRACK is answered goes, the next has its turn. */
function goOn(self: ReliableUac): void {
  self.line.shift()
  const [next] = self.line
  if (next !== undefined) feed(reliableUac, self, next.hasOffer ? 'next with offer' : 'next', undefined)
}

function forget(self: ReliableUac): void {
  self.line.length = 0
}
