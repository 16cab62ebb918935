import { feed, type Machine, to } from '../../util/machine.ts'
import type { Timer } from '../../util/timers.ts'
import type { ResponseWay } from '../transport/response-way.ts'
import type { TransactionContext } from './context.ts'
import { type Answer, type ServerHandle, ServerMachine } from './server-machine.ts'
import { lifetime } from './timers.ts'

type State = 'proceeding' | 'accepted' | 'completed' | 'confirmed' | 'terminated'

type TimerName = 'trying' | 'timer G' | 'timer H' | 'timer I' | 'timer L'

type Input =
  | 'INVITE'
  | 'ACK'
  | '1xx'
  | '2xx'
  | '3xx-6xx'
  | 'transport error'
  | 'transport removed'
  | 'flow lost'
  | TimerName

/** One INVITE server transaction. */
export class InviteServer extends ServerMachine<State> {
  state: State = 'proceeding'
  /** Timer G's interval. */
  interval = 0
  /** The trying timer, then timer G. */
  resending: Timer | undefined
  /** Timer H, I or L. */
  ending: Timer | undefined = undefined

  constructor(
    context: TransactionContext<ServerMachine<string>>,
    key: string,
    way: ResponseWay,
    octets: number,
  ) {
    super(context, key, way, octets)
    this.resending = context.timers.start(this, 'trying', context.timing.trying)
  }

  override onResponse(answer: Answer): void {
    const { status } = answer
    feed(inviteServer, this, status < 200 ? '1xx' : status < 300 ? '2xx' : '3xx-6xx', answer)
  }

  override onRequest(isAck: boolean): void {
    feed(inviteServer, this, isAck ? 'ACK' : 'INVITE', undefined)
  }

  override onTransportError(answer?: Answer): void {
    feed(inviteServer, this, 'transport error', answer)
  }

  override onFlowLost(): void {
    feed(inviteServer, this, 'flow lost', undefined)
  }

  override onTransportRemoved(): void {
    feed(inviteServer, this, 'transport removed', undefined)
  }

  onTimer(name: TimerName): void {
    feed(inviteServer, this, name, undefined)
  }
}

/**
 * RFC 3261 §17.2.1, Figure 7, with the Accepted state of RFC 6026 §7.1. Events carry a response and whose it is.
 * Retransmissions of a 2xx are its user's, so that Accepted sends again only what the user gives it again. In each row
 * timers and what is let go of come before the sending and the user.
 */
export const inviteServer: Machine<State, Input, InviteServer, Answer | undefined> = {
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
    'transport removed',
    'flow lost',
  ],
  rows: {
    proceeding: {
      INVITE: to('proceeding', resendResponse),
      trying: to('proceeding', sendTrying),
      '1xx': to('proceeding', stopTrying, sendResponse),
      '2xx': to('accepted', stopTrying, startTimerL, release, sendOnce),
      '3xx-6xx': to('completed', stopTrying, startTimerG, startTimerH, slimRequest, sendResponse),
      'transport error': to('proceeding', informTransportError),
      'flow lost': to('proceeding', informFlowLost),
      'transport removed': to('terminated', endInformingTransportError),
    },
    accepted: {
      '2xx': to('accepted', sendOnce),
      'transport error': to('accepted', informTransportError),
      'timer L': to('terminated', end),
      'transport removed': to('terminated', end),
    },
    completed: {
      INVITE: to('completed', resendResponse),
      ACK: to('confirmed', stopTimerG, stopTimerH, startTimerI, release),
      'timer G': to('completed', restartTimerG, resendResponse),
      'timer H': to('terminated', endInformingTimeout),
      'transport error': to('completed', informTransportError),
      'flow lost': to('completed', informFlowLost),
      'transport removed': to('terminated', endInformingTransportError),
    },
    confirmed: {
      'timer I': to('terminated', end),
      'transport removed': to('terminated', end),
    },
    terminated: {},
  },
  absorbs: {
    // a late timer belongs to a state that was left; ACK to a provisional response is nonsense
    proceeding: ['ACK', 'timer G', 'timer H', 'timer I', 'timer L'],
    // the ACK to a 2xx is its user's, and the user may answer once only but with the same 2xx
    accepted: ['INVITE', 'ACK', '1xx', '3xx-6xx', 'trying', 'timer G', 'timer H', 'timer I', 'flow lost'],
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
      'flow lost',
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
      'transport removed',
      'flow lost',
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

function sendResponse(self: InviteServer, answer: Answer | undefined): void {
  if (answer) self.transmit(answer)
}

function sendOnce(self: InviteServer, answer: Answer | undefined): void {
  if (answer) self.transmitOnce(answer)
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

/** An INVITE that is refused waits for its ACK with what is small of it. */
function slimRequest(self: InviteServer): void {
  self.slim()
}

/** The user is told of an answer of its own that could not be sent, also when the transaction has let go of it. */
function informTransportError(self: InviteServer, answer: Answer | undefined): void {
  const handle = answer?.handle ?? self.handle
  handle?.fail('transport error')
}

function informFlowLost(self: InviteServer): void {
  self.handle?.fail('flow lost')
}

function release(self: InviteServer): void {
  self.release(false)
}

function endInformingTimeout(self: InviteServer): void {
  stopAndFinish(self)?.fail('timeout')
}

function endInformingTransportError(self: InviteServer): void {
  stopAndFinish(self)?.fail('transport error')
}

function end(self: InviteServer): void {
  stopAndFinish(self)
}

function stopAndFinish(self: InviteServer): ServerHandle | undefined {
  const { timers } = self.context
  timers.stop(self.resending)
  timers.stop(self.ending)
  return self.finish()
}
