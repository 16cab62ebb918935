import { fromWire, toWire } from '../../util/bytes.ts'
import { UsageError } from '../../util/errors.ts'
import type { Header } from '../grammar/header.ts'
import { NameAddr } from '../grammar/name-addr.ts'
import { EXTENSION } from '../grammar/names.ts'
import type { Uri } from '../grammar/uri.ts'
import { Contact, ContentLength, RecordRoute } from '../headers/index.ts'
import { elementEnd, elementStart } from './elements.ts'
import type { Head } from './head.ts'
import type { HeaderEdit, MessageTemplate } from './template.ts'

/** What differs from one sending of a template to the next. */
export interface Hop {
  /** Value of the Via to put on top; `''` for none, as in a response. */
  readonly via: string
  /** Fills in a URI whose host was left empty: Contact and Record-Route. */
  localUri(uri: Uri): Uri
}

/**
 * A template as wire text, one character a byte, body included. Lines of the message it was made from that nobody
 * changed go out byte for byte. Content-Length is always right.
 * @throws UsageError where a value that the application set holds CR, LF or NUL
 */
export function encode(template: MessageTemplate, hop?: Hop): string {
  const { base } = template
  let out = template.isRequest ? requestLine(template) : statusLine(template)
  if (hop !== undefined && hop.via !== '') out += `Via: ${hop.via}\r\n`
  if (base !== undefined) out += baseLines(template, base.head, hop)
  for (const edit of template.edits) {
    if (base === undefined || !isWritten(template, base.head, edit)) {
      out += valueLines(edit.header, edit.replaced ?? edit.before, hop)
    }
  }
  const body = template.body
  if (template.hasOwnBody || base?.hasContentLength !== true) out += `Content-Length: ${body.length}\r\n`
  out += '\r\n'
  return body.length === 0 ? out : out + body.latin1Slice()
}

function requestLine(template: MessageTemplate & { readonly isRequest: true }): string {
  const { base, changedRequestUri, method } = template
  if (changedRequestUri === undefined && base?.head.isRequest === true) {
    const { head } = base
    return head.text.slice(head.startLineStart, head.linesStart)
  }
  return `${safe(method, 'method')} ${safe(template.requestUri.toString(), 'Request-URI')} SIP/2.0\r\n`
}

function statusLine(template: MessageTemplate & { readonly isResponse: true }): string {
  const { base, status, reason } = template
  if (status === 200 && reason === 'OK') return 'SIP/2.0 200 OK\r\n'
  if (base?.head.status === status && fromWire(base.head.subject) === reason) {
    const { head } = base
    return head.text.slice(head.startLineStart, head.linesStart)
  }
  return `SIP/2.0 ${status} ${safe(reason, 'reason phrase')}\r\n`
}

/** The base's lines in their order: runs of untouched ones as one slice, edited ones where they stood. */
function baseLines(template: MessageTemplate, head: Head, hop: Hop | undefined): string {
  const { taken } = template
  const ownLength = template.hasOwnBody ? ContentLength.id : -1
  const count = head.lineCount
  let out = ''
  let run = -1
  // of the header that loses several values, how many stood on the lines that were passed
  let counted: HeaderEdit | undefined
  let passed = 0
  for (let line = 0; line < count; line++) {
    const id = head.idAt(line)
    const edit = editOf(template, head, line)
    const goesOut = (taken === undefined || taken[id] === 1) && id !== ownLength
    if (goesOut && edit === undefined) {
      if (run < 0) run = head.lineStart(line)
      continue
    }
    if (run >= 0) out += head.text.slice(run, head.lineStart(line))
    run = -1
    if (!goesOut || edit === undefined) continue
    if (edit.dropped > 0 && edit.replaced === undefined && counted !== edit) {
      counted = edit
      passed = valuesBefore(edit, head, line)
    }
    out += editedLine(edit, head, line, passed, hop)
    if (counted === edit && passed < edit.dropped)
      passed += countElements(head.text, head.valueStart(line), head.lineEnd(line), edit.dropped - passed)
  }
  if (run >= 0) out += head.text.slice(run, head.end - 2)
  return out
}

function editOf(template: MessageTemplate, head: Head, line: number): HeaderEdit | undefined {
  for (const edit of template.edits) if (isLineOf(head, line, edit.header)) return edit
  return undefined
}

function isLineOf(head: Head, line: number, header: Header<unknown>): boolean {
  return head.idAt(line) === header.id && (header.id !== EXTENSION || head.isNamed(line, header.name))
}

/** Whether an edit went out in the place of the base's lines. */
function isWritten(template: MessageTemplate, head: Head, edit: HeaderEdit): boolean {
  if (template.taken !== undefined && template.taken[edit.header.id] !== 1) return false
  return head.find(edit.header.id, edit.header.name) >= 0
}

/** `passed` of the values that are dropped stand on the lines above. */
function editedLine(
  edit: HeaderEdit,
  head: Head,
  line: number,
  passed: number,
  hop: Hop | undefined,
): string {
  const { header } = edit
  const isFirst = head.find(header.id, header.name) === line
  if (edit.replaced !== undefined) return isFirst ? valueLines(header, edit.replaced, hop) : ''
  const out = isFirst ? valueLines(header, edit.before, hop) : ''
  const start = head.valueStart(line)
  const end = head.lineEnd(line)
  const dropped = edit.dropped === 0 ? 0 : edit.dropped - passed
  if (dropped <= 0)
    return `${out}${head.text.slice(head.lineStart(line), end)}${isFirst ? edit.suffix : ''}\r\n`
  const rest = afterElements(head.text, start, end, dropped)
  return rest < 0 ? out : `${out}${header.name}: ${head.text.slice(rest, end)}\r\n`
}

/** How many values stand on the lines above `line`, counted up to as many as are dropped. */
function valuesBefore(edit: HeaderEdit, head: Head, line: number): number {
  const { header, dropped } = edit
  let count = 0
  for (
    let at = head.find(header.id, header.name);
    at < line && count < dropped;
    at = head.find(header.id, header.name, at + 1)
  ) {
    count += countElements(head.text, head.valueStart(at), head.lineEnd(at), dropped)
  }
  return count
}

function valueLines(header: Header<unknown>, values: readonly unknown[], hop: Hop | undefined): string {
  if (values.length === 0) return ''
  if (header.isListed)
    return `${header.name}: ${values.map(value => valueText(header, value, hop)).join(', ')}\r\n`
  let out = ''
  for (const value of values) out += `${header.name}: ${valueText(header, value, hop)}\r\n`
  return out
}

function valueText(header: Header<unknown>, value: unknown, hop: Hop | undefined): string {
  const empty = value instanceof NameAddr && value.uri.host === '' && value.uri.isSip
  if (empty && hop !== undefined && (header === Contact || header === RecordRoute)) {
    return safe(header.encode(value.with({ uri: hop.localUri(value.uri) })), header.name)
  }
  return safe(header.encode(value), header.name)
}

/** Wire text of a value, refused where it would break out of its line. */
function safe(text: string, what: string): string {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === 0x0d || code === 0x0a || code === 0) {
      throw new UsageError('ERR_SIP_VALUE', `${what}: the value holds CR, LF or NUL at ${i}; take it out`)
    }
    if (code > 0x7e) return safe(text.slice(0, i), what) + toWire(safeRest(text, i, what))
  }
  return text
}

function safeRest(text: string, from: number, what: string): string {
  const at = text.slice(from).search(/[\r\n\0]/)
  if (at >= 0)
    throw new UsageError(
      'ERR_SIP_VALUE',
      `${what}: the value holds CR, LF or NUL at ${from + at}; take it out`,
    )
  return text.slice(from)
}

/** Where the first element of a list after `count` others starts, -1 where there is none. */
function afterElements(text: string, start: number, end: number, count: number): number {
  let at = elementStart(text, start, end)
  for (let passed = 0; passed < count && at < end; passed++) {
    at = elementStart(text, elementEnd(text, at, end), end)
  }
  return at < end ? at : -1
}

function countElements(text: string, start: number, end: number, atMost: number): number {
  let count = 0
  let at = elementStart(text, start, end)
  for (; at < end && count < atMost; count++) at = elementStart(text, elementEnd(text, at, end), end)
  return count
}
