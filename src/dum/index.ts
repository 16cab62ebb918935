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
export {
  type EventPackage,
  eventPackage,
  stateOf,
  type TypedEventPackage,
} from './event-package/event-package.ts'
export {
  type MessageCount,
  type MessageSummary,
  messageSummary,
  simpleMessageSummary,
} from './event-package/message-summary.ts'
export type { Addressee } from './exchange/new-request.ts'
export type * from './handlers/invite.ts'
export type * from './handlers/out-of-dialog.ts'
export type * from './handlers/pager.ts'
export type * from './handlers/publication.ts'
export type * from './handlers/registration.ts'
export type * from './handlers/subscription.ts'
export type { OutOfDialogOptions } from './out-of-dialog/out-of-dialog.ts'
export type { MessageOptions } from './pager/pager.ts'
export type { ProfileParts, ProfileValues, RefresherWish, Reliability } from './profile/parts.ts'
export { Profile } from './profile/profile.ts'
export { MemoryPublicationStore } from './publication/memory-store.ts'
export type { PublicationOptions, PublishOptions } from './publication/publish.ts'
export type { OutboundOptions, RegisterOptions } from './registration/account.ts'
export type { BindingLimits } from './registration/binding-rules.ts'
export { MemoryBindings, type MemoryBindingsOptions } from './registration/memory-bindings.ts'
export { canonicalAor } from './registration/register-wish.ts'
export { type RegistrarAnswer, registrar } from './registration/registrar.ts'
export type { RegistrarPolicy } from './registration/registrar-policy.ts'
export type { SubscribeOptions } from './subscription/client-subscriptions.ts'
