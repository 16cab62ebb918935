import { feed, type Machine, to } from '../../util/machine.ts'
import type { Timer } from '../../util/timers.ts'
import type { ResponseWay } from '../transport/response-way.ts'
import type { TransactionContext } from './context.ts'
import { ServerMachine } from './server-machine.ts'
import { lifetime } from './timers.ts'

type State = 'proceeding' | 'accepted' | 'completed' | 'confirmed' | 'terminated'

type TimerName = 'trying' | 'timer G' | 'timer H' | 'timer I' | 'timer L'

type Input = 'INVITE' | 'ACK' | '1xx' | '2xx' | '3xx-6xx' | 'transport error' | TimerName

/** One INVITE server transaction. */
export class InviteServer extends ServerMachine<State> {
  state: State = 'proceeding'
  /** Timer G's interval. */
  interval = 0
  /** Trying, then G. */
  resending: Timer | undefined
  /** H, I or L. */
  ending: Timer | undefined = undefined

  constructor(context: TransactionContext, key: string, way: ResponseWay) {
    super(context, key, way)
    this.resending = context.timers.start(this, 'trying', context.timing.trying)
  }

  override onResponse(status: number, wire: string): void {
    feed(inviteServer, this, status < 200 ? '1xx' : status < 300 ? '2xx' : '3xx-6xx', wire)
  }

  override onRequest(isAck: boolean): void {
    feed(inviteServer, this, isAck ? 'ACK' : 'INVITE', '')
  }

  override onTransportError(): void {
    feed(inviteServer, this, 'transport error', '')
  }

  onTimer(name: TimerName): void {
    feed(inviteServer, this, name, '')
  }
}

/**
 * RFC 3261 §17.2.1, Figure 7, with the Accepted state of RFC 6026 §7.1. Events carry the wire text of a response.
 * Retransmissions of a 2xx are its user's, so that Accepted sends again only what the user gives it again.
 */
export const inviteServer: Machine<State, Input, InviteServer, string> = {
  name: 'INVITE server transaction',
  source: 'RFC 3261 §17.2.1, Figure 7; RFC 6026 §7.1',
  initial: 'proceeding',
  final: 'terminated',
  inputs: [
    'INVITE',
    'ACK',
    '1xx',
    '2xx',
    '3xx-6xx',
    'trying',
    'timer G',
    'timer H',
    'timer I',
    'timer L',
    'transport error',
  ],
  rows: {
    proceeding: {
      INVITE: to('proceeding', resendResponse),
      trying: to('proceeding', sendTrying),
      '1xx': to('proceeding', stopTrying, sendResponse),
      '2xx': to('accepted', stopTrying, sendResponse, release, forgetResponse, startTimerL),
      '3xx-6xx': to('completed', stopTrying, sendResponse, startTimerG, startTimerH),
      'transport error': to('terminated', informTransportError, end),
    },
    accepted: {
      '2xx': to('accepted', sendResponse, forgetResponse),
      'timer L': to('terminated', end),
    },
    completed: {
      INVITE: to('completed', resendResponse),
      ACK: to('confirmed', stopTimerG, stopTimerH, release, forgetResponse, startTimerI),
      'timer G': to('completed', resendResponse, restartTimerG),
      'timer H': to('terminated', informTimeout, end),
      'transport error': to('terminated', informTransportError, end),
    },
    confirmed: {
      'timer I': to('terminated', end),
    },
    terminated: {},
  },
  absorbs: {
    // a late timer belongs to a state that was left; ACK to a provisional response is nonsense
    proceeding: ['ACK', 'timer G', 'timer H', 'timer I', 'timer L'],
    // the ACK to a 2xx is its user's, and the user may answer once only but with the same 2xx
    accepted: [
      'INVITE',
      'ACK',
      '1xx',
      '3xx-6xx',
      'trying',
      'timer G',
      'timer H',
      'timer I',
      'transport error',
    ],
    completed: ['1xx', '2xx', '3xx-6xx', 'trying', 'timer I', 'timer L'],
    confirmed: [
      'INVITE',
      'ACK',
      '1xx',
      '2xx',
      '3xx-6xx',
      'trying',
      'timer G',
      'timer H',
      'timer L',
      'transport error',
    ],
    terminated: [
      'INVITE',
      'ACK',
      '1xx',
      '2xx',
      '3xx-6xx',
      'trying',
      'timer G',
      'timer H',
      'timer I',
      'timer L',
      'transport error',
    ],
  },
}

function sendTrying(self: InviteServer): void {
  self.handle?.sendTrying()
}

function stopTrying(self: InviteServer): void {
  self.context.timers.stop(self.resending)
  self.resending = undefined
}

function sendResponse(self: InviteServer, wire: string): void {
  self.transmit(wire)
}

function resendResponse(self: InviteServer): void {
  self.retransmit()
}

function startTimerG(self: InviteServer): void {
  if (self.way.isReliable) return
  self.interval = self.context.timing.t1
  self.resending = self.context.timers.start(self, 'timer G', self.interval)
}

function restartTimerG(self: InviteServer): void {
  if (self.resending === undefined) return
  self.interval = Math.min(2 * self.interval, self.context.timing.t2)
  self.context.timers.restart(self.resending, self.interval)
}

function stopTimerG(self: InviteServer): void {
  self.context.timers.stop(self.resending)
  self.resending = undefined
}

function startTimerH(self: InviteServer): void {
  self.ending = self.context.timers.start(self, 'timer H', lifetime(self.context.timing))
}

function stopTimerH(self: InviteServer): void {
  self.context.timers.stop(self.ending)
}

function startTimerI(self: InviteServer): void {
  self.ending = self.context.timers.start(self, 'timer I', self.way.isReliable ? 0 : self.context.timing.t4)
}

function startTimerL(self: InviteServer): void {
  self.ending = self.context.timers.start(self, 'timer L', lifetime(self.context.timing))
}

function forgetResponse(self: InviteServer): void {
  self.last = ''
}

function informTimeout(self: InviteServer): void {
  self.handle?.fail('timeout')
}

function informTransportError(self: InviteServer): void {
  self.handle?.fail('transport error')
}

function release(self: InviteServer): void {
  self.handle = undefined
}

function end(self: InviteServer): void {
  const { timers } = self.context
  timers.stop(self.resending)
  timers.stop(self.ending)
  self.handle = undefined
  self.context.onEnded(self.key)
}
