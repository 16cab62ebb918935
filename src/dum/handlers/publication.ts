import type { SipRequest, SipResponse } from '../../stack/message/message.ts'
import type { RequestTemplate } from '../../stack/message/template.ts'
import type { Body, Description } from '../core/description.ts'

/** A publication of ours: its own handle. Over, `update` and `refresh` throw `ERR_SIP_OVER`, and `end` does nothing. */
export interface ClientPublication {
  readonly event: string
  /** `held` also while it is refreshed; `waiting` until it is tried again. */
  readonly state: 'adding' | 'held' | 'waiting' | 'removing' | 'ended'
  /** Entity-tag that the server gave last. */
  readonly etag: string | undefined
  /** Seconds until it expires there; 0 while it is not held. */
  readonly expiresIn: number
  data: unknown
  /** Publishes another state; while a PUBLISH is under way the newest goes next. */
  update(body: Body | Description): void
  /** Refreshes it now. */
  refresh(): void
  /** Removes it; `onRemove` follows. */
  end(): void
}

/** What an application hears of a publication of its own. All have defaults. */
export interface ClientPublicationHandler {
  /** It is held: the first time, refreshed, or with another state. */
  onSuccess?(publication: ClientPublication, response: SipResponse): unknown
  /** Once and last of one that was removed. */
  onRemove?(publication: ClientPublication): unknown
  /** Once and last of one that was refused. */
  onFailure?(publication: ClientPublication, status: number, response: SipResponse | undefined): unknown
  /**
   * The server cannot now, or is not to be reached. Answers at once: seconds until the next try, `false` to give up. Left
   * out, or without an answer: Retry-After, or 30 s and more each time.
   */
  onRequestRetry?(
    publication: ClientPublication,
    status: number,
    response: SipResponse | undefined,
  ): number | false | undefined
  /** The server has forgotten it (412): it is published anew, whole. */
  onStaleUpdate?(publication: ClientPublication): unknown
  /** A PUBLISH is about to go; it may be changed. */
  onReadyToSend?(publication: ClientPublication, publish: RequestTemplate): unknown
}

/** What someone published here, under an entity-tag that each PUBLISH changes. */
export interface ServerPublication {
  readonly event: string
  /** URI that it was published for, `sip:alice@example.com`. */
  readonly resource: string
  readonly etag: string
  readonly body: Description
  /** Seconds that are left. */
  readonly expiresIn: number
}

/** A PUBLISH that is to be answered, once: 200 where its handler did not until it was done. Refused, it changes nothing. */
export interface PublicationReply {
  readonly request: SipRequest
  readonly isAnswered: boolean
  accept(): void
  reject(status: number): void
}

/** What an application hears of what is published here; all have defaults. */
export interface ServerPublicationHandler {
  /** Whether something may be published for this resource; else 404. Answers at once. Left out: for any. */
  accepts?(resource: string): boolean
  onInitial?(publication: ServerPublication, reply: PublicationReply): unknown
  onRefresh?(publication: ServerPublication, reply: PublicationReply): unknown
  /** Its body is another one now. */
  onUpdate?(publication: ServerPublication, reply: PublicationReply): unknown
  onRemoved?(publication: ServerPublication): unknown
  onExpired?(publication: ServerPublication): unknown
}

/** Where publications are kept, by their entity-tags. */
export interface PublicationStore {
  readonly size: number
  find(etag: string): StoredPublication | undefined
  put(publication: StoredPublication): void
  delete(etag: string): void
  /** All of an event for one resource: what its state is made of. */
  of(event: string, resource: string): readonly StoredPublication[]
}

export interface StoredPublication {
  readonly event: string
  readonly resource: string
  readonly etag: string
  readonly body: Description
  /** Milliseconds on the stack's clock. */
  readonly expiresAt: number
}
