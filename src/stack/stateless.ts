import { hash64 } from '../util/hash.ts'
import * as h from './headers/index.ts'
import { response } from './message/build.ts'
import { encode } from './message/encode.ts'
import type { SipRequest } from './message/message.ts'
import type { Method } from './message/method.ts'
import type { ParseError } from './message/parse-error.ts'
import { reasonPhrase } from './message/status.ts'
import type { ResponseTemplate } from './message/template.ts'
import type { Counters } from './statistics.ts'
import type { TransactionUser } from './transaction/user.ts'
import type { TransportLayer } from './transport/layer.ts'
import { responseWay } from './transport/response-way.ts'

/** Characters of an error that go into a reason phrase. */
const REASON_LENGTH = 80

/** Answers without any transaction (RFC 3261 §8.2.7): the same request always gets the same response. */
export class StatelessReplies {
  readonly #transports: TransportLayer
  readonly #counters: Counters

  constructor(transports: TransportLayer, counters: Counters) {
    this.#transports = transports
    this.#counters = counters
  }

  /** A response to be filled in; its To tag comes from the request alone. */
  response(request: SipRequest, status: number, reason?: string): ResponseTemplate {
    const hasTo = request.try(h.To).error === undefined
    return response(request, status, hasTo ? statelessTag(request) : undefined, reason)
  }

  /** Sends a response the way its request came; an ACK gets none. */
  reply(request: SipRequest, answer: ResponseTemplate | number): void {
    const { source, method } = request
    if (source === undefined || method === 'ACK') return
    const template = typeof answer === 'number' ? this.response(request, answer) : answer
    const wire = encode(template, this.#transports.responseHop(source.transport))
    const { flow, fallback } = responseWay(request, source)
    this.#counters.responseOut(template.status)
    if (this.#transports.send(wire, flow) < 0) this.#transports.send(wire, fallback)
  }

  /** Answers a request that is malformed with the status its error suggests and a reason that names the header. */
  refuse(request: SipRequest, error: ParseError): void {
    const status = error.status ?? 400
    const [problem = ''] = error.message.split('\n')
    this.reply(
      request,
      this.response(request, status, `${reasonPhrase(status)} - ${problem.slice(0, REASON_LENGTH)}`),
    )
  }

  /** 503 with Retry-After, in seconds. */
  refuseForNow(request: SipRequest, retryAfter: number): void {
    this.reply(request, this.response(request, 503).set(h.RetryAfter, retryAfter))
  }

  /** A request that no user claims: 481 within a dialog, 405 where no user knows the method, else 404. */
  refuseUnclaimed(request: SipRequest, users: readonly TransactionUser[]): void {
    if (request.to.tag !== undefined || request.method === 'CANCEL') {
      this.reply(request, 481)
      return
    }
    const allowed = allowedMethods(users)
    if (allowed === undefined || allowed.includes(request.method)) this.reply(request, 404)
    else this.reply(request, this.response(request, 405).set(h.Allow, ...allowed))
  }
}

/** A To tag by §8.2.7: from what retransmissions of the request have in common. */
function statelessTag(request: SipRequest): string {
  const { via, callId, cseq, from } = request
  return hash64(`${via.branch} ${via.sentBy} ${callId} ${cseq.number} ${from.tag ?? ''}`)
}

/** The methods of all users; `undefined` where one of them takes every method. */
function allowedMethods(users: readonly TransactionUser[]): Method[] | undefined {
  const allowed = new Set<Method>()
  for (const user of users) {
    if (user.methods === undefined) return undefined
    for (const method of user.methods) allowed.add(method)
  }
  return [...allowed]
}
