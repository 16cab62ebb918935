import * as h from '../../stack/headers/index.ts'
import { RetryAfter } from '../../stack/headers/retry-after.ts'
import type { ServerTransaction } from '../../stack/transaction/server-transaction.ts'
import { flatCopy } from '../../util/bytes.ts'
import { answered } from '../../util/guard.ts'
import type { Timer } from '../../util/timers.ts'
import type { DumContext } from '../core/context.ts'
import { bodyOf } from '../core/description.ts'
import { Door } from '../core/door.ts'
import { Lines } from '../core/line.ts'
import { RequestDuty } from '../core/request-duty.ts'
import { type EventPackage, packageOf, takesBody } from '../event-package/event-package.ts'
import { resourceOf } from '../event-package/resource.ts'
import { expiryFor } from '../exchange/expiry.ts'
import type {
  PublicationReply,
  PublicationStore,
  ServerPublication,
  ServerPublicationHandler,
  StoredPublication,
} from '../handlers/publication.ts'
import type { ExpiryPolicy, PublishedState } from '../handlers/subscription.ts'
import type { Profile } from '../profile/profile.ts'

interface Kept {
  readonly event: EventPackage
  readonly handler: ServerPublicationHandler
  readonly policy: ExpiryPolicy
  readonly store: PublicationStore
}

/** What a PUBLISH does, by table 1 of RFC 3903 §4.1. */
interface Operation extends Kept {
  readonly name: 'onInitial' | 'onRefresh' | 'onUpdate'
  readonly publication: StoredPublication
  readonly before: StoredPublication | undefined
  readonly expires: number
}

/** Takes PUBLISHes, and keeps what they publish until it expires (RFC 3903 §6). */
export class ServerPublications {
  readonly #context: DumContext
  readonly #profile: Profile
  readonly #onChanged: (published: PublishedState) => void
  readonly #packages = new Map<string, Kept>()
  readonly #expiries = new Map<string, Timer>()
  readonly #lines: Lines

  /** `onChanged` is told of what is published for a resource, changes or is gone. */
  constructor(context: DumContext, profile: Profile, onChanged: (published: PublishedState) => void) {
    this.#context = context
    this.#profile = profile
    this.#onChanged = onChanged
    this.#lines = new Lines(context.limits.maxWaiting)
  }

  get events(): readonly string[] {
    return [...this.#packages.keys()]
  }

  on(
    event: EventPackage | string,
    handler: ServerPublicationHandler,
    policy: ExpiryPolicy,
    store: PublicationStore,
  ): void {
    const kept = packageOf(event)
    this.#packages.set(kept.name, { event: kept, handler, policy, store })
  }

  receive(transaction: ServerTransaction): void {
    const { request } = transaction
    const kept = this.#packages.get(request.try(h.Event).value?.package ?? '')
    if (kept === undefined) {
      transaction.respond(transaction.response(489).set(h.AllowEvents, ...this.events))
      return
    }
    const resource = flatCopy(resourceOf(request.requestUri))
    const { handler } = kept
    if (handler.accepts !== undefined && !this.#isOurs(handler, resource)) {
      transaction.respond(404)
      return
    }
    // in the order in which they came, each whole or not at all
    const start = (): void => this.#process(transaction, kept, resource)
    if (!this.#lines.enter(resource, start)) this.#refuseForNow(transaction)
  }

  #isOurs(handler: ServerPublicationHandler, resource: string): boolean {
    return answered(this.#context.failed, () => handler.accepts?.(resource)) === true
  }

  #process(transaction: ServerTransaction, kept: Kept, resource: string): void {
    const operation = this.#operation(transaction, kept, resource)
    if (operation === undefined) {
      this.#lines.leave(resource)
      return
    }
    const { context, handler } = { context: this.#context, handler: kept.handler }
    const { name, publication, expires } = operation
    const leave = (respond: () => void): void => {
      try {
        respond()
      } finally {
        this.#lines.leave(resource)
      }
    }
    const accept = (): void => leave(() => this.#commit(transaction, operation))
    const refuse = (status: number): void =>
      leave(() => {
        transaction.respond(transaction.response(status).appendBlock(this.#profile.block))
      })
    const duty: RequestDuty = new RequestDuty(
      context,
      status => (status < 300 ? accept() : refuse(status)),
      () => duty.accept(),
    )
    const reply: PublicationReply = {
      request: transaction.request,
      get isAnswered() {
        return duty.isAnswered
      },
      accept: () => duty.accept(),
      reject: status => duty.reject(status),
    }
    const told = this.#seen(publication, expires)
    duty.ask(new Door(context.failed, context.limits.maxWaiting), () => handler[name]?.(told, reply))
  }

  /** What a PUBLISH asks for; `undefined` where it was answered (RFC 3903 §6, steps 3 to 5). */
  #operation(transaction: ServerTransaction, kept: Kept, resource: string): Operation | undefined {
    const { request } = transaction
    const { event, store, policy } = kept
    const tags = request.tryAll(h.SipIfMatch).value
    const [tag] = tags ?? []
    if (tags === undefined || tags.length > 1) {
      transaction.respond(transaction.response(400, 'SIP-If-Match must be one entity-tag'))
      return undefined
    }
    const before = tag === undefined ? undefined : this.#standing(store, tag, event.name, resource)
    if (tag !== undefined && before === undefined) {
      transaction.respond(412)
      return undefined
    }
    const granted = expiryFor(request, policy)
    if ('least' in granted) {
      transaction.respond(transaction.response(423).set(h.MinExpires, granted.least))
      return undefined
    }
    if (!takesBody(event, request)) {
      transaction.respond(transaction.response(415).setText(h.Accept, event.accepts.join(', ')))
      return undefined
    }
    const { expires } = granted
    const body = bodyOf(request) ?? before?.body
    if (body === undefined) {
      transaction.respond(transaction.response(400, 'a first PUBLISH needs a body'))
      return undefined
    }
    if (expires === 0) {
      this.#remove(transaction, kept, before)
      return undefined
    }
    if (before === undefined && store.size >= this.#context.limits.maxPublications) {
      this.#context.counters.refusedByLimit++
      this.#refuseForNow(transaction)
      return undefined
    }
    const { timers, identifiers } = this.#context
    const expiresAt = timers.now() + expires * 1000
    const publication = { event: event.name, resource, etag: identifiers.newTag(), body, expiresAt }
    const name = before === undefined ? 'onInitial' : request.body.length > 0 ? 'onUpdate' : 'onRefresh'
    return { ...kept, name, publication, before, expires }
  }

  #standing(
    store: PublicationStore,
    tag: string,
    event: string,
    resource: string,
  ): StoredPublication | undefined {
    const found = store.find(tag)
    if (found === undefined || found.event !== event || found.resource !== resource) return undefined
    return found.expiresAt > this.#context.timers.now() ? found : undefined
  }

  #commit(transaction: ServerTransaction, operation: Operation): void {
    const { publication, before, store, expires, name } = operation
    if (before !== undefined) this.#forget(store, before.etag)
    store.put(publication)
    const expire = (): void => this.#expire(operation)
    this.#expiries.set(publication.etag, this.#context.timers.after(expires * 1000, expire))
    this.#accept(transaction, publication.etag, expires)
    if (name !== 'onRefresh') this.#onChanged(publication)
  }

  #remove(transaction: ServerTransaction, kept: Kept, before: StoredPublication | undefined): void {
    if (before !== undefined) this.#forget(kept.store, before.etag)
    // nothing is stored of what lasts no time
    this.#accept(transaction, this.#context.identifiers.newTag(), 0)
    if (before !== undefined) this.#gone(before, kept.handler.onRemoved?.bind(kept.handler))
  }

  #expire({ store, publication, handler }: Operation): void {
    this.#forget(store, publication.etag)
    this.#gone(publication, handler.onExpired?.bind(handler))
  }

  #gone(
    publication: StoredPublication,
    tell: ((publication: ServerPublication) => unknown) | undefined,
  ): void {
    const { failed, limits } = this.#context
    new Door(failed, limits.maxWaiting).tellLast(() => tell?.(this.#seen(publication, 0)))
    this.#onChanged({ ...publication, body: undefined })
  }

  #forget(store: PublicationStore, etag: string): void {
    this.#context.timers.stop(this.#expiries.get(etag))
    this.#expiries.delete(etag)
    store.delete(etag)
  }

  #accept(transaction: ServerTransaction, etag: string, expires: number): void {
    const response = transaction.response(200).appendBlock(this.#profile.block)
    transaction.respond(response.set(h.SipETag, etag).set(h.Expires, expires))
  }

  #refuseForNow(transaction: ServerTransaction): void {
    transaction.respond(transaction.response(503).set(h.RetryAfter, new RetryAfter(10)))
  }

  #seen({ event, resource, etag, body }: StoredPublication, expiresIn: number): ServerPublication {
    return { event, resource, etag, body, expiresIn }
  }
}
