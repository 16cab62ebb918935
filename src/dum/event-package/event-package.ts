import type { Content } from '../../stack/contents/content.ts'
import * as h from '../../stack/headers/index.ts'
import { mime } from '../../stack/headers/mime.ts'
import type { SipMessage, SipRequest } from '../../stack/message/message.ts'
import { Description } from '../core/description.ts'

/**
 * What can be watched, or published (RFC 6665 §5, §7.2). The bodies of a package are octets with a type unless it says how
 * they are read.
 */
export interface EventPackage {
  /** With its templates: `presence.winfo`. */
  readonly name: string
  /** Media types that a body may have; none for any. */
  readonly accepts: readonly string[]
}

/** A package whose bodies are read and written. */
export interface TypedEventPackage<T> extends EventPackage {
  readonly content: Content<T>
}

/** A package by its name alone, or as it is given. */
export function packageOf(event: EventPackage | string): EventPackage {
  return typeof event === 'string' ? { name: event, accepts: [] } : event
}

/** A package with one kind of body: `eventPackage('message-summary', …)`. */
export function eventPackage<T>(name: string, content: Content<T>): TypedEventPackage<T> {
  return { name, accepts: [content.type.essence], content }
}

/** A body of a package, to be published or given as a state. */
export function stateOf<T>({ content }: TypedEventPackage<T>, value: T): Description {
  const encoded = content.encode(value)
  const octets = typeof encoded === 'string' ? Buffer.from(encoded) : Buffer.from(encoded)
  return new Description((content.typeOf?.(value) ?? content.type).toString(), octets.latin1Slice())
}

/** Event of a message, compared byte by byte (RFC 6665 §8.2.1). */
export function isOfEvent(message: SipMessage, event: string, id: string | undefined): boolean {
  const value = message.try(h.Event).value
  return value !== undefined && value.package === event && value.id === id
}

/** Whether a body of this message is one of the package's; a message without body is. */
export function takesBody({ accepts }: EventPackage, message: SipMessage): boolean {
  if (message.body.length === 0 || accepts.length === 0) return true
  const type = message.try(h.ContentType).value?.essence
  return type !== undefined && accepts.some(range => covers(range, type))
}

/** Whether who sent the request takes one of the package's bodies (RFC 6665 §4.1.2.1): where it says nothing, it does. */
export function isAcceptable({ accepts }: EventPackage, request: SipRequest): boolean {
  if (accepts.length === 0 || !request.has(h.Accept)) return true
  const ranges = request.tryAll(h.Accept).value ?? []
  return accepts.some(type => ranges.some(range => covers(range.essence, mime(type).essence)))
}

function covers(range: string, type: string): boolean {
  const lower = range.toLowerCase()
  if (lower === '*/*' || lower === type) return true
  return lower.endsWith('/*') && type.startsWith(lower.slice(0, -1))
}
