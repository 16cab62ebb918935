import type { ServerTransaction } from '../../stack/transaction/server-transaction.ts'
import { feed, type Machine, type MachineInstance, to } from '../../util/machine.ts'
import type { ServerSubscriptionState, SubscriptionEnd } from '../handlers/subscription.ts'

type Input =
  | 'grant'
  | 'hold'
  | 'answer poll'
  | 'reject'
  | 'publish'
  | 'refresh'
  | 'unsubscribe'
  | 'end'
  | 'expired'
  | 'notified'
  | 'lost'

export interface ServerSubscriptionEvent {
  /** A SUBSCRIBE that refreshes it, or ends it. */
  readonly transaction?: ServerTransaction
  /** Seconds that it is granted for. */
  readonly expires?: number
  readonly status?: number
  readonly end?: SubscriptionEnd
}

/** What a subscription to us does as its machine says. */
export interface ServerSubscriptionUser {
  /** 2xx to the SUBSCRIBE that began it. */
  accept(): void
  refuse(event: ServerSubscriptionEvent): void
  /** 2xx to one that refreshes it, or ends it. */
  acceptRefresh(event: ServerSubscriptionEvent): void
  startExpiry(event: ServerSubscriptionEvent): void
  /** Sends a NOTIFY, or when the one under way is over. */
  notify(): void
  notifyLast(event: ServerSubscriptionEvent): void
  tellRefresh(event: ServerSubscriptionEvent): void
  tellExpired(): void
  tellExpiredByClient(event: ServerSubscriptionEvent): void
  release(): void
  tellTerminated(event: ServerSubscriptionEvent): void
}

export class ServerSubscriptionMachine implements MachineInstance<ServerSubscriptionState> {
  state: ServerSubscriptionState = 'received'
  turn: unknown[] | null = null
  readonly user: ServerSubscriptionUser

  constructor(user: ServerSubscriptionUser) {
    this.user = user
  }

  feed(input: Input, event: ServerSubscriptionEvent = {}): void {
    feed(serverSubscription, this, input, event)
  }
}

/**
 * RFC 6665 §4.2.2, the figure. `lost` is a NOTIFY that was refused so that it ends the subscription, or got no answer;
 * `closing` waits for the end of the last NOTIFY, so that its dialog lives as long.
 */
export const serverSubscription: Machine<
  ServerSubscriptionState,
  Input,
  ServerSubscriptionMachine,
  ServerSubscriptionEvent
> = {
  name: 'server subscription',
  source: 'RFC 6665 §4.2.2, the figure',
  initial: 'received',
  final: 'terminated',
  inputs: [
    'grant',
    'hold',
    'answer poll',
    'reject',
    'publish',
    'refresh',
    'unsubscribe',
    'end',
    'expired',
    'notified',
    'lost',
  ],
  rows: {
    received: {
      grant: to('active', accept, startExpiry, notify),
      hold: to('pending', accept, startExpiry, notify),
      'answer poll': to('closing', accept, tellExpiredByClient, notifyLast),
      reject: to('terminated', refuse, release),
      end: to('terminated', refuse, release),
    },
    pending: {
      grant: to('active', notify),
      // who may not see a state yet does not see that it changes either
      publish: to('pending'),
      refresh: to('pending', acceptRefresh, startExpiry, tellRefresh, notify),
      unsubscribe: to('closing', acceptRefresh, tellExpiredByClient, notifyLast),
      end: to('closing', notifyLast),
      expired: to('closing', tellExpired, notifyLast),
      lost: to('terminated', release, tellTerminated),
    },
    active: {
      publish: to('active', notify),
      refresh: to('active', acceptRefresh, startExpiry, tellRefresh, notify),
      unsubscribe: to('closing', acceptRefresh, tellExpiredByClient, notifyLast),
      end: to('closing', notifyLast),
      expired: to('closing', tellExpired, notifyLast),
      lost: to('terminated', release, tellTerminated),
    },
    closing: {
      notified: to('terminated', release, tellTerminated),
      lost: to('terminated', release, tellTerminated),
    },
    terminated: {},
  },
  absorbs: {
    received: ['publish', 'refresh', 'unsubscribe', 'expired', 'notified', 'lost'],
    pending: ['hold', 'answer poll', 'reject', 'notified'],
    active: ['grant', 'hold', 'answer poll', 'reject', 'notified'],
    // a SUBSCRIBE that comes now is answered 481 before it gets here
    closing: [
      'grant',
      'hold',
      'answer poll',
      'reject',
      'publish',
      'refresh',
      'unsubscribe',
      'end',
      'expired',
    ],
    terminated: [
      'grant',
      'hold',
      'answer poll',
      'reject',
      'publish',
      'refresh',
      'unsubscribe',
      'end',
      'expired',
      'notified',
      'lost',
    ],
  },
}

function accept({ user }: ServerSubscriptionMachine): void {
  user.accept()
}

function refuse({ user }: ServerSubscriptionMachine, event: ServerSubscriptionEvent): void {
  user.refuse(event)
}

function acceptRefresh({ user }: ServerSubscriptionMachine, event: ServerSubscriptionEvent): void {
  user.acceptRefresh(event)
}

function startExpiry({ user }: ServerSubscriptionMachine, event: ServerSubscriptionEvent): void {
  user.startExpiry(event)
}

function notify({ user }: ServerSubscriptionMachine): void {
  user.notify()
}

function notifyLast({ user }: ServerSubscriptionMachine, event: ServerSubscriptionEvent): void {
  user.notifyLast(event)
}

function tellRefresh({ user }: ServerSubscriptionMachine, event: ServerSubscriptionEvent): void {
  user.tellRefresh(event)
}

function tellExpired({ user }: ServerSubscriptionMachine): void {
  user.tellExpired()
}

function tellExpiredByClient({ user }: ServerSubscriptionMachine, event: ServerSubscriptionEvent): void {
  user.tellExpiredByClient(event)
}

function release({ user }: ServerSubscriptionMachine): void {
  user.release()
}

function tellTerminated({ user }: ServerSubscriptionMachine, event: ServerSubscriptionEvent): void {
  user.tellTerminated(event)
}
