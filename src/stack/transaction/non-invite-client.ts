import { feed, type Machine, to } from '../../util/machine.ts'
import type { Timer } from '../../util/timers.ts'
import type { SipResponse } from '../message/message.ts'
import { ClientMachine, type ClientUser } from './client-machine.ts'
import { lifetime } from './timers.ts'
import { MACHINE_WEIGHT, messageWeight } from './weight.ts'

type State = 'trying' | 'proceeding' | 'completed' | 'terminated'

type TimerName = 'timer E' | 'timer F' | 'timer K'

type Input = '1xx' | '2xx-6xx' | 'transport error' | 'transport removed' | 'abandon' | TimerName

/** One client transaction of any method but INVITE and ACK. */
export class NonInviteClient extends ClientMachine<State> {
  state: State = 'trying'
  /** Timer E's interval. */
  interval = 0
  /** Timer E. */
  resending: Timer | undefined = undefined
  /** Timer F or K. */
  ending: Timer | undefined = undefined

  override start(): void {
    const { timers, timing } = this.context
    this.weigh(MACHINE_WEIGHT + messageWeight(this.wire.length))
    this.ending = timers.start(this, 'timer F', lifetime(timing))
    if (!this.isReliable) {
      this.interval = timing.t1
      this.resending = timers.start(this, 'timer E', timing.t1)
    }
    this.transmit(this.wire)
  }

  override onResponse(response: SipResponse): void {
    feed(nonInviteClient, this, response.status < 200 ? '1xx' : '2xx-6xx', response)
  }

  override onTransportError(): void {
    feed(nonInviteClient, this, 'transport error', undefined)
  }

  override abandon(): void {
    feed(nonInviteClient, this, 'abandon', undefined)
  }

  override onTransportRemoved(): void {
    feed(nonInviteClient, this, 'transport removed', undefined)
  }

  onTimer(name: TimerName): void {
    feed(nonInviteClient, this, name, undefined)
  }
}

/**
 * RFC 3261 §17.1.2, Figure 6. Events carry the response. In each row timers and what is let go of come before what may
 * fail.
 */
export const nonInviteClient: Machine<State, Input, NonInviteClient, SipResponse | undefined> = {
  name: 'non-INVITE client transaction',
  source: 'RFC 3261 §17.1.2, Figure 6',
  initial: 'trying',
  final: 'terminated',
  inputs: [
    '1xx',
    '2xx-6xx',
    'timer E',
    'timer F',
    'timer K',
    'transport error',
    'transport removed',
    'abandon',
  ],
  rows: {
    trying: {
      'timer E': to('trying', doubleTimerE, resendRequest),
      'timer F': to('terminated', endInformingTimeout),
      '1xx': to('proceeding', passUp),
      '2xx-6xx': to('completed', stopTimers, startTimerK, passUpAndRelease),
      'transport error': to('terminated', endInformingTransportError),
      'transport removed': to('terminated', endInformingTransportError),
      abandon: to('terminated', end),
    },
    proceeding: {
      'timer E': to('proceeding', restartTimerEAtT2, resendRequest),
      'timer F': to('terminated', endInformingTimeout),
      '1xx': to('proceeding', passUp),
      '2xx-6xx': to('completed', stopTimers, startTimerK, passUpAndRelease),
      'transport error': to('terminated', endInformingTransportError),
      'transport removed': to('terminated', endInformingTransportError),
      abandon: to('terminated', end),
    },
    completed: {
      'timer K': to('terminated', end),
      'transport removed': to('terminated', end),
    },
    terminated: {},
  },
  absorbs: {
    trying: ['timer K'],
    proceeding: ['timer K'],
    completed: ['1xx', '2xx-6xx', 'timer E', 'timer F', 'transport error', 'abandon'],
    terminated: [
      '1xx',
      '2xx-6xx',
      'timer E',
      'timer F',
      'timer K',
      'transport error',
      'transport removed',
      'abandon',
    ],
  },
}

function resendRequest(self: NonInviteClient): void {
  self.retransmit(self.wire)
}

function doubleTimerE(self: NonInviteClient): void {
  restartTimerE(self, Math.min(2 * self.interval, self.context.timing.t2))
}

function restartTimerEAtT2(self: NonInviteClient): void {
  restartTimerE(self, self.context.timing.t2)
}

function restartTimerE(self: NonInviteClient, interval: number): void {
  self.interval = interval
  if (self.resending) self.context.timers.restart(self.resending, interval)
}

function stopTimers(self: NonInviteClient): void {
  const { timers } = self.context
  timers.stop(self.resending)
  timers.stop(self.ending)
  self.resending = undefined
}

function passUp(self: NonInviteClient, response: SipResponse | undefined): void {
  if (response) self.user?.onResponse(response)
}

function passUpAndRelease(self: NonInviteClient, response: SipResponse | undefined): void {
  const user = self.release()
  if (response) user?.onResponse(response)
}

function startTimerK(self: NonInviteClient): void {
  const { timers, timing } = self.context
  self.ending = timers.start(self, 'timer K', self.isReliable ? 0 : timing.t4)
}

function endInformingTimeout(self: NonInviteClient): void {
  stopAndFinish(self)?.onFailure('timeout')
}

function endInformingTransportError(self: NonInviteClient): void {
  stopAndFinish(self)?.onFailure('transport error', self.cause)
}

function end(self: NonInviteClient): void {
  stopAndFinish(self)
}

function stopAndFinish(self: NonInviteClient): ClientUser | undefined {
  stopTimers(self)
  return self.finish()
}
