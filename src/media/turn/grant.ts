import { feed, type Machine, to } from '../../util/machine.ts'
import type { Timer, TimerOwner, Timers } from '../../util/timers.ts'
import type { StunClient } from '../stun/client.ts'
import type { Exchange, StunRequest } from '../stun/exchange.ts'
import { StunErrorResponse, type StunFailure } from '../stun/failure.ts'
import { ask } from './ask.ts'

type State = 'idle' | 'asking' | 'standing' | 'renewing' | 'lapsed' | 'ended'

type Input = 'ask' | 'granted' | 'refused' | 'unanswered' | 'due' | 'expired' | 'end'

interface Event {
  readonly failure?: StunFailure
}

/** @internal Who hears of a grant. */
export interface GrantUser {
  /** It stands, for the first time or after it had lapsed: what waits can be sent. */
  onGranted(grant: Grant): void
  onRefused(grant: Grant, failure: StunFailure): void
}

/**
 * Milliseconds between renewals: permissions last five minutes, channels ten, and binding a channel renews the
 * permission of its peer too (RFC 8656 §9, §12).
 */
const RENEWAL = 240_000
/** Milliseconds to the next try where the server was silent, which took its own time already. */
const RETRY = 5000
/** Packets, and octets of them, that wait for a grant; more is dropped. */
const LONGEST_QUEUE = 32
const MOST_HELD = 64 * 1024
const SERVER_ERROR = 500

/**
 * A permission or a channel on the server, asked for and kept alive until it is ended. One whose renewals the server
 * does not answer stands until it expires, and is asked for again from then on.
 */
export class Grant implements TimerOwner<'renewal' | 'expiry'> {
  /** @internal */
  state: State = 'idle'
  /** @internal */
  turn: unknown[] | null = null
  /** @internal */
  readonly client: StunClient
  /** @internal */
  readonly timers: Timers
  /** @internal */
  readonly request: StunRequest
  /** @internal milliseconds that the server keeps it */
  readonly lifetime: number
  /** @internal */
  readonly user: GrantUser
  /** @internal */
  exchange: Exchange | undefined
  /** @internal */
  renewalTimer: Timer | undefined
  /** @internal */
  expiryTimer: Timer | undefined
  #queue: { readonly data: Uint8Array; readonly port: number }[] = []
  #queued = 0

  constructor(client: StunClient, timers: Timers, request: StunRequest, lifetime: number, user: GrantUser) {
    this.client = client
    this.timers = timers
    this.request = request
    this.lifetime = lifetime
    this.user = user
  }

  get stands(): boolean {
    return this.state === 'standing' || this.state === 'renewing'
  }

  get ended(): boolean {
    return this.state === 'ended'
  }

  ask(): void {
    feed(grantMachine, this, 'ask', nothing)
  }

  /** No more renewals; the server forgets it by itself. */
  end(): void {
    feed(grantMachine, this, 'end', nothing)
  }

  /** Keeps a copy of `data` until the grant comes; false where too much waits already. */
  hold(data: Uint8Array, port: number): boolean {
    if (this.#queue.length >= LONGEST_QUEUE || this.#queued + data.length > MOST_HELD) return false
    this.#queued += data.length
    this.#queue.push({ data: new Uint8Array(data), port })
    return true
  }

  /** What was held, once. */
  held(): { readonly data: Uint8Array; readonly port: number }[] {
    const queue = this.#queue
    this.#queue = []
    this.#queued = 0
    return queue
  }

  /** @internal */
  onTimer(name: 'renewal' | 'expiry'): void {
    feed(grantMachine, this, name === 'renewal' ? 'due' : 'expired', nothing)
  }
}

const nothing: Event = {}

export const grantMachine: Machine<State, Input, Grant, Event> = {
  name: 'turn-grant',
  source: 'RFC 8656 §9, §10, §12 (permissions and channels; the RFC has no figure)',
  initial: 'idle',
  final: 'ended',
  inputs: ['ask', 'granted', 'refused', 'unanswered', 'due', 'expired', 'end'],
  rows: {
    idle: {
      ask: to('asking', sendRequest),
      end: to('ended'),
    },
    asking: {
      granted: to('standing', waitToRenew, reportGranted),
      refused: to('ended', reportRefused),
      unanswered: to('ended', reportRefused),
      end: to('ended', cancelRequest),
    },
    standing: {
      due: to('renewing', sendRequest),
      expired: to('lapsed', stopTimers, sendRequest),
      end: to('ended', stopTimers),
    },
    renewing: {
      granted: to('standing', waitToRenew),
      refused: to('ended', stopTimers, reportRefused),
      unanswered: to('standing', waitToRetry),
      expired: to('lapsed'),
      end: to('ended', stopTimers, cancelRequest),
    },
    lapsed: {
      granted: to('standing', waitToRenew, reportGranted),
      refused: to('ended', stopTimers, reportRefused),
      unanswered: to('lapsed', waitToRetry),
      due: to('lapsed', sendRequest),
      end: to('ended', stopTimers, cancelRequest),
    },
    ended: {},
  },
  absorbs: {
    idle: ['granted', 'refused', 'unanswered', 'due', 'expired'],
    asking: ['ask', 'due', 'expired'],
    standing: ['ask', 'granted', 'refused', 'unanswered'],
    renewing: ['ask', 'due'],
    lapsed: ['ask', 'expired'],
    ended: ['ask', 'granted', 'refused', 'unanswered', 'due', 'expired', 'end'],
  },
}

function sendRequest(self: Grant): void {
  self.exchange = ask(self.client, self.request, {
    onSuccess: () => feed(grantMachine, self, 'granted', nothing),
    onFailure: failure =>
      feed(grantMachine, self, isRefusal(failure) ? 'refused' : 'unanswered', { failure }),
  })
}

/** The server means it; its silence, a network that is gone for a while and a 500 may be otherwise next time. */
function isRefusal(failure: StunFailure): boolean {
  return failure instanceof StunErrorResponse && failure.status !== SERVER_ERROR
}

function cancelRequest(self: Grant): void {
  self.exchange?.cancel()
}

function waitToRenew(self: Grant): void {
  restart(self, 'renewal', RENEWAL)
  restart(self, 'expiry', self.lifetime)
}

function waitToRetry(self: Grant): void {
  restart(self, 'renewal', RETRY)
}

function restart(self: Grant, name: 'renewal' | 'expiry', delay: number): void {
  const timer = name === 'renewal' ? self.renewalTimer : self.expiryTimer
  if (timer !== undefined) self.timers.restart(timer, delay)
  else if (name === 'renewal') self.renewalTimer = self.timers.start(self, name, delay)
  else self.expiryTimer = self.timers.start(self, name, delay)
}

function stopTimers(self: Grant): void {
  self.timers.stop(self.renewalTimer)
  self.timers.stop(self.expiryTimer)
}

function reportGranted(self: Grant): void {
  self.user.onGranted(self)
}

function reportRefused(self: Grant, { failure }: Event): void {
  if (failure !== undefined) self.user.onRefused(self, failure)
}
