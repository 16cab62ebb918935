import { type StunAttributeValue, valued } from '../../stun/attribute.ts'
import { Lifetime } from '../../stun/attributes/turn.ts'
import { method } from '../../stun/header.ts'
import type { StunMessage } from '../../stun/message.ts'
import { feed, type Machine, to } from '../../util/machine.ts'
import type { Timer, TimerOwner, Timers } from '../../util/timers.ts'
import type { StunClient } from '../stun/client.ts'
import type { Exchange } from '../stun/exchange.ts'
import type { StunFailure } from '../stun/failure.ts'
import { ask } from './ask.ts'
import { expired, isMismatch, unusableAllocation } from './failure.ts'
import {
  type Allocation,
  type AllocationRequest,
  allocationAttributes,
  checkedLifetime,
  readAllocation,
} from './request.ts'

type State = 'unallocated' | 'allocating' | 'allocated' | 'refreshing' | 'releasing' | 'closed'

type Input =
  | 'allocate'
  | 'granted'
  | 'refused'
  | 'unusable'
  | 'refresh'
  | 'refreshed'
  | 'refresh failed'
  | 'gone'
  | 'expired'
  | 'release'
  | 'released'
  | 'close'

interface Event {
  readonly attributes?: readonly StunAttributeValue[]
  readonly request?: AllocationRequest
  readonly allocation?: Allocation
  readonly lifetime?: number
  readonly failure?: StunFailure
}

/** Who hears what becomes of an allocation. */
export interface AllocationUser {
  onAllocated(allocation: Allocation): void
  onAllocationFailure(failure: StunFailure): void
  /** A refresh, asked for or due, went through; `lifetime` in seconds. */
  onRefreshed(lifetime: number): void
  /** A refresh failed; the allocation stands until `onAllocationLost`, and is refreshed again before that. */
  onRefreshFailure(failure: StunFailure): void
  /** The server no longer holds it, without our asking. */
  onAllocationLost(failure: StunFailure): void
  onReleased(): void
}

/** Milliseconds before the end of its lifetime that an allocation is refreshed (RFC 8656 §8). */
const MARGIN = 60_000
const SHORTEST_RETRY = 1000

/** One allocation on a server: its lifetime and refreshes, from Allocate to the Refresh with lifetime 0. */
export class TurnAllocation implements TimerOwner<'refresh' | 'expiry'> {
  /** @internal */
  state: State = 'unallocated'
  /** @internal */
  turn: unknown[] | null = null
  /** What the server gave; its lifetime as of the last refresh. `undefined` while there is none. */
  current: Allocation | undefined
  /** @internal */
  readonly client: StunClient
  /** @internal */
  readonly timers: Timers
  /** @internal */
  readonly user: AllocationUser
  /** @internal */
  exchange: Exchange | undefined
  /** @internal seconds that refreshes ask for */
  wanted: number | undefined
  /** @internal */
  refreshTimer: Timer | undefined
  /** @internal */
  expiryTimer: Timer | undefined

  constructor(client: StunClient, timers: Timers, user: AllocationUser) {
    this.client = client
    this.timers = timers
    this.user = user
  }

  /** There is an allocation, and nobody is ending it. */
  get standing(): boolean {
    return this.state === 'allocated' || this.state === 'refreshing'
  }

  allocate(request: AllocationRequest): void {
    const attributes = allocationAttributes(request)
    this.wanted = request.lifetime
    feed(allocationMachine, this, 'allocate', { attributes, request })
  }

  /** Asks for another `lifetime` (seconds), or for as long as before; 0 is `release` (RFC 8656 §8). */
  refresh(lifetime?: number): void {
    if (lifetime === 0) {
      this.release()
      return
    }
    this.wanted = lifetime === undefined ? this.wanted : checkedLifetime(lifetime)
    feed(allocationMachine, this, 'refresh', nothing)
  }

  /** Ends it on the server; `onReleased` is told even where the server does not answer. */
  release(): void {
    feed(allocationMachine, this, 'release', nothing)
  }

  /** The server does not know it any more, as a 437 or a lost connection tells. */
  lost(failure: StunFailure): void {
    feed(allocationMachine, this, 'gone', { failure })
  }

  /** Ends it here without a word to its user; the server keeps it until it expires. */
  close(): void {
    feed(allocationMachine, this, 'close', nothing)
  }

  /** @internal */
  onTimer(name: 'refresh' | 'expiry'): void {
    if (name === 'refresh') feed(allocationMachine, this, 'refresh', nothing)
    else feed(allocationMachine, this, 'expired', { failure: expired() })
  }
}

const nothing: Event = {}

export const allocationMachine: Machine<State, Input, TurnAllocation, Event> = {
  name: 'turn-allocation',
  source: 'RFC 8656 §7, §8 (the RFC has words for it and no figure)',
  initial: 'unallocated',
  final: 'closed',
  inputs: [
    'allocate',
    'granted',
    'refused',
    'unusable',
    'refresh',
    'refreshed',
    'refresh failed',
    'gone',
    'expired',
    'release',
    'released',
    'close',
  ],
  rows: {
    unallocated: {
      allocate: to('allocating', sendAllocate),
      close: to('closed'),
    },
    allocating: {
      granted: to('allocated', keep, scheduleRefresh, reportAllocated),
      refused: to('unallocated', reportRefused),
      unusable: to('unallocated', sendRelease, reportRefused),
      gone: to('unallocated', cancelRequest, reportRefused),
      close: to('closed', cancelRequest),
    },
    allocated: {
      refresh: to('refreshing', sendRefresh),
      gone: to('unallocated', forget, reportLost),
      expired: to('unallocated', forget, reportLost),
      release: to('releasing', sendRelease),
      close: to('closed', forget),
    },
    refreshing: {
      refresh: to('refreshing', cancelRequest, sendRefresh),
      refreshed: to('allocated', takeLifetime, scheduleRefresh, reportRefreshed),
      'refresh failed': to('allocated', scheduleRetry, reportRefreshFailure),
      gone: to('unallocated', cancelRequest, forget, reportRefreshFailure, reportLost),
      expired: to('unallocated', cancelRequest, forget, reportLost),
      release: to('releasing', cancelRequest, sendRelease),
      close: to('closed', cancelRequest, forget),
    },
    releasing: {
      released: to('unallocated', forget, reportReleased),
      gone: to('unallocated', cancelRequest, forget, reportReleased),
      close: to('closed', cancelRequest, forget),
    },
    closed: {},
  },
  absorbs: {
    unallocated: [
      'granted',
      'refused',
      'unusable',
      'refresh',
      'refreshed',
      'refresh failed',
      'gone',
      'expired',
      'release',
      'released',
    ],
    allocating: ['allocate', 'refresh', 'refreshed', 'refresh failed', 'expired', 'release', 'released'],
    allocated: ['allocate', 'granted', 'refused', 'unusable', 'refreshed', 'refresh failed', 'released'],
    refreshing: ['allocate', 'granted', 'refused', 'unusable', 'released'],
    releasing: [
      'allocate',
      'granted',
      'refused',
      'unusable',
      'refresh',
      'refreshed',
      'refresh failed',
      'expired',
      'release',
    ],
    closed: [
      'allocate',
      'granted',
      'refused',
      'unusable',
      'refresh',
      'refreshed',
      'refresh failed',
      'gone',
      'expired',
      'release',
      'released',
      'close',
    ],
  },
}

function sendAllocate(self: TurnAllocation, { attributes = [], request = {} }: Event): void {
  self.exchange = ask(
    self.client,
    { method: method.Allocate, attributes },
    {
      onSuccess(response) {
        const allocation = readAllocation(response, request)
        if (allocation) feed(allocationMachine, self, 'granted', { allocation })
        else feed(allocationMachine, self, 'unusable', { failure: unusableAllocation() })
      },
      onFailure: failure => feed(allocationMachine, self, 'refused', { failure }),
    },
  )
}

function sendRefresh(self: TurnAllocation): void {
  askRefresh(
    self,
    self.wanted,
    response => {
      const lifetime = response.get(Lifetime) ?? self.current?.lifetime ?? 0
      // a lifetime of 0 that nobody asked for: the server has ended it (RFC 8656 §8)
      if (lifetime === 0) feed(allocationMachine, self, 'gone', { failure: expired() })
      else feed(allocationMachine, self, 'refreshed', { lifetime })
    },
    failure => feed(allocationMachine, self, isMismatch(failure) ? 'gone' : 'refresh failed', { failure }),
  )
}

function sendRelease(self: TurnAllocation): void {
  const done = (): void => feed(allocationMachine, self, 'released', nothing)
  askRefresh(self, 0, done, done)
}

function askRefresh(
  self: TurnAllocation,
  lifetime: number | undefined,
  onSuccess: (response: StunMessage) => void,
  onFailure: (failure: StunFailure) => void,
): void {
  const attributes = lifetime === undefined ? [] : [valued(Lifetime, lifetime)]
  const request = { method: method.Refresh, attributes, atOnce: lifetime === 0 }
  self.exchange = ask(self.client, request, { onSuccess, onFailure })
}

function cancelRequest(self: TurnAllocation): void {
  self.exchange?.cancel()
}

function keep(self: TurnAllocation, { allocation }: Event): void {
  self.current = allocation
}

function takeLifetime(self: TurnAllocation, { lifetime }: Event): void {
  if (self.current !== undefined && lifetime !== undefined) self.current = { ...self.current, lifetime }
}

function scheduleRefresh(self: TurnAllocation): void {
  const lifetime = (self.current?.lifetime ?? 0) * 1000
  restart(self, 'expiry', lifetime)
  restart(self, 'refresh', Math.max(lifetime - MARGIN, lifetime / 2))
}

/** Halfway to the end, again and again, so that a server that comes back in time finds us. */
function scheduleRetry(self: TurnAllocation): void {
  const left = Math.max(0, (self.expiryTimer?.deadline ?? 0) - self.timers.now())
  restart(self, 'refresh', Math.max(left / 2, SHORTEST_RETRY))
}

function restart(self: TurnAllocation, name: 'refresh' | 'expiry', delay: number): void {
  const timer = name === 'refresh' ? self.refreshTimer : self.expiryTimer
  if (timer !== undefined) self.timers.restart(timer, delay)
  else if (name === 'refresh') self.refreshTimer = self.timers.start(self, name, delay)
  else self.expiryTimer = self.timers.start(self, name, delay)
}

function forget(self: TurnAllocation): void {
  self.current = undefined
  self.timers.stop(self.refreshTimer)
  self.timers.stop(self.expiryTimer)
}

function reportAllocated(self: TurnAllocation, { allocation }: Event): void {
  if (allocation !== undefined) self.user.onAllocated(allocation)
}

function reportRefused(self: TurnAllocation, { failure }: Event): void {
  if (failure !== undefined) self.user.onAllocationFailure(failure)
}

function reportRefreshed(self: TurnAllocation, { lifetime }: Event): void {
  if (lifetime !== undefined) self.user.onRefreshed(lifetime)
}

function reportRefreshFailure(self: TurnAllocation, { failure }: Event): void {
  if (failure !== undefined) self.user.onRefreshFailure(failure)
}

function reportLost(self: TurnAllocation, { failure }: Event): void {
  if (failure !== undefined) self.user.onAllocationLost(failure)
}

function reportReleased(self: TurnAllocation): void {
  self.user.onReleased()
}
