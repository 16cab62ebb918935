import { UsageError } from '../../util/errors.ts'
import type { Method } from '../grammar/method.ts'
import { Scanner } from '../grammar/scanner.ts'
import { parseWholeUri, type Uri } from '../grammar/uri.ts'
import * as h from '../headers/index.ts'
import type { ReceivedMessage } from './received.ts'
import { reasonPhrase } from './status.ts'
import { Template } from './template-base.ts'
import { lineText } from './wire-value.ts'

/** A received request, as a template knows it. */
type RequestBase = ReceivedMessage & { readonly requestUri: Uri }

/** A request that is being made or forwarded. */
export class RequestTemplate extends Template {
  readonly method: Method
  readonly #received: RequestBase | undefined
  #requestUri: Uri | undefined
  #uriText: string | undefined = undefined

  constructor(method: Method, requestUri: Uri | undefined, base?: RequestBase, taken?: Uint8Array) {
    super(base, taken)
    this.method = method
    this.#received = base
    this.#requestUri = requestUri
  }

  /** @internal a request to a Request-URI that is known as wire text, and need not be well-formed */
  static toText(method: Method, requestUri: string): RequestTemplate {
    const template = new RequestTemplate(method, undefined)
    template.#uriText = requestUri
    return template
  }

  get isRequest(): true {
    return true
  }

  get isResponse(): false {
    return false
  }

  /** @throws ParseError where it came from the wire and is malformed */
  get requestUri(): Uri {
    if (this.#requestUri === undefined && this.#uriText !== undefined) {
      const bytes = Buffer.from(this.#uriText, 'latin1')
      this.#requestUri = parseWholeUri(new Scanner({ text: this.#uriText, bytes }, 'Request-URI'))
    }
    const requestUri = this.#requestUri ?? this.#received?.requestUri
    if (requestUri === undefined) throw new UsageError('ERR_SIP_TEMPLATE', 'the Request-URI is not set')
    return requestUri
  }

  set requestUri(uri: Uri) {
    this.#requestUri = uri
    this.#uriText = undefined
  }

  /** Whether the Request-URI is another than that of the message this was made from. */
  get hasOwnRequestUri(): boolean {
    return this.#requestUri !== undefined || this.#uriText !== undefined
  }

  /** @internal the Request-URI as it goes out; what came from the wire is not parsed for it */
  get requestUriText(): string {
    if (this.#uriText !== undefined) return this.#uriText
    if (this.#requestUri === undefined && this.#received !== undefined) return this.#received.head.subject
    return lineText(this.requestUri.toString(), 'Request-URI')
  }

  /** A copy that can be changed without touching this one: what a fail-over, a fork or a retry starts from. */
  derive(): RequestTemplate {
    const copy = new RequestTemplate(this.method, this.#requestUri, this.#received, this.taken)
    copy.#uriText = this.#uriText
    copy.edits.splice(0, copy.edits.length, ...this.edits.map(edit => edit.copy()))
    copy.blocks = this.blocks
    copy.ownBody = this.ownBody
    return copy
  }

  /**
   * Counts Max-Forwards down by one, not below 0, or sets it to 70 where it is absent (RFC 3261 §16.6, step 3).
   * @throws ParseError where it is malformed
   */
  decrementMaxForwards(): this {
    const value = this.get(h.MaxForwards)
    return this.set(h.MaxForwards, value === undefined ? 70 : Math.max(0, value - 1))
  }
}

/** A response that is being made or forwarded. */
export class ResponseTemplate extends Template {
  readonly status: number
  readonly reason: string

  constructor(status: number, reason?: string, base?: ReceivedMessage, taken?: Uint8Array) {
    super(base, taken)
    if (!Number.isInteger(status) || status < 100 || status > 699) {
      throw new UsageError('ERR_SIP_TEMPLATE', `${status} is no status code; one of 100 to 699 is needed`)
    }
    this.status = status
    this.reason = reason ?? reasonPhrase(status)
  }

  get isRequest(): false {
    return false
  }

  get isResponse(): true {
    return true
  }
}

export type MessageTemplate = RequestTemplate | ResponseTemplate
