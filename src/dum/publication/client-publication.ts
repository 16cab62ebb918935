import { CSeq } from '../../stack/headers/cseq.ts'
import { Event } from '../../stack/headers/event.ts'
import * as h from '../../stack/headers/index.ts'
import type { SipResponse } from '../../stack/message/message.ts'
import type { RequestTemplate } from '../../stack/message/template.ts'
import { flatCopy } from '../../util/bytes.ts'
import { UsageError } from '../../util/errors.ts'
import { answered } from '../../util/guard.ts'
import type { DumContext } from '../core/context.ts'
import { type Body, type Description, describe } from '../core/description.ts'
import { Door } from '../core/door.ts'
import type { Lines } from '../core/line.ts'
import type { EventPackage } from '../event-package/event-package.ts'
import { Exchange, type ExchangeUser, type Sequence } from '../exchange/exchange.ts'
import { retryAfterOf, withLongerInterval } from '../exchange/interval.ts'
import { type Addressee, newRequest } from '../exchange/new-request.ts'
import type { ClientPublication, ClientPublicationHandler } from '../handlers/publication.ts'
import type { Profile } from '../profile/profile.ts'
import { SoftState, type SoftStateUser } from '../soft-state/soft-state.ts'

const FIRST_PAUSE = 30
const LONGEST_PAUSE = 1800

export interface ClientPublicationParts {
  readonly context: DumContext
  /** One PUBLISH at a time to a Request-URI, of whichever publication (RFC 3903 §4). */
  readonly lines: Lines
  readonly profile: Profile
  readonly to: Addressee
  readonly event: EventPackage
  readonly body: Description
  readonly expires: number
  readonly handler: ClientPublicationHandler
}

/** A state of ours that a server keeps and tells to who watches (RFC 3903 §4). */
export class PublishedByUs implements ClientPublication, SoftStateUser, ExchangeUser, Sequence {
  data: unknown
  readonly #parts: ClientPublicationParts
  readonly #soft: SoftState
  readonly #door: Door
  /** The template that all are derived from: Call-ID and tag stay the same. */
  readonly #base: RequestTemplate
  readonly #target: string
  #seq = 0
  #body: Description
  #etag: string | undefined
  /** Whether the server has not got the body as it is now. */
  #isModified = true
  #wasInitial = true
  #asked: number
  #attempts = 0
  #last: { readonly status: number; readonly response: SipResponse | undefined } | undefined
  #isUnwanted = false

  constructor(parts: ClientPublicationParts) {
    const { context, profile, to, event } = parts
    this.#parts = parts
    this.#body = parts.body
    this.#asked = parts.expires
    this.#door = new Door(context.failed, context.limits.maxWaiting)
    this.#base = newRequest(context, profile, 'PUBLISH', to, false).set(h.Event, new Event(event.name))
    this.#target = this.#base.requestUriText
    this.#soft = new SoftState(context.timers, this)
  }

  get event(): string {
    return this.#parts.event.name
  }

  get state(): ClientPublication['state'] {
    if (this.#door.isShut) return 'ended'
    if (this.#isUnwanted) return 'removing'
    if (this.#soft.state === 'waiting') return 'waiting'
    return this.#soft.isHeld ? 'held' : 'adding'
  }

  get etag(): string | undefined {
    return this.#etag
  }

  get expiresIn(): number {
    return this.#soft.isHeld ? (this.#soft.expiresAt - this.#parts.context.timers.now()) / 1000 : 0
  }

  start(): void {
    this.#soft.start()
  }

  update(body: Body | Description): void {
    this.#demand()
    this.#body = describe(body)
    this.#isModified = true
    this.#soft.change()
  }

  refresh(): void {
    this.#demand()
    this.#soft.change()
  }

  end(): void {
    if (this.#isUnwanted) return
    this.#isUnwanted = true
    this.#soft.remove()
  }

  nextSeq(): number {
    return ++this.#seq
  }

  // what the soft state does

  /** Initial, refresh or modify, by table 1 of RFC 3903 §4.1. */
  sendRenewal(): void {
    if (this.#soft.expiresAt <= this.#parts.context.timers.now()) this.beginAnew()
    this.#enter(() => {
      const template = this.#template(this.#asked)
      if (this.#etag === undefined || this.#isModified) this.#body.writeTo(template)
      this.#wasInitial = this.#etag === undefined
      this.#isModified = false
      this.#send(template)
    })
  }

  sendRemoval(): void {
    // a server that gave no entity-tag cannot be told: it forgets by itself
    if (this.#etag === undefined) this.#soft.refuse()
    else this.#enter(() => this.#send(this.#template(0)))
  }

  onGranted(): void {
    this.#attempts = 0
    const response = this.#last?.response
    if (response !== undefined) this.#door.tell(() => this.#parts.handler.onSuccess?.(this, response))
  }

  onRefused(): void {
    const { status, response } = this.#last ?? { status: 480, response: undefined }
    const { handler } = this.#parts
    if (this.#isUnwanted) this.onRemoved()
    else this.#door.tellLast(() => handler.onFailure?.(this, status, response))
  }

  onWaiting(): void {
    // the application was asked, or left it to the rule
  }

  onRemoved(): void {
    this.#etag = undefined
    this.#door.tellLast(() => this.#parts.handler.onRemove?.(this))
  }

  beginAnew(): void {
    this.#etag = undefined
    this.#isModified = true
  }

  // of the exchange

  onFinal(response: SipResponse): void {
    const { status } = response
    this.#last = { status, response }
    this.#parts.lines.leave(this.#target)
    if (status < 300) this.#onAccepted(response)
    else if (status === 412 && !this.#wasInitial && !this.#isUnwanted) {
      this.#door.tell(() => this.#parts.handler.onStaleUpdate?.(this))
      this.#soft.forget()
    } else this.#onRefusal(status, response)
    this.#last = undefined
  }

  onFailure({ status }: { readonly status: number }): void {
    this.#last = { status, response: undefined }
    this.#parts.lines.leave(this.#target)
    this.#onRefusal(status, undefined)
    this.#last = undefined
  }

  amend(sent: RequestTemplate, response: SipResponse): RequestTemplate | undefined {
    const longer = withLongerInterval(sent, response)
    this.#asked = longer?.get(h.Expires) ?? this.#asked
    return longer
  }

  #onAccepted(response: SipResponse): void {
    const { random } = this.#parts.context
    const etag = response.try(h.SipETag).value
    this.#etag = etag === undefined ? undefined : flatCopy(etag)
    // without a tag there is nothing to refresh: the next one is whole again
    if (etag === undefined) this.#isModified = true
    const granted = Math.min(response.try(h.Expires).value ?? this.#asked, this.#asked) * 1000
    this.#soft.grant(granted, granted * (0.8 + 0.1 * random()))
  }

  #onRefusal(status: number, response: SipResponse | undefined): void {
    this.#isModified = true
    const pause = this.#isUnwanted ? undefined : this.#pauseAfter(status, response)
    if (pause === undefined) this.#soft.refuse()
    else this.#soft.retryAfter(pause * 1000)
  }

  /** Seconds until it is tried again, `undefined` for never. */
  #pauseAfter(status: number, response: SipResponse | undefined): number | undefined {
    const { handler, context } = this.#parts
    const chosen = answered(context.failed, () => handler.onRequestRetry?.(this, status, response))
    if (chosen === false) return undefined
    if (chosen !== undefined && chosen >= 0) return chosen
    const asked = retryAfterOf(response)
    if (asked !== undefined) return asked
    const mayPass = status === 408 || status === 480 || (status >= 500 && status < 600 && status !== 501)
    if (!mayPass) return undefined
    const pause = Math.min(FIRST_PAUSE * 2 ** this.#attempts++, LONGEST_PAUSE)
    return pause * (0.5 + 0.5 * context.random())
  }

  #template(expires: number): RequestTemplate {
    const template = this.#base.derive().set(h.Expires, expires)
    template.set(h.CSeq, new CSeq(this.nextSeq(), 'PUBLISH'))
    return this.#etag === undefined ? template : template.set(h.SipIfMatch, this.#etag)
  }

  #enter(start: () => void): void {
    // nothing else is left to do where the line is full: it is tried again
    if (!this.#parts.lines.enter(this.#target, start)) this.#onRefusal(503, undefined)
  }

  #send(template: RequestTemplate): void {
    const { context, profile, handler } = this.#parts
    answered(context.failed, () => {
      handler.onReadyToSend?.(this, template)
    })
    new Exchange(context, template, this, this, profile.credentials).start()
  }

  #demand(): void {
    if (this.#isUnwanted || this.state === 'ended')
      throw new UsageError('ERR_SIP_OVER', `the publication of ${this.event} is over`)
  }
}
