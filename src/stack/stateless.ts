import { hash64 } from '../util/hash.ts'
import type { Method } from './grammar/method.ts'
import type { ParseError } from './grammar/parse-error.ts'
import * as h from './headers/index.ts'
import { RetryAfter } from './headers/retry-after.ts'
import { response } from './message/build.ts'
import { encode } from './message/encode.ts'
import type { SipRequest } from './message/message.ts'
import { reasonPhrase } from './message/status.ts'
import type { ResponseTemplate } from './message/template.ts'
import type { Counters } from './statistics.ts'
import type { TransportLayer } from './transport/layer.ts'
import { responseWay } from './transport/response-way.ts'

/** Characters of an error that go into a reason phrase. */
const REASON_LENGTH = 80
/** Characters of a To tag that is made here. */
const TAG_LENGTH = 16

/** Answers without any transaction (RFC 3261 §8.2.7): the same request always gets the same response. */
export class StatelessReplies {
  readonly #transports: TransportLayer
  readonly #counters: Counters
  readonly #followMaddr: boolean

  constructor(transports: TransportLayer, counters: Counters, followMaddr: boolean) {
    this.#transports = transports
    this.#counters = counters
    this.#followMaddr = followMaddr
  }

  /** A response to be filled in; its To tag comes from the request alone. */
  response(request: SipRequest, status: number, reason?: string): ResponseTemplate {
    const hasTo = request.try(h.To).value !== undefined
    return response(request, status, hasTo ? statelessTag(request) : undefined, reason)
  }

  /** Whether an ACK is for a response that was given here: its To tag is the one that `response` makes (§8.2.7). */
  isAckOfOurs(ack: SipRequest): boolean {
    const { tag } = ack.to
    return ack.method === 'ACK' && tag?.length === TAG_LENGTH && tag === statelessTag(ack)
  }

  /** Sends a response the way its request came; an ACK gets none. */
  reply(request: SipRequest, answer: ResponseTemplate | number): void {
    const { source, method } = request
    if (source === undefined || method === 'ACK') return
    const template = typeof answer === 'number' ? this.response(request, answer) : answer
    const wire = encode(template, this.#transports.responseHop(source))
    const { flow, fallback } = responseWay(request, source, this.#followMaddr)
    this.#counters.responseOut(template.status)
    const sent = this.#transports.send(wire, flow)
    if (sent === 'gone' && fallback !== undefined) this.#transports.send(wire, fallback)
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
    this.reply(request, this.response(request, 503).set(h.RetryAfter, new RetryAfter(retryAfter)))
  }

  /** A request that nobody claims: 481 within a dialog, 405 where its method is not `allowed`, else 404. */
  refuseUnclaimed(request: SipRequest, allowed: readonly Method[] | undefined): void {
    if (request.to.tag !== undefined || request.method === 'CANCEL') this.reply(request, 481)
    else if (allowed === undefined || allowed.includes(request.method)) this.reply(request, 404)
    else this.reply(request, this.response(request, 405).set(h.Allow, ...allowed))
  }
}

/**
 * A To tag by §8.2.7: from what retransmissions of the request have in common. The request may be one that is refused
 * for what it lacks, so that only its top Via is certain.
 */
function statelessTag(request: SipRequest): string {
  const { via } = request
  const callId = request.try(h.CallId).value ?? ''
  const number = request.try(h.CSeq).value?.number ?? ''
  const fromTag = request.try(h.From).value?.tag ?? ''
  return hash64(`${via.branch} ${via.sentBy} ${callId} ${number} ${fromTag}`)
}
