import type { Content } from '../../stack/contents/content.ts'
import type { SipRequest, SipResponse } from '../../stack/message/message.ts'
import type { RequestTemplate } from '../../stack/message/template.ts'
import type { Body, Description } from '../core/description.ts'

/** A NOTIFY, answered once; with 200 where its handler did not answer it until it was done. */
export interface Notification {
  readonly request: SipRequest
  /** `pending`, `active`, `terminated`, or an extension's. */
  readonly state: string
  /** A copy, which outlives the message. */
  readonly body: Description | undefined
  readonly isAnswered: boolean
  /**
   * The body as a package's: `notification.contents(messageSummary)`; `undefined` where there is none, or of another type.
   * @throws ParseError where it is malformed
   */
  contents<T>(eventPackage: { readonly content: Content<T> }): T | undefined
  accept(status?: number): void
  reject(status: number): void
}

/** Where a subscription of ours stands. */
export type ClientSubscriptionState =
  | 'notifyWait'
  | 'pending'
  | 'active'
  | 'ending'
  | 'resting'
  | 'terminated'

/** Why a subscription is over. */
export interface SubscriptionEnd {
  readonly by: 'local' | 'remote' | 'network' | 'timer'
  /** Reason of the last NOTIFY: `rejected`, `noresource` … (RFC 6665 §4.1.3). */
  readonly reason?: string
  /** Status that refused a request, or that stands for what failed. */
  readonly status?: number
  /** Seconds after which the peer may be asked again, where it said so. */
  readonly retryAfter?: number
}

/** A subscription of ours: its own handle. Over, its verbs throw `ERR_SIP_OVER`, and `end` does nothing. */
export interface ClientSubscription {
  /** Our tag of the first SUBSCRIBE: it stays the same where another one is sent. */
  readonly id: string
  readonly event: string
  readonly eventId: string | undefined
  readonly state: ClientSubscriptionState
  /** Seconds until it expires unless it is refreshed; 0 while nothing is known. */
  readonly expiresIn: number
  /** The application's own. */
  data: unknown
  /** Refreshes it now, which asks for the whole state as well. */
  refresh(): void
  /** Unsubscribes; `onTerminated` follows, after the last NOTIFY. */
  end(): void
}

/**
 * What an application hears of a subscription of its own. All have defaults; any may return a promise, which what follows
 * waits for, but the end. A NOTIFY is answered when the promise is settled, and 16 s after it came at the latest.
 */
export interface ClientSubscriptionHandler {
  /** The first NOTIFY of a notifier: for the handle that was answered, and for each fork's own. */
  onNewSubscription?(subscription: ClientSubscription, notification: Notification): unknown
  onUpdatePending?(subscription: ClientSubscription, notification: Notification): unknown
  onUpdateActive?(subscription: ClientSubscription, notification: Notification): unknown
  /** A state that RFC 6665 does not know. */
  onUpdateExtension?(subscription: ClientSubscription, notification: Notification): unknown
  /**
   * It is over, or was refused, for now. Answers at once: seconds until a new SUBSCRIBE, `false` for none. Left out, or
   * without an answer: as RFC 6665 §4.1.3 advises for the reason.
   */
  onRequestRetry?(subscription: ClientSubscription, end: SubscriptionEnd): number | false | undefined
  /** A SUBSCRIBE was accepted, but no NOTIFY came within 64·T1 (Timer N). */
  onNotifyNotReceived?(subscription: ClientSubscription): unknown
  /** A SUBSCRIBE is about to go; it may be changed. */
  onReadyToSend?(subscription: ClientSubscription, subscribe: RequestTemplate): unknown
  /** The connection that the dialog used is gone; the subscription is refreshed by another one. */
  onFlowTerminated?(subscription: ClientSubscription): unknown
  /** Once and last; `notification` is the last NOTIFY, where one came, and may have a state: that of a poll. */
  onTerminated?(
    subscription: ClientSubscription,
    end: SubscriptionEnd,
    notification: Notification | undefined,
  ): unknown
}

/** Where a subscription to something of ours stands. */
export type ServerSubscriptionState = 'received' | 'pending' | 'active' | 'closing' | 'terminated'

/** A state to be told: a body, or what makes it when its NOTIFY goes (a version in it, say). */
export type WatchedState = Body | Description | (() => Body | Description)

/** A subscription to something of ours: its own handle. Over, its verbs throw `ERR_SIP_OVER`, and `end` does nothing. */
export interface ServerSubscription {
  /** Our tag. */
  readonly id: string
  readonly event: string
  readonly eventId: string | undefined
  readonly state: ServerSubscriptionState
  /** URI that was subscribed to. */
  readonly resource: string
  /** From of who watches, `"Bob" <sip:bob@example.com>;tag=1`. */
  readonly watcher: string
  /** Whether the SUBSCRIBE asks once, with Expires 0. */
  readonly isPoll: boolean
  readonly expiresIn: number
  data: unknown
  /** Accepts, and tells the state. Of a subscription that is held: authorises it. */
  grant(state?: WatchedState): void
  /** Accepts without authorising: pending (RFC 6665 §4.2.1.3). `neutral` is what is told meanwhile, nothing unless said. */
  hold(neutral?: WatchedState): void
  reject(status?: number): void
  /** Tells a new whole state; while a NOTIFY is under way the newest waits. Held, it is kept until granted. */
  publish(state: WatchedState): void
  /** Ends it with a last NOTIFY; `reason` is `noresource` unless said (RFC 6665 §4.1.3). */
  end(reason?: string, retryAfter?: number): void
}

/** What is published for a resource that is watched. */
export interface PublishedState {
  readonly event: string
  readonly resource: string
  readonly etag: string
  /** `undefined` where it was removed, or has expired. */
  readonly body: Description | undefined
}

/** How long subscriptions, or publications, last, in seconds. */
export interface ExpiryPolicy {
  /** A shorter one, below an hour, is answered 423 (RFC 6665 §4.2.1.1). Default 60. */
  readonly min?: number
  /** A longer one is cut to this. Default 7200. */
  readonly max?: number
  /** Where nothing was asked for. Default 3600. */
  readonly default?: number
}

/** What an application hears of those who watch. */
export interface ServerSubscriptionHandler {
  /**
   * Someone subscribes: to be granted, held or rejected. Left undecided it is held, for a SUBSCRIBE must not wait for a
   * user (RFC 6665 §4.2.1.1).
   */
  onNewSubscription(subscription: ServerSubscription, request: SipRequest): unknown
  /** Refreshed; the state is told again. */
  onRefresh?(subscription: ServerSubscription, request: SipRequest): unknown
  /** Someone published for the resource, or what was published is gone: `publish` what results of it. */
  onPublished?(subscription: ServerSubscription, published: PublishedState): unknown
  onNotifyAccepted?(subscription: ServerSubscription, response: SipResponse): unknown
  onNotifyRejected?(subscription: ServerSubscription, response: SipResponse): unknown
  /** A NOTIFY is about to go; it may be changed. */
  onReadyToSend?(subscription: ServerSubscription, notify: RequestTemplate): unknown
  /** It ran out; `onTerminated` follows. */
  onExpired?(subscription: ServerSubscription): unknown
  /** The watcher ended it, or asked once; `onTerminated` follows. */
  onExpiredByClient?(subscription: ServerSubscription, request: SipRequest): unknown
  /** A NOTIFY got no answer, or the state could not be made. */
  onError?(subscription: ServerSubscription, error: unknown): unknown
  /** Once and last of a subscription that was granted or held. */
  onTerminated?(subscription: ServerSubscription, end: SubscriptionEnd): unknown
}
