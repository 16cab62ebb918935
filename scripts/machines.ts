import { ackWait } from '../src/dum/invite/ack-wait.ts'
import { attempt } from '../src/dum/invite/attempt.ts'
import { callUac } from '../src/dum/invite/call-uac.ts'
import { callUas } from '../src/dum/invite/call-uas.ts'
import { modification } from '../src/dum/invite/modification.ts'
import { offerAnswer } from '../src/dum/invite/offer-answer.ts'
import { reliableUac } from '../src/dum/invite/reliable-uac.ts'
import { reliableUas } from '../src/dum/invite/reliable-uas.ts'
import { sessionTimer } from '../src/dum/invite/session-timer.ts'
import { softState } from '../src/dum/soft-state/soft-state.ts'
import { clientSubscription } from '../src/dum/subscription/client-machine.ts'
import { serverSubscription } from '../src/dum/subscription/server-machine.ts'
import { dtlsClientMachine } from '../src/media/dtls/client-machine.ts'
import { dtlsServerMachine } from '../src/media/dtls/server-machine.ts'
import { flowMachine } from '../src/media/flow/flow-machine.ts'
import { protectionMachine } from '../src/media/flow/protection-machine.ts'
import { natBehaviorMachine } from '../src/media/stun/nat-behavior.ts'
import { stunClientMachine } from '../src/media/stun/transaction.ts'
import { allocationMachine } from '../src/media/turn/allocation.ts'
import { grantMachine } from '../src/media/turn/grant.ts'
import { keepAliveMachine } from '../src/stack/flow/keep-alive-machine.ts'
import { inviteClient } from '../src/stack/transaction/invite-client.ts'
import { inviteServer } from '../src/stack/transaction/invite-server.ts'
import { nonInviteClient } from '../src/stack/transaction/non-invite-client.ts'
import { nonInviteServer } from '../src/stack/transaction/non-invite-server.ts'
import { drawMachine, type Machine, type MachineInstance, openCells } from '../src/util/machine.ts'

/** One machine, ready to be drawn and checked. */
export interface DrawnMachine {
  readonly name: string
  /** Where the figure stands that the table is laid beside. */
  readonly source: string
  readonly figure: string
  /** Cells that are neither handled nor absorbed. */
  readonly open: readonly string[]
}

/** Every state machine of the house. */
export const machines: readonly DrawnMachine[] = [
  drawn(inviteClient),
  drawn(inviteServer),
  drawn(nonInviteClient),
  drawn(nonInviteServer),
  drawn(keepAliveMachine),
  drawn(stunClientMachine),
  drawn(natBehaviorMachine),
  drawn(allocationMachine),
  drawn(grantMachine),
  drawn(flowMachine),
  drawn(dtlsClientMachine),
  drawn(dtlsServerMachine),
  drawn(attempt),
  drawn(callUac),
  drawn(callUas),
  drawn(offerAnswer),
  drawn(reliableUac),
  drawn(reliableUas),
  drawn(modification),
  drawn(sessionTimer),
  drawn(ackWait),
  drawn(protectionMachine),
  drawn(softState),
  drawn(clientSubscription),
  drawn(serverSubscription),
]

function drawn<S extends string, I extends string, M extends MachineInstance<S>, E>(
  machine: Machine<S, I, M, E>,
): DrawnMachine {
  return {
    name: machine.name,
    source: machine.source,
    figure: drawMachine(machine),
    open: openCells(machine),
  }
}
