import type { Method } from '../../stack/grammar/method.ts'
import type { Uri } from '../../stack/grammar/uri.ts'
import * as h from '../../stack/headers/index.ts'
import { HeaderBlock } from '../../stack/message/block.ts'
import { elementTexts } from '../../stack/message/elements.ts'
import { headLines, linesOf } from '../../stack/message/encode.ts'
import type { Flow } from '../../stack/message/flow.ts'
import type { SipMessage, SipRequest, SipResponse } from '../../stack/message/message.ts'
import { RequestTemplate } from '../../stack/message/template.ts'
import { flatCopy } from '../../util/bytes.ts'
import { PeerError } from '../../util/errors.ts'

/** A dialog as text and numbers (RFC 3261 §12): what is kept of it, saved and restored. */
export interface DialogState {
  readonly callId: string
  readonly localTag: string
  readonly remoteTag: string
  /** Our From, or To, as it goes out: `"Alice" <sip:alice@example.com>;tag=a1`. Wire text, as all of these. */
  readonly local: string
  readonly remote: string
  /** The peer's Contact URI; `''` where it never told one. */
  readonly remoteTarget: string
  /** `<sip:p1;lr>, <sip:p2;lr>`; `''` for none. */
  readonly routeSet: string
  readonly secure: boolean
  /** CSeq number of our last request; 0 before the first. */
  readonly localSeq: number
  /** CSeq number of the peer's last request; -1 before the first. */
  readonly remoteSeq: number
}

/** One dialog. Nothing parsed and no message outlives the act that needed it. */
export class Dialog implements DialogState {
  readonly callId: string
  readonly localTag: string
  readonly remoteTag: string
  readonly local: string
  readonly remote: string
  remoteTarget: string
  routeSet: string
  readonly secure: boolean
  localSeq: number
  remoteSeq: number
  /** What the peer was last heard on; see path.ts for when it is used. */
  flow: Flow | undefined

  constructor(state: DialogState) {
    this.callId = state.callId
    this.localTag = state.localTag
    this.remoteTag = state.remoteTag
    this.local = state.local
    this.remote = state.remote
    this.remoteTarget = state.remoteTarget
    this.routeSet = state.routeSet
    this.secure = state.secure
    this.localSeq = state.localSeq
    this.remoteSeq = state.remoteSeq
  }

  /** The next number for a request of ours; it only grows (§12.2.1.1). */
  nextSeq(): number {
    return ++this.localSeq
  }

  /** A request of ours in this dialog, without a Contact, with the next CSeq number or, for ACK, the INVITE's. */
  request(method: Method, cseq: number = this.nextSeq()): RequestTemplate {
    const route = this.routeSet === '' ? '' : `Route: ${this.routeSet}\r\n`
    const lines = `Max-Forwards: 70\r\n${route}From: ${this.local}\r\nTo: ${this.remote}\r\nCall-ID: ${this.callId}\r\nCSeq: ${cseq} ${method}\r\n`
    return RequestTemplate.toText(method, this.remoteTarget).appendBlock(new HeaderBlock(lines))
  }

  /**
   * Whether a request of the peer's is in order (§12.2.2): a lower CSeq number than one before is answered 500 and
   * changes nothing. ACK and CANCEL bear the number of their INVITE.
   */
  takesSeq(request: SipRequest): boolean {
    const { number } = request.cseq
    if (number < this.remoteSeq) return false
    this.remoteSeq = number
    return true
  }

  /** Takes over a new remote target, where a message brings one (§12.2.1.2, RFC 6141 §4.6). Answers whether it changed. */
  refreshTarget(message: SipMessage): boolean {
    const target = contactOf(message)
    if (target === undefined || target === this.remoteTarget) return false
    this.remoteTarget = target
    return true
  }

  /** The route set anew, of a 2xx that confirms what a 1xx began (§13.2.2.4). */
  confirmRoutes(response: SipResponse): void {
    this.routeSet = routesOf(response, true)
  }

  /** A copy that can be saved. */
  state(): DialogState {
    const {
      callId,
      localTag,
      remoteTag,
      local,
      remote,
      remoteTarget,
      routeSet,
      secure,
      localSeq,
      remoteSeq,
    } = this
    return { callId, localTag, remoteTag, local, remote, remoteTarget, routeSet, secure, localSeq, remoteSeq }
  }
}

/** The dialog that our answer to `request`, with this tag, makes (§12.1.1). */
export function uasDialog(request: SipRequest, localTag: string): Dialog {
  const to = lineValue(headLines(request.head, h.To))
  const dialog = new Dialog({
    callId: flatCopy(request.callId),
    localTag,
    remoteTag: flatCopy(request.from.tag ?? ''),
    local: request.to.tag === undefined ? `${to};tag=${localTag}` : to,
    remote: lineValue(headLines(request.head, h.From)),
    remoteTarget: contactOf(request) ?? '',
    routeSet: routesOf(request, false),
    secure: request.requestUri.secure && isSecured(request.source),
    localSeq: 0,
    remoteSeq: request.cseq.number,
  })
  dialog.flow = request.source
  return dialog
}

/** The dialog that a response to our request makes (§12.1.2); its To must have a tag. */
export function uacDialog(sent: RequestTemplate, response: SipResponse): Dialog {
  const dialog = new Dialog({
    callId: flatCopy(response.callId),
    localTag: flatCopy(response.from.tag ?? ''),
    remoteTag: flatCopy(response.to.tag ?? ''),
    local: lineValue(linesOf(sent, h.From)),
    remote: lineValue(headLines(response.head, h.To)),
    // without Contact, which it had to have, where the request went is the best that is known
    remoteTarget: contactOf(response) ?? flatCopy(asTarget(sent.requestUri).toString()),
    routeSet: routesOf(response, true),
    secure: sent.requestUri.secure,
    localSeq: response.cseq.number,
    remoteSeq: -1,
  })
  dialog.flow = response.source
  return dialog
}

/**
 * The dialog that a NOTIFY makes for who sent the SUBSCRIBE (RFC 6665 §4.4.1).
 * @throws PeerError where the NOTIFY has no Contact
 */
export function notifierDialog(subscribe: RequestTemplate, notify: SipRequest): Dialog {
  const dialog = uasDialog(notify, notify.to.tag ?? '')
  if (dialog.remoteTarget === '')
    throw new PeerError('ERR_SIP_CONTACT', 'a NOTIFY without Contact makes no dialog', 400)
  dialog.localSeq = subscribe.cseq.number
  return dialog
}

/** The URI of a Contact, as it goes into a Request-URI: without headers (§19.1.5) and without `method`. */
function contactOf(message: SipMessage): string | undefined {
  const contact = message.try(h.Contact).value
  if (contact === undefined || contact.isWildcard) return undefined
  return flatCopy(asTarget(contact.uri).toString())
}

function asTarget(uri: Uri): Uri {
  return uri.headers === '' ? uri : uri.with({ headers: '' })
}

function routesOf(message: SipMessage, reversed: boolean): string {
  const routes = elementTexts(message.head, h.RecordRoute)
  if (routes.length === 0) return ''
  return flatCopy((reversed ? routes.reverse() : routes).join(', '))
}

/** The value of one header line, cut out of it and unfolded. */
function lineValue(line: string): string {
  const colon = line.indexOf(':')
  return flatCopy(
    line
      .slice(colon + 1)
      .replace(/\r\n[ \t]+/g, ' ')
      .trim(),
  )
}

function isSecured(source: Flow | undefined): boolean {
  return source?.protocol === 'TLS' || source?.protocol === 'WSS'
}
