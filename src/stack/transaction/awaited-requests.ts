import { EnvironmentError, UsageError } from '../../util/errors.ts'
import type { SipResponse } from '../message/message.ts'
import type { RequestTemplate } from '../message/template.ts'
import { OutgoingRequest } from './request.ts'
import type { RequestContext, RequestOptions } from './request-options.ts'

/** Requests as promises: each is settled once, at the latest when the stack is closed. */
export class AwaitedRequests {
  readonly #context: RequestContext
  readonly #pending = new Set<(error: Error) => void>()
  #closed = false

  constructor(context: RequestContext) {
    this.#context = context
  }

  /** See `SipStack.request`. */
  request(
    template: RequestTemplate,
    options: RequestOptions & { readonly signal?: AbortSignal },
  ): Promise<SipResponse> {
    return new Promise((resolve, reject) => {
      const { signal } = options
      if (template.method === 'ACK') throw noTransaction()
      if (this.#closed) throw closed(template)
      signal?.throwIfAborted()
      const settle = (): void => {
        this.#pending.delete(fail)
        signal?.removeEventListener('abort', onAbort)
      }
      const fail = (error: unknown): void => {
        settle()
        reject(error)
      }
      const onAbort = (): void => {
        if (template.method === 'INVITE') outgoing.cancel()
        else {
          outgoing.abandon()
          fail(signal?.reason)
        }
      }
      const user = {
        onFinal(response: SipResponse): void {
          settle()
          resolve(response)
        },
        onFailure: fail,
      }
      const outgoing = new OutgoingRequest(this.#context, template, user, options)
      this.#pending.add(fail)
      signal?.addEventListener('abort', onAbort, { once: true })
      outgoing.start()
    })
  }

  /** Rejects all that wait. */
  close(): void {
    this.#closed = true
    for (const fail of [...this.#pending]) fail(closed())
  }
}

/** The caller's error where an ACK is to be sent as a request. */
export function noTransaction(): UsageError {
  return new UsageError('ERR_SIP_ACK', 'an ACK has no transaction; send it with sendAck')
}

function closed(template?: RequestTemplate): EnvironmentError {
  const what = template === undefined ? 'the request' : template.method
  return new EnvironmentError('ERR_SIP_CLOSED', `${what} got no answer: the stack was closed`)
}
