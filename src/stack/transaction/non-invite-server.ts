import { feed, type Machine, to } from '../../util/machine.ts'
import type { Timer } from '../../util/timers.ts'
import type { ResponseWay } from '../transport/response-way.ts'
import type { TransactionContext } from './context.ts'
import { ServerMachine } from './server-machine.ts'
import { lifetime, nonInviteTrying } from './timers.ts'

type State = 'trying' | 'proceeding' | 'completed' | 'terminated'

type TimerName = 'trying timer' | 'expiry' | 'timer J'

type Input = 'request' | '1xx' | '2xx-6xx' | 'transport error' | TimerName

/** One server transaction of any method but INVITE and ACK. */
export class NonInviteServer extends ServerMachine<State> {
  state: State = 'trying'
  /** The trying timer, then expiry, then J. */
  timer: Timer | undefined

  constructor(context: TransactionContext, key: string, way: ResponseWay) {
    super(context, key, way)
    this.timer = context.timers.start(this, 'trying timer', nonInviteTrying(context.timing))
  }

  override onResponse(status: number, wire: string): void {
    feed(nonInviteServer, this, status < 200 ? '1xx' : '2xx-6xx', wire)
  }

  override onRequest(): void {
    feed(nonInviteServer, this, 'request', '')
  }

  override onTransportError(): void {
    feed(nonInviteServer, this, 'transport error', '')
  }

  onTimer(name: TimerName): void {
    feed(nonInviteServer, this, name, '')
  }
}

/**
 * RFC 3261 §17.2.2, Figure 8, with RFC 4320 §4: 100 goes out by itself when Timer E has come to T2, and a transaction
 * that its user has not answered when the client gives up ends without a response. Events carry a response's wire text.
 */
export const nonInviteServer: Machine<State, Input, NonInviteServer, string> = {
  name: 'non-INVITE server transaction',
  source: 'RFC 3261 §17.2.2, Figure 8; RFC 4320 §4',
  initial: 'trying',
  final: 'terminated',
  inputs: ['request', '1xx', '2xx-6xx', 'trying timer', 'expiry', 'timer J', 'transport error'],
  rows: {
    trying: {
      '1xx': to('proceeding', sendResponse, startExpiry),
      '2xx-6xx': to('completed', sendResponse, release, startTimerJ),
      'trying timer': to('trying', sendTrying),
      'transport error': to('terminated', informTransportError, end),
    },
    proceeding: {
      request: to('proceeding', resendResponse),
      '1xx': to('proceeding', sendResponse),
      '2xx-6xx': to('completed', sendResponse, release, startTimerJ),
      expiry: to('terminated', informTimeout, end),
      'transport error': to('terminated', informTransportError, end),
    },
    completed: {
      request: to('completed', resendResponse),
      'timer J': to('terminated', end),
    },
    terminated: {},
  },
  absorbs: {
    // a request that comes again before the first response is discarded (§17.2.2)
    trying: ['request', 'expiry', 'timer J'],
    proceeding: ['trying timer', 'timer J'],
    // any other final response of the user is discarded (§17.2.2)
    completed: ['1xx', '2xx-6xx', 'trying timer', 'expiry', 'transport error'],
    terminated: ['request', '1xx', '2xx-6xx', 'trying timer', 'expiry', 'timer J', 'transport error'],
  },
}

function sendTrying(self: NonInviteServer): void {
  self.handle?.sendTrying()
}

function sendResponse(self: NonInviteServer, wire: string): void {
  self.transmit(wire)
}

function resendResponse(self: NonInviteServer): void {
  self.retransmit()
}

function startExpiry(self: NonInviteServer): void {
  const { timers, timing } = self.context
  timers.stop(self.timer)
  self.timer = timers.start(self, 'expiry', lifetime(timing) - nonInviteTrying(timing))
}

function startTimerJ(self: NonInviteServer): void {
  const { timers, timing } = self.context
  timers.stop(self.timer)
  self.timer = timers.start(self, 'timer J', self.way.isReliable ? 0 : lifetime(timing))
}

function informTimeout(self: NonInviteServer): void {
  self.handle?.fail('timeout')
}

function informTransportError(self: NonInviteServer): void {
  self.handle?.fail('transport error')
}

function release(self: NonInviteServer): void {
  self.handle = undefined
}

function end(self: NonInviteServer): void {
  self.context.timers.stop(self.timer)
  self.handle = undefined
  self.context.onEnded(self.key)
}
