/** `resip/dum`: dialogs and what they are used for: calls, registrations, subscriptions. */
export { type CallOutcome, type OutcomeKind, outcome } from './call-record/outcome.ts'
export type { Mark, Timeline } from './call-record/timeline.ts'
export type { DumCounters } from './core/counters.ts'
export { type Body, Description, describe } from './core/description.ts'
export type { DumLimits } from './core/limits.ts'
export {
  DialogUsageManager,
  type DialogUsageManagerOptions,
  type InviteOptions,
} from './dialog-usage-manager.ts'
export type * from './handlers/invite.ts'
export type * from './handlers/registration.ts'
export type { ProfileParts, ProfileValues, RefresherWish, Reliability } from './profile/parts.ts'
export { Profile } from './profile/profile.ts'
export type { OutboundOptions, RegisterOptions } from './registration/account.ts'
export type { BindingLimits } from './registration/binding-rules.ts'
export { MemoryBindings, type MemoryBindingsOptions } from './registration/memory-bindings.ts'
export { canonicalAor } from './registration/register-wish.ts'
export { type RegistrarAnswer, registrar } from './registration/registrar.ts'
export type { RegistrarPolicy } from './registration/registrar-policy.ts'
