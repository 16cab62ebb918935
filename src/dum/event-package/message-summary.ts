import { type Content, content } from '../../stack/contents/content.ts'
import { PeerError, UsageError } from '../../util/errors.ts'
import { eventPackage, type TypedEventPackage } from './event-package.ts'

/** How many messages of one kind there are. */
export interface MessageCount {
  /** Lower-case: `voice-message`, `fax-message`, `text-message` … (RFC 3458 §6.2). */
  readonly kind: string
  readonly new: number
  readonly old: number
  /** How many of those are urgent, where it is said. */
  readonly urgentNew?: number
  readonly urgentOld?: number
}

/** What a mailbox holds. */
export interface MessageSummary {
  readonly waiting: boolean
  /** URI of the account, `sip:alice@vmail.example.com`. */
  readonly account?: string
  readonly counts: readonly MessageCount[]
  /** Headers of new messages, a list for each: `Subject`, `From` … */
  readonly messages: readonly (readonly (readonly [name: string, value: string])[])[]
}

/** application/simple-message-summary (RFC 3842 §5.2). */
export const simpleMessageSummary: Content<MessageSummary> = content('application/simple-message-summary', {
  parse: body => parse(body.utf8Slice()),
  encode,
})

/** The package `message-summary`: message waiting indication (RFC 3842). */
export const messageSummary: TypedEventPackage<MessageSummary> = eventPackage(
  'message-summary',
  simpleMessageSummary,
)

const COUNT = /^(\d{1,10})\s*\/\s*(\d{1,10})\s*(?:\(\s*(\d{1,10})\s*\/\s*(\d{1,10})\s*\))?$/

function parse(text: string): MessageSummary {
  const [first = '', ...others] = text
    .replace(/\r?\n[ \t]+/g, ' ')
    .trim()
    .split(/(?:\r?\n){2,}/)
  const [status, ...rest] = first.split(/\r?\n/).map(lineOf)
  if (status === undefined || status[0].toLowerCase() !== 'messages-waiting')
    throw new PeerError('ERR_SIP_MESSAGE_SUMMARY', 'it does not begin with Messages-Waiting', 400)
  const account = rest.find(([name]) => name.toLowerCase() === 'message-account')?.[1]
  const counts = rest.filter(([name]) => name.toLowerCase() !== 'message-account').map(countOf)
  const messages = others.map(lines => lines.split(/\r?\n/).map(lineOf))
  const waiting = status[1].toLowerCase() === 'yes'
  return { waiting, ...(account !== undefined && { account }), counts, messages }
}

function lineOf(line: string): readonly [string, string] {
  const colon = line.indexOf(':')
  if (colon <= 0) throw new PeerError('ERR_SIP_MESSAGE_SUMMARY', 'a line without a colon', 400)
  return [line.slice(0, colon).trim(), line.slice(colon + 1).trim()]
}

function countOf([kind, text]: readonly [string, string]): MessageCount {
  const found = COUNT.exec(text)
  if (found === null) throw new PeerError('ERR_SIP_MESSAGE_SUMMARY', 'a count is not understood', 400)
  const [, fresh, old, urgentNew, urgentOld] = found
  return {
    kind: kind.toLowerCase(),
    new: Number(fresh),
    old: Number(old),
    ...(urgentNew !== undefined && { urgentNew: Number(urgentNew) }),
    ...(urgentOld !== undefined && { urgentOld: Number(urgentOld) }),
  }
}

function encode({ waiting, account, counts, messages }: MessageSummary): string {
  const lines = [`Messages-Waiting: ${waiting ? 'yes' : 'no'}`]
  if (account !== undefined) lines.push(`Message-Account: ${account}`)
  for (const count of counts) lines.push(`${capitalised(count.kind)}: ${countText(count)}`)
  for (const headers of messages) lines.push('', ...headers.map(([name, value]) => `${name}: ${value}`))
  if (lines.some(line => /[\r\n]/.test(line)))
    throw new UsageError('ERR_SIP_MESSAGE_SUMMARY', 'a value of a message summary holds a line end')
  return `${lines.join('\r\n')}\r\n`
}

function countText({ new: fresh, old, urgentNew, urgentOld }: MessageCount): string {
  if (urgentNew === undefined && urgentOld === undefined) return `${fresh}/${old}`
  return `${fresh}/${old} (${urgentNew ?? 0}/${urgentOld ?? 0})`
}

function capitalised(kind: string): string {
  return kind.replace(/(^|-)[a-z]/g, letter => letter.toUpperCase())
}
