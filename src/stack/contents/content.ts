import { PeerError } from '../../util/errors.ts'
import { ParseError } from '../grammar/parse-error.ts'
import * as h from '../headers/index.ts'
import { type Mime, mime } from '../headers/mime.ts'
import type { HeaderReader } from '../message/reader.ts'
import type { MessageTemplate } from '../message/template.ts'

/** How a body of one media type is read and written. */
export interface ContentGrammar<T> {
  /**
   * Reads a body; `type` is its Content-Type with all parameters.
   * @throws PeerError, a ParseError for one, where it is malformed
   */
  parse(body: Buffer, type: Mime): T
  /** Text is written as UTF-8. */
  encode(value: T): Uint8Array | string
  /** Content-Type of a value, where it is more than the content's own. */
  typeOf?(value: T): Mime
}

/** A typed body: the token that {@link contentsOf} and {@link setContents} take. Made by {@link content}. */
export interface Content<T> extends ContentGrammar<T> {
  /** Media type; its subtype is `*` where the content reads all of a type. */
  readonly type: Mime
}

/** What has a body: a received message, a template, a part of a multipart body. */
export interface Entity extends HeaderReader {
  readonly body: Buffer
  /** What the body is where Content-Type does not say. */
  readonly defaultType?: Mime
}

/**
 * Makes a content of one's own, which is as good as the built-in ones:
 * `content('application/x-billing', { parse: bytes => String(bytes), encode: text => text })`.
 * @throws ParseError where `type` is no media type
 */
export function content<T>(type: string, grammar: ContentGrammar<T>): Content<T> {
  return { ...grammar, type: mime(type) }
}

/**
 * The body of `entity` as a `content`, `undefined` where there is no body or it is of another type. Parts of multipart
 * bodies are not searched: see `findContents`.
 * @throws ParseError with status 415 where the body is compressed, 400 where it is malformed or its type is not said
 */
export function contentsOf<T>(entity: Entity, content: Content<T>): T | undefined {
  const type = typeOf(entity)
  if (type === undefined || !reads(content, type)) return undefined
  for (const encoding of entity.all(h.ContentEncoding)) {
    if (encoding.toLowerCase() !== 'identity') {
      throw new ParseError('Content-Encoding', `"${encoding}" is not understood here`, encoding, 0, 415)
    }
  }
  try {
    return content.parse(entity.body, type)
  } catch (error) {
    if (error instanceof PeerError && !(error instanceof ParseError)) {
      throw new ParseError(type.essence, error.message, '', 0, error.status)
    }
    throw error
  }
}

/** Sets body and Content-Type of a message that is being made. */
export function setContents<T>(template: MessageTemplate, content: Content<T>, value: T): void {
  template.setBody(content.typeOf?.(value) ?? content.type, content.encode(value))
}

/** Content-Type of an entity that has a body. */
function typeOf(entity: Entity): Mime | undefined {
  if (entity.body.length === 0) return undefined
  const type = entity.get(h.ContentType) ?? entity.defaultType
  if (type === undefined) throw new ParseError('Content-Type', 'is missing where there is a body')
  return type
}

function reads(content: Content<unknown>, type: Mime): boolean {
  return (
    content.type.type === type.type && (content.type.subtype === '*' || content.type.subtype === type.subtype)
  )
}
