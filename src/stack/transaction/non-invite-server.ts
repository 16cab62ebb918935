import { feed, type Machine, to } from '../../util/machine.ts'
import type { Timer } from '../../util/timers.ts'
import type { ResponseWay } from '../transport/response-way.ts'
import type { TransactionContext } from './context.ts'
import { type Answer, type ServerHandle, ServerMachine } from './server-machine.ts'
import { lifetime, nonInviteTrying } from './timers.ts'

type State = 'trying' | 'proceeding' | 'completed' | 'terminated'

type TimerName = 'trying timer' | 'expiry' | 'timer J'

type Input = 'request' | '1xx' | '2xx-6xx' | 'transport error' | 'transport removed' | 'flow lost' | TimerName

/** One server transaction of any method but INVITE and ACK. */
export class NonInviteServer extends ServerMachine<State> {
  state: State = 'trying'
  /** The trying timer, then expiry, then timer J. */
  timer: Timer | undefined

  constructor(
    context: TransactionContext<ServerMachine<string>>,
    key: string,
    way: ResponseWay,
    octets: number,
  ) {
    super(context, key, way, octets)
    this.timer = context.timers.start(this, 'trying timer', nonInviteTrying(context.timing))
  }

  override onResponse(answer: Answer): void {
    feed(nonInviteServer, this, answer.status < 200 ? '1xx' : '2xx-6xx', answer)
  }

  override onRequest(): void {
    feed(nonInviteServer, this, 'request', undefined)
  }

  override onTransportError(answer?: Answer): void {
    feed(nonInviteServer, this, 'transport error', answer)
  }

  override onFlowLost(): void {
    feed(nonInviteServer, this, 'flow lost', undefined)
  }

  override onTransportRemoved(): void {
    feed(nonInviteServer, this, 'transport removed', undefined)
  }

  onTimer(name: TimerName): void {
    feed(nonInviteServer, this, name, undefined)
  }
}

/**
 * RFC 3261 §17.2.2, Figure 8, with RFC 4320 §4: 100 goes out by itself when Timer E has come to T2, and a transaction
 * that its user has not answered when the client gives up ends without a response. A transport error ends none (RFC 6026
 * §8.8): the request that comes again would be a new one, and be done twice. Events carry a response and whose it
 * is. In each row timers and what is let go of come before the sending and the user.
 */
export const nonInviteServer: Machine<State, Input, NonInviteServer, Answer | undefined> = {
  name: 'non-INVITE server transaction',
  source: 'RFC 3261 §17.2.2, Figure 8; RFC 4320 §4; RFC 6026 §8.8',
  initial: 'trying',
  final: 'terminated',
  inputs: [
    'request',
    '1xx',
    '2xx-6xx',
    'trying timer',
    'expiry',
    'timer J',
    'transport error',
    'transport removed',
    'flow lost',
  ],
  rows: {
    trying: {
      '1xx': to('proceeding', startExpiry, sendResponse),
      '2xx-6xx': to('completed', startTimerJ, release, sendResponse),
      'trying timer': to('trying', sendTrying),
      'transport error': to('trying', informTransportError),
      'flow lost': to('trying', informFlowLost),
      'transport removed': to('terminated', endInformingTransportError),
    },
    proceeding: {
      request: to('proceeding', resendResponse),
      '1xx': to('proceeding', sendResponse),
      '2xx-6xx': to('completed', startTimerJ, release, sendResponse),
      expiry: to('terminated', endInformingTimeout),
      'transport error': to('proceeding', informTransportError),
      'flow lost': to('proceeding', informFlowLost),
      'transport removed': to('terminated', endInformingTransportError),
    },
    completed: {
      request: to('completed', resendResponse),
      'timer J': to('terminated', end),
      'transport removed': to('terminated', end),
      'transport error': to('completed', informTransportError),
    },
    terminated: {},
  },
  absorbs: {
    // a request that comes again before the first response is discarded (§17.2.2)
    trying: ['request', 'expiry', 'timer J'],
    proceeding: ['trying timer', 'timer J'],
    // any other final response of the user is discarded (§17.2.2)
    completed: ['1xx', '2xx-6xx', 'trying timer', 'expiry', 'flow lost'],
    terminated: [
      'request',
      '1xx',
      '2xx-6xx',
      'trying timer',
      'expiry',
      'timer J',
      'transport error',
      'transport removed',
      'flow lost',
    ],
  },
}

function sendTrying(self: NonInviteServer): void {
  self.handle?.sendTrying()
}

function sendResponse(self: NonInviteServer, answer: Answer | undefined): void {
  if (answer) self.transmit(answer)
}

function resendResponse(self: NonInviteServer): void {
  self.retransmit()
}

function startExpiry(self: NonInviteServer): void {
  const { timers, timing } = self.context
  // what is left of the client's Timer F, whenever the 100 went out
  const due = (self.timer?.deadline ?? timers.now()) - nonInviteTrying(timing) + lifetime(timing)
  timers.stop(self.timer)
  self.timer = timers.start(self, 'expiry', Math.max(0, due - timers.now()))
}

function startTimerJ(self: NonInviteServer): void {
  const { timers, timing } = self.context
  timers.stop(self.timer)
  self.timer = timers.start(self, 'timer J', self.way.isReliable ? 0 : lifetime(timing))
}

function informFlowLost(self: NonInviteServer): void {
  self.handle?.fail('flow lost')
}

function release(self: NonInviteServer): void {
  self.release(true)
}

function endInformingTimeout(self: NonInviteServer): void {
  stopAndFinish(self)?.fail('timeout')
}

function endInformingTransportError(self: NonInviteServer): void {
  stopAndFinish(self)?.fail('transport error')
}

/** The user is told of an answer of its own that could not be sent, also when the transaction has let go of it. */
function informTransportError(self: NonInviteServer, answer: Answer | undefined): void {
  const handle = answer?.handle ?? self.handle
  handle?.fail('transport error')
}

function end(self: NonInviteServer): void {
  stopAndFinish(self)
}

function stopAndFinish(self: NonInviteServer): ServerHandle | undefined {
  self.context.timers.stop(self.timer)
  return self.finish()
}
