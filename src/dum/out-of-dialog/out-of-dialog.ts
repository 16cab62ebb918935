import type { Method } from '../../stack/grammar/method.ts'
import * as h from '../../stack/headers/index.ts'
import { Token } from '../../stack/headers/token.ts'
import type { SipResponse } from '../../stack/message/message.ts'
import type { RequestTemplate } from '../../stack/message/template.ts'
import type { ServerTransaction } from '../../stack/transaction/server-transaction.ts'
import { UsageError } from '../../util/errors.ts'
import type { DumContext } from '../core/context.ts'
import { type Body, type Description, describe } from '../core/description.ts'
import { Door } from '../core/door.ts'
import { Exchange } from '../exchange/exchange.ts'
import { type Addressee, newRequest } from '../exchange/new-request.ts'
import { askForReply } from '../exchange/reply.ts'
import type {
  OutOfDialogArrivalHandler,
  OutOfDialogHandler,
  OutOfDialogRequest,
} from '../handlers/out-of-dialog.ts'
import type { Profile } from '../profile/profile.ts'

export interface OutOfDialogOptions {
  readonly profile?: Profile
  readonly body?: Body | Description
  /** Sets what else the request has; called before it is sent. */
  readonly fill?: (template: RequestTemplate) => void
}

/** Methods that make a dialog, or need one: they have makers of their own, or are no request by themselves. */
const others: ReadonlySet<Method> = new Set([
  'INVITE',
  'ACK',
  'CANCEL',
  'BYE',
  'PRACK',
  'UPDATE',
  'SUBSCRIBE',
])

/** Sends a request outside dialogs. @throws UsageError where its method makes a dialog, or needs one */
export function sendOutOfDialog(
  context: DumContext,
  method: Method,
  to: Addressee,
  options: OutOfDialogOptions & { readonly profile: Profile },
  handler: OutOfDialogHandler,
): OutOfDialogRequest {
  assertAlone(method)
  const { profile, body, fill } = options
  const template = newRequest(context, profile, method, to, true)
  if (method === 'OPTIONS') template.setText(h.Accept, acceptText(profile))
  if (body !== undefined) describe(body).writeTo(template)
  fill?.(template)
  const sent = new SentRequest(context, template, profile, handler)
  sent.start()
  return sent
}

/** @throws UsageError where requests of this method cannot come outside dialogs */
export function assertAlone(method: Method): void {
  if (others.has(method))
    throw new UsageError('ERR_SIP_METHOD', `${method} makes a dialog, or needs one: it has a way of its own`)
}

export function receiveOutOfDialog(
  context: DumContext,
  profile: Profile,
  transaction: ServerTransaction,
  handler: OutOfDialogArrivalHandler,
): void {
  const { request } = transaction
  askForReply(context, profile, transaction, reply => handler.onReceivedRequest(request, reply))
}

/** What is taken here, beside what the profile says. */
export interface Capabilities {
  readonly methods: readonly Method[]
  readonly events: readonly string[]
}

/** 200 to an OPTIONS, with what a UAS says of itself (RFC 3261 §11.2). */
export function answerOptions(
  profile: Profile,
  transaction: ServerTransaction,
  { methods, events }: Capabilities,
): void {
  const { values } = profile
  const response = transaction.response(200)
  response.set(h.Allow, ...new Set([...values.methods, ...methods]))
  response.setText(h.Accept, acceptText(profile))
  response.set(h.AcceptEncoding, ...values.encodings.map(encoding => new Token(encoding)))
  if (values.languages.length > 0)
    response.set(h.AcceptLanguage, ...values.languages.map(language => new Token(language)))
  response.set(h.Supported, ...values.supported)
  const allEvents = new Set([...values.events, ...events])
  if (allEvents.size > 0) response.set(h.AllowEvents, ...allEvents)
  if (values.userAgent !== '') response.set(h.Server, values.userAgent)
  transaction.respond(response)
}

class SentRequest implements OutOfDialogRequest {
  readonly id: string
  isOver = false
  readonly #exchange: Exchange
  readonly #door: Door
  #seq: number

  constructor(context: DumContext, template: RequestTemplate, profile: Profile, handler: OutOfDialogHandler) {
    this.id = template.callId
    this.#seq = template.cseq.number
    this.#door = new Door(context.failed, 1)
    const user = {
      onFinal: (response: SipResponse) =>
        this.#end(() =>
          response.status < 300
            ? handler.onSuccess?.(this, response)
            : handler.onFailure?.(this, response.status, response),
        ),
      onFailure: ({ status }: { readonly status: number }) =>
        this.#end(() => handler.onFailure?.(this, status, undefined)),
    }
    this.#exchange = new Exchange(
      context,
      template,
      { nextSeq: () => ++this.#seq },
      user,
      profile.credentials,
    )
  }

  start(): void {
    this.#exchange.start()
  }

  #end(tell: () => unknown): void {
    this.isOver = true
    this.#door.tellLast(tell)
  }
}

function acceptText(profile: Profile): string {
  return profile.accepts('INVITE').join(', ')
}
