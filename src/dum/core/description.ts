import { encodeSdp, parseSdp, type SessionDescription } from '../../sdp/index.ts'
import * as h from '../../stack/headers/index.ts'
import type { SipMessage } from '../../stack/message/message.ts'
import type { MessageTemplate } from '../../stack/message/template.ts'
import { toWire } from '../../util/bytes.ts'
import { UsageError } from '../../util/errors.ts'

const SDP = 'application/sdp'
/** What a body is whose type is not said. */
const OCTETS = 'application/octet-stream'

/** A body as an application gives it: a session description, or a text or octets with their media type. */
export type Body = SessionDescription | { readonly contentType: string; readonly body: string | Uint8Array }

/**
 * A body with its media type, kept as text. Most are SDP, which is parsed when it is asked for; what else is offered and
 * answered is the two applications' own affair.
 */
export class Description {
  /** Media type with its parameters, `application/sdp`. */
  readonly contentType: string
  /** Wire text: one character a byte. */
  readonly text: string

  /** @internal made by {@link describe}, or from a message */
  constructor(contentType: string, text: string) {
    this.contentType = contentType
    this.text = text
  }

  get isSdp(): boolean {
    return isSdp(this.contentType)
  }

  /** Parsed anew each time it is asked for. @throws PeerError where it is no SDP, or malformed */
  get sdp(): SessionDescription {
    return parseSdp(this.isSdp ? Buffer.from(this.text, 'latin1') : '')
  }

  /** Puts it into a message as its body. */
  writeTo(template: MessageTemplate): void {
    template.setBody(this.contentType, Buffer.from(this.text, 'latin1'))
  }

  equals(other: Description | undefined): boolean {
    return other !== undefined && other.text === this.text && other.contentType === this.contentType
  }

  toJSON(): { readonly contentType: string; readonly text: string } {
    return { contentType: this.contentType, text: this.text }
  }
}

/**
 * A description of what an application gave.
 * @throws UsageError where it is neither a session description nor a body with its type
 */
export function describe(body: Body | Description): Description {
  if (body instanceof Description) return body
  if ('contentType' in body) {
    const { contentType, body: content } = body
    const text = typeof content === 'string' ? toWire(content) : Buffer.from(content).latin1Slice()
    return new Description(contentType, text)
  }
  if (!('origin' in body))
    throw new UsageError(
      'ERR_SIP_DESCRIPTION',
      'a session description, or a contentType and a body, is needed',
    )
  return new Description(SDP, toWire(encodeSdp(body)))
}

/**
 * What a message offers or answers: its body where its disposition is `session`, which is the default of SDP (RFC 3261
 * §20.11). The text is a copy, so that it keeps no message alive.
 */
export function descriptionOf(message: SipMessage): Description | undefined {
  const { body } = message
  if (body.length === 0) return undefined
  const type = message.try(h.ContentType).value
  if (type === undefined) return undefined
  const disposition = message.try(h.ContentDisposition).value?.value.toLowerCase()
  const isSession =
    disposition === undefined ? isSdp(type.essence) || type.type === 'multipart' : disposition === 'session'
  return isSession ? new Description(type.toString(), body.latin1Slice()) : undefined
}

/** The body of a message, whatever it is for, with its type. A copy, which keeps no message alive. */
export function bodyOf(message: SipMessage): Description | undefined {
  if (message.body.length === 0) return undefined
  const type = message.try(h.ContentType).value
  return new Description(type?.toString() ?? OCTETS, message.body.latin1Slice())
}

function isSdp(contentType: string): boolean {
  return /^application\/sdp\s*(?:;|$)/i.test(contentType)
}
