import { toWire } from '../../util/bytes.ts'
import type { Method } from '../grammar/method.ts'
import { ParseError } from '../grammar/parse-error.ts'
import type { Uri } from '../grammar/uri.ts'
import { parseMessage, type SipMessage, SipRequest, SipResponse } from '../message/message.ts'
import { reasonPhrase } from '../message/status.ts'
import { type Content, content } from './content.ts'
import { Fragment } from './fragment.ts'

/** A piece of a SIP message (RFC 3420): a start line, headers and a body, each of which may be missing. */
export class SipFrag extends Fragment {
  readonly hasStartLine: boolean

  /** @throws ParseError where it is no piece of a message */
  constructor(bytes: Buffer) {
    const hasStartLine = startsMessage(bytes)
    super(bytes, hasStartLine)
    this.hasStartLine = hasStartLine
  }

  /** Status code of a status line, `undefined` where there is none. */
  get status(): number | undefined {
    return this.#response?.status
  }

  get reason(): string | undefined {
    return this.#response?.reason
  }

  get method(): Method | undefined {
    return this.#request?.method
  }

  /** @throws ParseError where it is malformed */
  get requestUri(): Uri | undefined {
    return this.#request?.requestUri
  }

  get #response(): SipResponse | undefined {
    return this.hasStartLine && this.message instanceof SipResponse ? this.message : undefined
  }

  get #request(): SipRequest | undefined {
    return this.hasStartLine && this.message instanceof SipRequest ? this.message : undefined
  }
}

/** A sipfrag of a status line alone, as a NOTIFY brings it after a REFER (RFC 3515 §2.4.5). */
export function statusFrag(status: number, reason: string = reasonPhrase(status)): SipFrag {
  return new SipFrag(Buffer.from(`SIP/2.0 ${status} ${toWire(reason)}\r\n`, 'latin1'))
}

/** message/sipfrag. */
export const sipfrag: Content<SipFrag> = content('message/sipfrag', {
  parse: body => new SipFrag(body),
  encode: value => value.bytes,
})

/** message/sip: a whole message in the body of another (RFC 3261 §23.4). */
export const sipMessage: Content<SipMessage> = content('message/sip', {
  parse: body => {
    const message = parseMessage(body)
    if (message instanceof ParseError) throw message
    return message
  },
  encode: value => value.bytes,
})

/** Whether a fragment's first line is a start line: a header line has its colon right after its name. */
function startsMessage(bytes: Buffer): boolean {
  const end = bytes.indexOf('\r\n', 0, 'latin1')
  const line = bytes.latin1Slice(0, end < 0 ? bytes.length : end)
  return line.startsWith('SIP/') || / SIP\/\d+\.\d+$/i.test(line.slice(-20))
}
