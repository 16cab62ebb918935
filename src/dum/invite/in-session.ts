import * as h from '../../stack/headers/index.ts'
import { Token } from '../../stack/headers/token.ts'
import type { SipResponse } from '../../stack/message/message.ts'
import type { RequestTemplate, ResponseTemplate } from '../../stack/message/template.ts'
import type { ServerTransaction } from '../../stack/transaction/server-transaction.ts'
import { UsageError } from '../../util/errors.ts'
import { type Body, describe } from '../core/description.ts'
import type { DialogRequests } from '../dialog/dialog-requests.ts'
import type { ExchangeUser } from '../exchange/exchange.ts'
import type { Answering, InviteHandler, InviteSession } from '../handlers/invite.ts'
import type { Profile } from '../profile/profile.ts'

/** The session that requests other than those that change it belong to. */
export interface InSessionUser extends InviteSession {
  readonly requests: DialogRequests
  readonly profile: Profile
  tell(call: (handler: InviteHandler) => unknown, onError?: (error: unknown) => void): void
  within(transaction: ServerTransaction, status: number): ResponseTemplate
  onRefusedWithin(status: number): void
}

/** INFO (RFC 6086), MESSAGE (RFC 3428) and OPTIONS within a session. */
export class InSession {
  readonly #session: InSessionUser

  constructor(session: InSessionUser) {
    this.#session = session
  }

  info(body: Body, packageName: string | undefined): void {
    const session = this.#session
    this.#send('INFO', body, packageName, {
      onSuccess: response => session.tell(handler => handler.onInfoSuccess?.(session, response)),
      onFailure: status => session.tell(handler => handler.onInfoFailure?.(session, status)),
    })
  }

  message(body: Body): void {
    const session = this.#session
    this.#send('MESSAGE', body, undefined, {
      onSuccess: response => session.tell(handler => handler.onMessageSuccess?.(session, response)),
      onFailure: status => session.tell(handler => handler.onMessageFailure?.(session, status)),
    })
  }

  receive(transaction: ServerTransaction): void {
    const session = this.#session
    const { request } = transaction
    const reply = new Reply(session, transaction)
    const refuse = (status: number): void => {
      if (!transaction.isAnswered) reply.reject(status)
    }
    if (request.method === 'OPTIONS') transaction.respond(session.within(transaction, 200))
    else if (request.method === 'INFO') {
      session.tell(
        handler =>
          handler.onInfo === undefined
            ? refuse(request.has(h.InfoPackage) ? 469 : 415)
            : handler.onInfo(session, request, reply),
        () => refuse(500),
      )
    } else if (request.method === 'MESSAGE') {
      session.tell(
        handler =>
          handler.onMessage === undefined ? refuse(405) : handler.onMessage(session, request, reply),
        () => refuse(500),
      )
    } else transaction.respond(session.within(transaction, request.method === 'REFER' ? 603 : 501))
  }

  #send(
    method: 'INFO' | 'MESSAGE',
    body: Body,
    packageName: string | undefined,
    told: { onSuccess(response: SipResponse): void; onFailure(status: number): void },
  ): void {
    const description = describe(body)
    const fill = (template: RequestTemplate): void => {
      template.appendBlock(this.#session.profile.block)
      if (packageName !== undefined) template.set(h.InfoPackage, new Token(packageName))
      description.writeTo(template)
    }
    const user: ExchangeUser = {
      onFinal: response => {
        if (response.status < 300) told.onSuccess(response)
        else {
          told.onFailure(response.status)
          this.#session.onRefusedWithin(response.status)
        }
      },
      onFailure: failure => {
        told.onFailure(failure.status)
        this.#session.onRefusedWithin(failure.status)
      },
    }
    if (!this.#session.requests.send(method, fill, user))
      throw new UsageError('ERR_SIP_WAITING', `too many requests wait in the call ${this.#session.id}`)
  }
}

/** What answers one request, once. */
class Reply implements Answering {
  readonly #session: InSessionUser
  readonly #transaction: ServerTransaction

  constructor(session: InSessionUser, transaction: ServerTransaction) {
    this.#session = session
    this.#transaction = transaction
  }

  accept(status: number = 200): void {
    this.#transaction.respond(this.#session.within(this.#transaction, status))
  }

  reject(status: number): void {
    this.#transaction.respond(this.#session.within(this.#transaction, status))
  }
}
