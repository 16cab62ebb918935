import * as h from '../../stack/headers/index.ts'
import { encode } from '../../stack/message/encode.ts'
import type { SipResponse } from '../../stack/message/message.ts'
import type { RequestTemplate } from '../../stack/message/template.ts'
import type { ServerTransaction } from '../../stack/transaction/server-transaction.ts'
import { UsageError } from '../../util/errors.ts'
import type { DumContext } from '../core/context.ts'
import { type Body, bodyOf, type Description, describe } from '../core/description.ts'
import { Door } from '../core/door.ts'
import { Lines } from '../core/line.ts'
import { Exchange } from '../exchange/exchange.ts'
import { type Addressee, newRequest } from '../exchange/new-request.ts'
import { askForReply } from '../exchange/reply.ts'
import type { PagerArrivalHandler, PagerHandler, PagerMessage } from '../handlers/pager.ts'
import type { Profile } from '../profile/profile.ts'

/** Octets that a MESSAGE may have where nobody knows that it meets no datagrams on its way (RFC 3428 §8). */
const LARGEST = 1300
/** What the Via of a UDP request takes besides. */
const VIA = 100

export interface MessageOptions {
  readonly profile?: Profile
  /**
   * Whether every hop is known to use a transport with congestion control (TCP, TLS, WebSocket): only then a MESSAGE may
   * have more than 1,300 octets.
   */
  readonly congestionSafe?: boolean
}

/** MESSAGE outside dialogs (RFC 3428): to each target one after the other. */
export class Pager {
  readonly #context: DumContext
  readonly #lines: Lines

  constructor(context: DumContext) {
    this.#context = context
    this.#lines = new Lines(context.limits.maxWaiting)
  }

  /** @throws UsageError `ERR_SIP_TOO_LARGE`, and `ERR_SIP_WAITING` where too many wait for this target */
  send(
    to: Addressee,
    body: Body | Description,
    options: MessageOptions & { readonly profile: Profile },
    handler: PagerHandler,
  ): PagerMessage {
    const { profile, congestionSafe = false } = options
    const template = newRequest(this.#context, profile, 'MESSAGE', to, false)
    describe(body).writeTo(template)
    const size = encode(template).length + VIA
    if (size > LARGEST && !congestionSafe) {
      throw new UsageError(
        'ERR_SIP_TOO_LARGE',
        `the MESSAGE has ${size} octets, more than ${LARGEST} that may meet datagrams (RFC 3428 §8); say congestionSafe where every hop uses TCP or TLS`,
      )
    }
    const message = new SentMessage(this.#context, this.#lines, template, profile, handler)
    message.enter()
    return message
  }

  receive(transaction: ServerTransaction, profile: Profile, handler: PagerArrivalHandler): void {
    const { request } = transaction
    const accepted = profile.accepts('MESSAGE')
    const body = bodyOf(request)
    if (body !== undefined && !isTaken(accepted, body.contentType)) {
      transaction.respond(transaction.response(415).setText(h.Accept, accepted.join(', ')))
      return
    }
    askForReply(this.#context, profile, transaction, reply => handler.onMessageArrived(request, body, reply))
  }
}

class SentMessage implements PagerMessage {
  state: PagerMessage['state'] = 'waiting'
  readonly id: string
  readonly #context: DumContext
  readonly #lines: Lines
  readonly #target: string
  readonly #exchange: Exchange
  readonly #door: Door
  #seq: number

  constructor(
    context: DumContext,
    lines: Lines,
    template: RequestTemplate,
    profile: Profile,
    handler: PagerHandler,
  ) {
    this.#context = context
    this.#lines = lines
    this.#target = template.requestUriText
    this.id = template.callId
    this.#seq = template.cseq.number
    this.#door = new Door(context.failed, 1)
    const sequence = { nextSeq: () => ++this.#seq }
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
    this.#exchange = new Exchange(context, template, sequence, user, profile.credentials)
  }

  enter(): void {
    const start = (): void => {
      this.state = 'sent'
      this.#exchange.start()
    }
    if (this.#lines.enter(this.#target, start)) return
    this.state = 'over'
    const { maxWaiting } = this.#context.limits
    throw new UsageError('ERR_SIP_WAITING', `${maxWaiting} messages wait for this target already`)
  }

  #end(tell: () => unknown): void {
    this.state = 'over'
    this.#lines.leave(this.#target)
    this.#door.tellLast(tell)
  }
}

function isTaken(accepted: readonly string[], contentType: string): boolean {
  const type = contentType.split(';', 1)[0]?.trim().toLowerCase() ?? ''
  return accepted.some(
    range =>
      range === '*/*' || range === type || (range.endsWith('/*') && type.startsWith(range.slice(0, -1))),
  )
}
