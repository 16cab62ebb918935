import { fromWire } from '../../util/bytes.ts'
import type { Method } from '../grammar/method.ts'
import { ParseError } from '../grammar/parse-error.ts'
import { borrow, giveBack } from '../grammar/scanner.ts'
import { parseWholeUri, type Uri } from '../grammar/uri.ts'
import type { Flow } from './flow.ts'
import { type FrameLimits, frame, type Head } from './head.ts'
import { type Attempt, attempt } from './reader.ts'
import { ReceivedMessage } from './received.ts'
import { RequestTemplate, ResponseTemplate } from './template.ts'

/** A request as it was received. */
export class SipRequest extends ReceivedMessage {
  #requestUri: Uri | undefined

  get isRequest(): true {
    return true
  }

  get isResponse(): false {
    return false
  }

  get method(): Method {
    return this.head.method
  }

  get requestUri(): Uri {
    if (this.#requestUri === undefined) {
      const { subjectStart, subjectEnd } = this.head
      const scanner = borrow(this.head, 'Request-URI', subjectStart, subjectEnd)
      const value = parseWholeUri(scanner)
      giveBack(scanner)
      this.#requestUri = value
    }
    return this.#requestUri
  }

  /** The Request-URI without throwing. */
  tryRequestUri(): Attempt<Uri> {
    return attempt(() => this.requestUri)
  }

  /** A copy to be changed and sent on; it shares all that stays as it is, and this message stays as it was. */
  forward(): RequestTemplate {
    return new RequestTemplate(this.method, undefined, this)
  }
}

/** A response as it was received. */
export class SipResponse extends ReceivedMessage {
  get isRequest(): false {
    return false
  }

  get isResponse(): true {
    return true
  }

  get status(): number {
    return this.head.status
  }

  /** The reason phrase, decoded from UTF-8. */
  get reason(): string {
    return fromWire(this.head.subject)
  }

  /** The method of the request this answers. */
  get method(): Method {
    return this.cseq.method
  }

  /** A copy to be changed and sent on; it shares all that stays as it is, and this message stays as it was. */
  forward(): ResponseTemplate {
    return new ResponseTemplate(this.status, this.reason, this)
  }
}

export type SipMessage = SipRequest | SipResponse

/**
 * A message from the bytes of a datagram, or what makes them none. Only the frame is looked at; see `validate` for
 * what every message needs. With `source` the top Via is read at once and noted where the request came from, and a
 * top Via that is missing or malformed is answered as an error too.
 */
export function parseMessage(bytes: Buffer, source?: Flow, limits?: FrameLimits): SipMessage | ParseError {
  const head = frame(bytes, limits)
  if (head instanceof ParseError) return head
  return messageOf(head, bytes, source)
}

/** The message of a frame that was found before. */
export function messageOf(head: Head, bytes: Buffer, source?: Flow): SipMessage | ParseError {
  try {
    return head.isRequest ? new SipRequest(head, bytes, source) : new SipResponse(head, bytes, source)
  } catch (error) {
    if (error instanceof ParseError) return error
    throw error
  }
}
