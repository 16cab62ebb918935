import { type Machine, to } from '../../util/machine.ts'
import {
  answerRepeated,
  type CommonInput,
  commonInputs,
  type DtlsEvent,
  giveKeys,
  refuseRenegotiation,
  release,
  type Steps,
  sendAgain,
  sendAlert,
  sendCloseNotify,
  sendFlight,
  sendLastFlight,
  startDeadline,
  startDoubt,
  stopTimers,
  tellEnd,
} from './steps.ts'

export type ServerState = 'listening' | 'greeted' | 'unverified' | 'established' | 'failed' | 'closed'

export type ServerInput = CommonInput | 'hello without cookie' | 'hello' | 'repeated hello'

/** What a server can do beside. */
export interface ServerSteps extends Steps<ServerState> {
  sendHelloVerify(event: DtlsEvent): void
}

/** The server of a handshake: no state before the cookie, and flight 6 for as long as the client repeats flight 5. */
export const dtlsServerMachine: Machine<ServerState, ServerInput, ServerSteps, DtlsEvent> = {
  name: 'dtls-server',
  source: 'RFC 6347 §4.2.4, Figures 1 and 3; §4.2.1; RFC 5763 §6.2',
  initial: 'listening',
  final: 'closed',
  inputs: ['hello without cookie', 'hello', 'repeated hello', ...commonInputs],
  rows: {
    listening: {
      'hello without cookie': to('listening', sendHelloVerify),
      hello: to('greeted', startDeadline, sendFlight),
      'broken rule': to('failed', sendAlert, release, tellEnd),
      close: to('closed', release),
    },
    greeted: {
      'hello without cookie': to('greeted', sendHelloVerify),
      hello: to('greeted', startDeadline, sendFlight),
      'repeated hello': to('greeted', answerRepeated),
      'time-out': to('greeted', sendAgain),
      finished: to('established', stopTimers, sendLastFlight, giveKeys),
      'finished unverified': to('unverified', stopTimers, sendLastFlight),
      'fingerprint wrong': to('failed', stopTimers, sendAlert, release, tellEnd),
      'broken rule': to('failed', stopTimers, sendAlert, release, tellEnd),
      'clear alert': to('greeted', startDoubt),
      'doubt over': to('failed', stopTimers, release, tellEnd),
      'fatal alert': to('failed', stopTimers, release, tellEnd),
      deadline: to('failed', stopTimers, release, tellEnd),
      'close notify': to('closed', stopTimers, release, tellEnd),
      close: to('closed', stopTimers, sendCloseNotify, release),
    },
    unverified: {
      'repeated flight': to('unverified', answerRepeated),
      'fingerprint fits': to('established', giveKeys),
      'fingerprint wrong': to('failed', sendAlert, release, tellEnd),
      'fatal alert': to('failed', release, tellEnd),
      renegotiation: to('unverified', refuseRenegotiation),
      'close notify': to('closed', sendCloseNotify, release, tellEnd),
      close: to('closed', sendCloseNotify, release),
    },
    established: {
      'repeated flight': to('established', answerRepeated),
      'fingerprint wrong': to('failed', sendAlert, release, tellEnd),
      'fatal alert': to('failed', release, tellEnd),
      renegotiation: to('established', refuseRenegotiation),
      'close notify': to('closed', sendCloseNotify, release, tellEnd),
      close: to('closed', sendCloseNotify, release),
    },
    failed: { close: to('closed') },
    closed: {},
  },
  absorbs: {
    listening: [
      'repeated hello',
      'time-out',
      'repeated flight',
      'finished',
      'finished unverified',
      'fingerprint fits',
      'fingerprint wrong',
      'clear alert',
      'doubt over',
      'fatal alert',
      'deadline',
      'renegotiation',
      'close notify',
    ],
    greeted: ['repeated flight', 'fingerprint fits', 'renegotiation'],
    unverified: [
      'hello without cookie',
      'hello',
      'repeated hello',
      'time-out',
      'finished',
      'finished unverified',
      'broken rule',
      'clear alert',
      'doubt over',
      'deadline',
    ],
    established: [
      'hello without cookie',
      'hello',
      'repeated hello',
      'time-out',
      'finished',
      'finished unverified',
      'fingerprint fits',
      'broken rule',
      'clear alert',
      'doubt over',
      'deadline',
    ],
    failed: [
      'hello without cookie',
      'hello',
      'repeated hello',
      ...commonInputs.filter(input => input !== 'close'),
    ],
    closed: ['hello without cookie', 'hello', 'repeated hello', ...commonInputs],
  },
}

function sendHelloVerify(self: ServerSteps, event: DtlsEvent): void {
  self.sendHelloVerify(event)
}
