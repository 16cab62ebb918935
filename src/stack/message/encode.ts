import { fromWire } from '../../util/bytes.ts'
import type { Header } from '../grammar/header.ts'
import { NameAddr } from '../grammar/name-addr.ts'
import { EXTENSION } from '../grammar/names.ts'
import type { Uri } from '../grammar/uri.ts'
import { Contact, ContentLength, RecordRoute } from '../headers/index.ts'
import type { HeaderBlock } from './block.ts'
import type { HeaderEdit } from './edit.ts'
import { elementStart } from './elements.ts'
import type { Head } from './head.ts'
import type { MessageTemplate } from './template.ts'
import { lineText, WireValue } from './wire-value.ts'

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
  for (const edit of template.edits) out += appendedLines(template, edit, hop)
  for (const block of template.blocks) out += blockLines(template, block)
  const body = template.body
  if (template.hasOwnBody || base?.hasContentLength !== true) out += `Content-Length: ${body.length}\r\n`
  out += '\r\n'
  return body.length === 0 ? out : out + body.latin1Slice()
}

/**
 * The lines of one header as {@link encode} writes them, byte for byte where nobody changed them: nothing of them is
 * parsed, so that what the wire brought cannot fail here.
 */
export function linesOf(template: MessageTemplate, header: Header<unknown>): string {
  const { base } = template
  let out = ''
  if (base !== undefined && takes(template, header.id))
    out += headLines(base.head, header, editIn(template, header))
  for (const edit of template.edits)
    if (isSame(edit.header, header)) out += appendedLines(template, edit, undefined)
  for (const { head } of template.blocks)
    if (editIn(template, header) === undefined) out += headLines(head, header)
  return out
}

/** The lines of one header in a head, with an edit where there is one. */
export function headLines(head: Head, header: Header<unknown>, edit?: HeaderEdit): string {
  let out = ''
  for (
    let line = head.find(header.id, header.name);
    line >= 0;
    line = head.find(header.id, header.name, line + 1)
  ) {
    out +=
      edit === undefined
        ? head.text.slice(head.lineStart(line), head.lineEnd(line) + 2)
        : editedLine(edit, head, line, undefined)
  }
  return out
}

/** Values as header lines, to be put into a header block: `headerLines(h.Allow, 'INVITE', 'ACK')`. */
export function headerLines<T>(header: Header<T>, ...values: readonly T[]): string {
  return valueLines(header, values, undefined)
}

function requestLine(template: MessageTemplate & { readonly isRequest: true }): string {
  const { base, method } = template
  if (!template.hasOwnRequestUri && base?.head.isRequest === true) {
    const { head } = base
    return head.text.slice(head.startLineStart, head.linesStart)
  }
  return `${lineText(method, 'method')} ${template.requestUriText} SIP/2.0\r\n`
}

function statusLine(template: MessageTemplate & { readonly isResponse: true }): string {
  const { base, status, reason } = template
  if (status === 200 && reason === 'OK') return 'SIP/2.0 200 OK\r\n'
  if (base?.head.status === status && fromWire(base.head.subject) === reason) {
    const { head } = base
    return head.text.slice(head.startLineStart, head.linesStart)
  }
  return `SIP/2.0 ${status} ${lineText(reason, 'reason phrase')}\r\n`
}

/** The base's lines in their order: runs of untouched ones as one slice, edited ones where they stood. */
function baseLines(template: MessageTemplate, head: Head, hop: Hop | undefined): string {
  const { taken } = template
  const ownLength = template.hasOwnBody ? ContentLength.id : -1
  const count = head.lineCount
  let out = ''
  let run = -1
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
    if (goesOut && edit !== undefined) out += editedLine(edit, head, line, hop)
  }
  if (run >= 0) out += head.text.slice(run, head.end - 2)
  return out
}

function takes(template: MessageTemplate, id: number): boolean {
  return template.taken === undefined || template.taken[id] === 1
}

/** The edit of a line. Content-Length is the body's, whatever was set. */
function editOf(template: MessageTemplate, head: Head, line: number): HeaderEdit | undefined {
  for (const edit of template.edits)
    if (isLineOf(head, line, edit.header)) return edit.header.id === ContentLength.id ? undefined : edit
  return undefined
}

function editIn(template: MessageTemplate, header: Header<unknown>): HeaderEdit | undefined {
  return template.edits.find(edit => isSame(edit.header, header))
}

function isSame(one: Header<unknown>, other: Header<unknown>): boolean {
  return one.id === other.id && one.key === other.key
}

function isLineOf(head: Head, line: number, header: Header<unknown>): boolean {
  return head.idAt(line) === header.id && (header.id !== EXTENSION || head.isNamed(line, header.name))
}

/** What an edit puts behind the base's lines: all of it, unless it went out in their place. */
function appendedLines(template: MessageTemplate, edit: HeaderEdit, hop: Hop | undefined): string {
  const { header } = edit
  if (header.id === ContentLength.id) return ''
  const head = takes(template, header.id) ? template.base?.head : undefined
  if (head !== undefined && head.find(header.id, header.name) >= 0) return ''
  return valueLines(header, edit.replaced ?? edit.before, hop)
}

/** A block as one text, but for the headers that were changed after it was put in. */
function blockLines(template: MessageTemplate, block: HeaderBlock): string {
  if (!template.edits.some(edit => block.has(edit.header))) return block.text
  const { head } = block
  let out = ''
  for (let line = 0; line < head.lineCount; line++) {
    if (editOf(template, head, line) === undefined)
      out += head.text.slice(head.lineStart(line), head.lineEnd(line) + 2)
  }
  return out
}

function editedLine(edit: HeaderEdit, head: Head, line: number, hop: Hop | undefined): string {
  const { header } = edit
  const isFirst = head.find(header.id, header.name) === line
  if (edit.replaced !== undefined) return isFirst ? valueLines(header, edit.replaced, hop) : ''
  const out = isFirst ? valueLines(header, edit.before, hop) : ''
  if (edit.at !== 0 && line < edit.line) return out
  const end = head.lineEnd(line)
  if (
    edit.at !== 0 &&
    line === edit.line &&
    edit.at > elementStart(head.text, head.valueStart(line), end, header.hasCommas)
  )
    return `${out}${header.name}: ${head.text.slice(edit.at, end)}\r\n`
  return `${out}${head.text.slice(head.lineStart(line), end)}${isFirst ? edit.suffix : ''}\r\n`
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
  if (value instanceof WireValue) return value.text
  const empty = value instanceof NameAddr && value.uri.host === '' && value.uri.isSip
  if (empty && hop !== undefined && (header === Contact || header === RecordRoute)) {
    return lineText(header.encode(value.with({ uri: hop.localUri(value.uri) })), header.name)
  }
  return lineText(header.encode(value), header.name)
}
