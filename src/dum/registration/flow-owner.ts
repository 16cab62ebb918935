import type { NameAddr } from '../../stack/grammar/name-addr.ts'
import type { Flow } from '../../stack/message/flow.ts'
import type { SipResponse } from '../../stack/message/message.ts'
import type { DumContext } from '../core/context.ts'
import type { RegistrationFailure } from '../handlers/registration.ts'
import type { Account } from './account.ts'
import type { FlowLosses } from './flow-losses.ts'

/** Whose flow it is: the registration, seen from one of its flows `F`. */
export interface FlowOwner<F> {
  readonly context: DumContext
  readonly account: Account
  readonly losses: FlowLosses
  /** Contacts to bind. A host may be empty. */
  readonly wanted: readonly NameAddr[]
  /** Seconds to ask for. */
  asked: number
  othersStand(flow: F): boolean
  onGranted(flow: F, response: SipResponse): void
  onWaiting(flow: F, failure: RegistrationFailure): void
  onRefused(flow: F, failure: RegistrationFailure): void
  onRemoved(): void
  onDue(): void
  onFlowLost(flow: Flow): void
  /** The registrar, or the way to it, lacks outbound: it was refused (439), or granted without. */
  onNoOutbound(flow: F, isGranted: boolean): void
  onBindings(contacts: readonly NameAddr[], failure?: RegistrationFailure): void
}
