import { feed, type Machine, to } from '../../util/machine.ts'
import type { Timer } from '../../util/timers.ts'
import { ackNon2xx } from '../message/build.ts'
import { encode } from '../message/encode.ts'
import type { SipResponse } from '../message/message.ts'
import { ClientMachine, type ClientUser } from './client-machine.ts'
import { lifetime, timerD } from './timers.ts'
import { MACHINE_WEIGHT, messageWeight } from './weight.ts'

type State = 'calling' | 'proceeding' | 'accepted' | 'completed' | 'terminated'

type TimerName = 'timer A' | 'timer B' | 'timer D' | 'timer M'

type Input = '1xx' | '2xx' | '3xx-6xx' | 'transport error' | 'transport removed' | 'abandon' | TimerName

/** One INVITE client transaction. */
export class InviteClient extends ClientMachine<State> {
  state: State = 'calling'
  /** Timer A's interval. */
  interval = 0
  /** Timer A. */
  resending: Timer | undefined = undefined
  /** Timer B, D or M. */
  ending: Timer | undefined = undefined
  /** Wire text of the ACK to a final response other than 2xx; `''` before there is one. */
  ack = ''

  override start(): void {
    const { timers, timing } = this.context
    this.weigh(MACHINE_WEIGHT + messageWeight(this.wire.length))
    this.ending = timers.start(this, 'timer B', lifetime(timing))
    if (!this.isReliable) {
      this.interval = timing.t1
      this.resending = timers.start(this, 'timer A', timing.t1)
    }
    this.transmit(this.wire)
  }

  override onResponse(response: SipResponse): void {
    const { status } = response
    feed(inviteClient, this, status < 200 ? '1xx' : status < 300 ? '2xx' : '3xx-6xx', response)
  }

  override onTransportError(): void {
    feed(inviteClient, this, 'transport error', undefined)
  }

  override abandon(): void {
    feed(inviteClient, this, 'abandon', undefined)
  }

  override onTransportRemoved(): void {
    feed(inviteClient, this, 'transport removed', undefined)
  }

  onTimer(name: TimerName): void {
    feed(inviteClient, this, name, undefined)
  }
}

/**
 * RFC 3261 §17.1.1, Figure 5, with the Accepted state of RFC 6026 §7.2. Events carry the response. In each row timers
 * and what is let go of come before what may fail: the making and sending of the ACK, and the user.
 */
export const inviteClient: Machine<State, Input, InviteClient, SipResponse | undefined> = {
  name: 'INVITE client transaction',
  source: 'RFC 3261 §17.1.1, Figure 5; RFC 6026 §7.2',
  initial: 'calling',
  final: 'terminated',
  inputs: [
    '1xx',
    '2xx',
    '3xx-6xx',
    'timer A',
    'timer B',
    'timer D',
    'timer M',
    'transport error',
    'transport removed',
    'abandon',
  ],
  rows: {
    calling: {
      'timer A': to('calling', restartTimerA, resendInvite),
      'timer B': to('terminated', endInformingTimeout),
      '1xx': to('proceeding', stopTimerA, stopTimerB, passUp),
      '2xx': to('accepted', stopTimerA, stopTimerB, startTimerM, passUp),
      '3xx-6xx': to('completed', stopTimerA, stopTimerB, startTimerD, sendAck, passUpAndRelease),
      'transport error': to('terminated', endInformingTransportError),
      'transport removed': to('terminated', endInformingTransportError),
      abandon: to('terminated', end),
    },
    proceeding: {
      '1xx': to('proceeding', passUp),
      '2xx': to('accepted', startTimerM, passUp),
      '3xx-6xx': to('completed', startTimerD, sendAck, passUpAndRelease),
      'transport error': to('terminated', endInformingTransportError),
      'transport removed': to('terminated', endInformingTransportError),
      abandon: to('terminated', end),
    },
    accepted: {
      '2xx': to('accepted', passUp),
      'timer M': to('terminated', endTelling),
      'transport removed': to('terminated', endTelling),
      abandon: to('terminated', end),
    },
    completed: {
      '3xx-6xx': to('completed', resendAck),
      'timer D': to('terminated', end),
      'transport error': to('terminated', end),
      'transport removed': to('terminated', end),
    },
    terminated: {},
  },
  absorbs: {
    calling: ['timer D', 'timer M'],
    proceeding: ['timer A', 'timer B', 'timer D', 'timer M'],
    // other branches of a fork may still ring or fail; their final responses are a proxy's to swallow
    accepted: ['1xx', '3xx-6xx', 'timer A', 'timer B', 'timer D', 'transport error'],
    completed: ['1xx', '2xx', 'timer A', 'timer B', 'timer M', 'abandon'],
    terminated: [
      '1xx',
      '2xx',
      '3xx-6xx',
      'timer A',
      'timer B',
      'timer D',
      'timer M',
      'transport error',
      'transport removed',
      'abandon',
    ],
  },
}

function resendInvite(self: InviteClient): void {
  self.retransmit(self.wire)
}

function restartTimerA(self: InviteClient): void {
  self.interval *= 2
  if (self.resending) self.context.timers.restart(self.resending, self.interval)
}

function stopTimerA(self: InviteClient): void {
  self.context.timers.stop(self.resending)
  self.resending = undefined
}

function stopTimerB(self: InviteClient): void {
  self.context.timers.stop(self.ending)
}

function passUp(self: InviteClient, response: SipResponse | undefined): void {
  if (response) self.user?.onResponse(response)
}

function passUpAndRelease(self: InviteClient, response: SipResponse | undefined): void {
  const user = self.release()
  if (response) user?.onResponse(response)
}

/** §17.1.1.3: along the INVITE's way, with its top Via. The INVITE is not sent again, whatever becomes of the ACK. */
function sendAck(self: InviteClient, response: SipResponse | undefined): void {
  const { template } = self
  self.wire = ''
  if (template === undefined || response === undefined) return
  self.ack = encode(ackNon2xx(template, response), self.placement)
  self.transmit(self.ack)
}

function resendAck(self: InviteClient): void {
  if (self.ack !== '') self.retransmit(self.ack)
}

function startTimerD(self: InviteClient): void {
  const { timers, timing } = self.context
  self.ending = timers.start(self, 'timer D', self.isReliable ? 0 : timerD(timing))
}

function startTimerM(self: InviteClient): void {
  self.wire = ''
  self.template = undefined
  self.weigh(MACHINE_WEIGHT)
  self.ending = self.context.timers.start(self, 'timer M', lifetime(self.context.timing))
}

function endInformingTimeout(self: InviteClient): void {
  stopAndFinish(self)?.onFailure('timeout')
}

function endInformingTransportError(self: InviteClient): void {
  stopAndFinish(self)?.onFailure('transport error', self.cause)
}

function endTelling(self: InviteClient): void {
  stopAndFinish(self)?.onEnded()
}

function end(self: InviteClient): void {
  stopAndFinish(self)
}

function stopAndFinish(self: InviteClient): ClientUser | undefined {
  const { timers } = self.context
  timers.stop(self.resending)
  timers.stop(self.ending)
  return self.finish()
}
