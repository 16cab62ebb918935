import { feed, type Machine, to } from '../../util/machine.ts'
import type { Timer } from '../../util/timers.ts'
import type { SipResponse } from '../message/message.ts'
import { ClientMachine } from './client-machine.ts'
import { lifetime } from './timers.ts'

type State = 'trying' | 'proceeding' | 'completed' | 'terminated'

type TimerName = 'timer E' | 'timer F' | 'timer K'

type Input = '1xx' | '2xx-6xx' | 'transport error' | 'abandon' | TimerName

/** One client transaction of any method but INVITE and ACK. */
export class NonInviteClient extends ClientMachine<State> {
  state: State = 'trying'
  /** Timer E's interval. */
  interval = 0
  /** E. */
  resending: Timer | undefined = undefined
  /** F or K. */
  ending: Timer | undefined = undefined

  override start(): void {
    const { timers, timing } = this.context
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

  onTimer(name: TimerName): void {
    feed(nonInviteClient, this, name, undefined)
  }
}

/** RFC 3261 §17.1.2, Figure 6. Events carry the response. */
export const nonInviteClient: Machine<State, Input, NonInviteClient, SipResponse | undefined> = {
  name: 'non-INVITE client transaction',
  source: 'RFC 3261 §17.1.2, Figure 6',
  initial: 'trying',
  final: 'terminated',
  inputs: ['1xx', '2xx-6xx', 'timer E', 'timer F', 'timer K', 'transport error', 'abandon'],
  rows: {
    trying: {
      'timer E': to('trying', resendRequest, doubleTimerE),
      'timer F': to('terminated', informTimeout, end),
      '1xx': to('proceeding', passUp),
      '2xx-6xx': to('completed', stopTimers, startTimerK, passUp, release),
      'transport error': to('terminated', informTransportError, end),
      abandon: to('terminated', end),
    },
    proceeding: {
      'timer E': to('proceeding', resendRequest, restartTimerEAtT2),
      'timer F': to('terminated', informTimeout, end),
      '1xx': to('proceeding', passUp),
      '2xx-6xx': to('completed', stopTimers, startTimerK, passUp, release),
      'transport error': to('terminated', informTransportError, end),
      abandon: to('terminated', end),
    },
    completed: {
      'timer K': to('terminated', end),
    },
    terminated: {},
  },
  absorbs: {
    trying: ['timer K'],
    proceeding: ['timer K'],
    completed: ['1xx', '2xx-6xx', 'timer E', 'timer F', 'transport error', 'abandon'],
    terminated: ['1xx', '2xx-6xx', 'timer E', 'timer F', 'timer K', 'transport error', 'abandon'],
  },
}

function resendRequest(self: NonInviteClient): void {
  self.retransmit()
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

function startTimerK(self: NonInviteClient): void {
  const { timers, timing } = self.context
  self.ending = timers.start(self, 'timer K', self.isReliable ? 0 : timing.t4)
}

function informTimeout(self: NonInviteClient): void {
  self.user?.onFailure('timeout')
}

function informTransportError(self: NonInviteClient): void {
  self.user?.onFailure('transport error')
}

function release(self: NonInviteClient): void {
  self.user = undefined
  self.template = undefined
  self.wire = ''
}

function end(self: NonInviteClient): void {
  stopTimers(self)
  release(self)
  self.context.onEnded(self.key)
}
