import { feed, type Machine, to } from '../../util/machine.ts'
import type { Timer, TimerOwner, Timers } from '../../util/timers.ts'
import type { StunClient } from '../stun/client.ts'
import type { Exchange, StunRequest } from '../stun/exchange.ts'
import type { StunFailure } from '../stun/failure.ts'

type State = 'idle' | 'asking' | 'standing' | 'renewing' | 'ended'

type Input = 'ask' | 'granted' | 'refused' | 'due' | 'end'

interface Event {
  readonly failure?: StunFailure
}

/** @internal Who hears of a grant. */
export interface GrantUser {
  /** Granted for the first time: what waits can be sent. */
  onGranted(grant: Grant): void
  onRefused(grant: Grant, failure: StunFailure): void
}

/**
 * Milliseconds between renewals: permissions last five minutes, channels ten, and binding a channel renews the
 * permission of its peer too (RFC 8656 §9, §12).
 */
const RENEWAL = 240_000

/** What waits for a grant; more than this is dropped. */
const LONGEST_QUEUE = 32

/** A permission or a channel on the server, asked for and kept alive until it is ended. */
export class Grant implements TimerOwner {
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
  /** @internal */
  readonly user: GrantUser
  /** @internal */
  exchange: Exchange | undefined
  /** @internal */
  timer: Timer | undefined
  #queue: { readonly data: Uint8Array; readonly port: number }[] = []

  constructor(client: StunClient, timers: Timers, request: StunRequest, user: GrantUser) {
    this.client = client
    this.timers = timers
    this.request = request
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
    this.#queue = []
    feed(grantMachine, this, 'end', nothing)
  }

  /** Keeps a copy of `data` until the grant comes; false where too much waits already. */
  hold(data: Uint8Array, port: number): boolean {
    if (this.#queue.length >= LONGEST_QUEUE) return false
    this.#queue.push({ data: new Uint8Array(data), port })
    return true
  }

  /** What was held, once. */
  held(): { readonly data: Uint8Array; readonly port: number }[] {
    const queue = this.#queue
    this.#queue = []
    return queue
  }

  /** @internal */
  onTimer(): void {
    feed(grantMachine, this, 'due', nothing)
  }
}

const nothing: Event = {}

export const grantMachine: Machine<State, Input, Grant, Event> = {
  name: 'turn-grant',
  source: 'RFC 8656 §9, §10, §12 (permissions and channels; the RFC has no figure)',
  initial: 'idle',
  final: 'ended',
  inputs: ['ask', 'granted', 'refused', 'due', 'end'],
  rows: {
    idle: {
      ask: to('asking', sendRequest),
      end: to('ended'),
    },
    asking: {
      granted: to('standing', waitToRenew, reportGranted),
      refused: to('ended', reportRefused),
      end: to('ended', cancelRequest),
    },
    standing: {
      due: to('renewing', sendRequest),
      end: to('ended', stopTimer),
    },
    renewing: {
      granted: to('standing', waitToRenew),
      refused: to('ended', reportRefused),
      end: to('ended', cancelRequest),
    },
    ended: {},
  },
  absorbs: {
    idle: ['granted', 'refused', 'due'],
    asking: ['ask', 'due'],
    standing: ['ask', 'granted', 'refused'],
    renewing: ['ask', 'due'],
    ended: ['ask', 'granted', 'refused', 'due', 'end'],
  },
}

function sendRequest(self: Grant): void {
  self.exchange = self.client.request(self.request, {
    onSuccess: () => feed(grantMachine, self, 'granted', nothing),
    onFailure: failure => feed(grantMachine, self, 'refused', { failure }),
  })
}

function cancelRequest(self: Grant): void {
  self.exchange?.cancel()
}

function waitToRenew(self: Grant): void {
  if (self.timer === undefined) self.timer = self.timers.start(self, 'renewal', RENEWAL)
  else self.timers.restart(self.timer, RENEWAL)
}

function stopTimer(self: Grant): void {
  self.timers.stop(self.timer)
}

function reportGranted(self: Grant): void {
  self.user.onGranted(self)
}

function reportRefused(self: Grant, { failure }: Event): void {
  if (failure !== undefined) self.user.onRefused(self, failure)
}
