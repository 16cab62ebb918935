import { feed, type Machine, type MachineInstance, to } from '../../util/machine.ts'
import type { ClientSubscriptionState, SubscriptionEnd } from '../handlers/subscription.ts'
import type { NotifyDuty } from './notify-duty.ts'

type Input = 'pending' | 'active' | 'over' | 'over, again' | 'due' | 'end'

export interface ClientSubscriptionEvent {
  /** The NOTIFY that it came by. */
  readonly notify?: NotifyDuty
  readonly end?: SubscriptionEnd
  /** Milliseconds until a new subscription is asked for. */
  readonly rest?: number
}

/** What a subscription of ours does as its machine says. */
export interface ClientSubscriptionUser {
  tellUpdate(event: ClientSubscriptionEvent): void
  /** Its dialog is let go of. */
  release(): void
  tellTerminated(event: ClientSubscriptionEvent): void
  /** Answers a NOTIFY that ends it for now, and waits. */
  rest(event: ClientSubscriptionEvent): void
  stopResting(): void
  sendRefresh(): void
  sendUnsubscribe(): void
  subscribeAnew(): void
  acceptSilently(event: ClientSubscriptionEvent): void
}

export class ClientSubscriptionMachine implements MachineInstance<ClientSubscriptionState> {
  state: ClientSubscriptionState = 'notifyWait'
  turn: unknown[] | null = null
  readonly user: ClientSubscriptionUser

  constructor(user: ClientSubscriptionUser) {
    this.user = user
  }

  feed(input: Input, event: ClientSubscriptionEvent = {}): void {
    feed(clientSubscription, this, input, event)
  }
}

/**
 * RFC 6665 §4.1.2, the figure. `over` is all that ends it: a NOTIFY that says so, a SUBSCRIBE refused, Timer N, its
 * expiry; `over, again` the same where a new subscription is to be asked for later.
 */
export const clientSubscription: Machine<
  ClientSubscriptionState,
  Input,
  ClientSubscriptionMachine,
  ClientSubscriptionEvent
> = {
  name: 'client subscription',
  source: 'RFC 6665 §4.1.2, the figure',
  initial: 'notifyWait',
  final: 'terminated',
  inputs: ['pending', 'active', 'over', 'over, again', 'due', 'end'],
  rows: {
    notifyWait: {
      pending: to('pending', tellUpdate),
      active: to('active', tellUpdate),
      over: to('terminated', release, tellTerminated),
      'over, again': to('resting', release, rest),
      // nothing can be unsubscribed from before a NOTIFY has made its dialog
      end: to('ending'),
    },
    pending: {
      pending: to('pending', tellUpdate),
      active: to('active', tellUpdate),
      over: to('terminated', release, tellTerminated),
      'over, again': to('resting', release, rest),
      due: to('pending', sendRefresh),
      end: to('ending', sendUnsubscribe),
    },
    active: {
      pending: to('pending', tellUpdate),
      active: to('active', tellUpdate),
      over: to('terminated', release, tellTerminated),
      'over, again': to('resting', release, rest),
      due: to('active', sendRefresh),
      end: to('ending', sendUnsubscribe),
    },
    ending: {
      pending: to('ending', acceptSilently, sendUnsubscribe),
      active: to('ending', acceptSilently, sendUnsubscribe),
      over: to('terminated', release, tellTerminated),
      'over, again': to('terminated', release, tellTerminated),
    },
    resting: {
      due: to('notifyWait', subscribeAnew),
      end: to('terminated', stopResting, tellTerminated),
    },
    terminated: {},
  },
  absorbs: {
    notifyWait: ['due'],
    pending: [],
    active: [],
    ending: ['due', 'end'],
    // its dialog is gone: nothing comes from it any more
    resting: ['pending', 'active', 'over', 'over, again'],
    terminated: ['pending', 'active', 'over', 'over, again', 'due', 'end'],
  },
}

function tellUpdate({ user }: ClientSubscriptionMachine, event: ClientSubscriptionEvent): void {
  user.tellUpdate(event)
}

function release({ user }: ClientSubscriptionMachine): void {
  user.release()
}

function tellTerminated({ user }: ClientSubscriptionMachine, event: ClientSubscriptionEvent): void {
  user.tellTerminated(event)
}

function rest({ user }: ClientSubscriptionMachine, event: ClientSubscriptionEvent): void {
  user.rest(event)
}

function stopResting({ user }: ClientSubscriptionMachine): void {
  user.stopResting()
}

function sendRefresh({ user }: ClientSubscriptionMachine): void {
  user.sendRefresh()
}

function sendUnsubscribe({ user }: ClientSubscriptionMachine): void {
  user.sendUnsubscribe()
}

function subscribeAnew({ user }: ClientSubscriptionMachine): void {
  user.subscribeAnew()
}

function acceptSilently({ user }: ClientSubscriptionMachine, event: ClientSubscriptionEvent): void {
  user.acceptSilently(event)
}
