import { UsageError } from '../../util/errors.ts'
import { noParams, type Params } from '../grammar/params.ts'
import { ParseError } from '../grammar/parse-error.ts'
import * as h from '../headers/index.ts'
import { Mime, mime } from '../headers/mime.ts'
import * as p from '../headers/params.ts'
import type { Token } from '../headers/token.ts'
import { type Identifiers, systemIdentifiers } from '../message/identifiers.ts'
import { type Content, content, contentsOf, type Entity } from './content.ts'
import { Fragment } from './fragment.ts'

/** RFC 2046 §5.1.1 */
const LONGEST_BOUNDARY = 70
const MOST_PARTS = 256
const DEEPEST = 8
const CR = 0x0d
const LF = 0x0a
const DASH = 0x2d

const textPlain = mime('text/plain')

/** One part of a multipart body: headers and a body of its own (RFC 2046 §5.1). */
export class BodyPart extends Fragment implements Entity {
  readonly defaultType: Mime = textPlain

  /** @throws ParseError where the headers are none */
  constructor(bytes: Buffer) {
    super(bytes, false)
  }

  get contentType(): Mime {
    return this.get(h.ContentType) ?? textPlain
  }

  /** What the part is for, `undefined` where it does not say (RFC 5621 §8). */
  get disposition(): Token | undefined {
    return this.get(h.ContentDisposition)
  }

  /** Whether one who does not understand this part may pass over it (RFC 3261 §20.11, RFC 5621 §8.3). */
  get isOptional(): boolean {
    return this.disposition?.param(p.handling) === 'optional'
  }

  /**
   * The part's bytes, with base64 undone.
   * @throws ParseError with status 415 where they are encoded in another way
   */
  override get body(): Buffer {
    const encoding = this.get(h.ContentTransferEncoding)?.toLowerCase() ?? 'binary'
    if (encoding === 'binary' || encoding === '8bit' || encoding === '7bit') return super.body
    if (encoding === 'base64') return Buffer.from(super.body.latin1Slice(), 'base64')
    throw new ParseError(
      'Content-Transfer-Encoding',
      `"${encoding}" is not understood here`,
      encoding,
      0,
      415,
    )
  }
}

/** A multipart body (RFC 2046 §5.1, RFC 5621). */
export class Multipart {
  /** `mixed`, `alternative`, `related` … */
  readonly subtype: string
  readonly parts: readonly BodyPart[]
  readonly boundary: string
  /** Content-Type's other parameters: `type` and `start` of multipart/related. */
  readonly params: Params

  /** @internal made by {@link multipart} and by reading a body */
  constructor(subtype: string, parts: readonly BodyPart[], boundary: string, params: Params) {
    this.subtype = subtype
    this.parts = parts
    this.boundary = boundary
    this.params = params
  }

  /** The part that `start` names by its Content-ID, else the first (RFC 2387 §3.2). */
  get root(): BodyPart | undefined {
    const start = this.params.get(p.start)?.replace(/^<|>$/g, '')
    const named = start === undefined ? undefined : this.parts.find(part => part.get(h.ContentId) === start)
    return named ?? this.parts[0]
  }
}

/** A part for {@link multipart}: `bodyPart(sdp, offer)`, with a disposition where it needs one. */
export function bodyPart<T>(content: Content<T>, value: T, disposition?: Token): BodyPart {
  const type = content.typeOf?.(value) ?? content.type
  const encoded = content.encode(value)
  let head = `Content-Type: ${type}\r\n`
  if (disposition !== undefined) head += `Content-Disposition: ${disposition}\r\n`
  return new BodyPart(Buffer.concat([Buffer.from(`${head}\r\n`), bufferOf(encoded)]))
}

/**
 * A multipart body of parts, with a boundary that none of them holds: it is random, so that they need not be searched for
 * one that would suit, and no peer can make them hold it.
 * @throws UsageError where there is no part
 */
export function multipart(
  subtype: string,
  parts: readonly BodyPart[],
  params: Params = noParams,
  ids: Identifiers = systemIdentifiers,
): Multipart {
  if (parts.length === 0) throw new UsageError('ERR_SIP_BODY', 'a multipart body needs one part at least')
  return new Multipart(subtype, parts, ids.newBoundary(), params)
}

/** multipart/mixed, /alternative, /related and every other. */
export const multiparts: Content<Multipart> = content('multipart/*', {
  parse: parseMultipart,
  encode: encodeMultipart,
  typeOf: ({ subtype, params, boundary }) =>
    new Mime('multipart', subtype, params.with(p.boundary, boundary)),
})

/**
 * The body of `entity` as a `content`, or the part of its multipart body that is one, or the part of a part: the last of
 * the alternatives (RFC 2046 §5.1.4), else the first. `undefined` where there is none.
 * @throws ParseError where a body that had to be read is malformed, or nested more than eight deep
 */
export function findContents<T>(entity: Entity, content: Content<T>): T | undefined {
  return find(entity, content, DEEPEST)
}

function find<T>(entity: Entity, content: Content<T>, deepest: number): T | undefined {
  const value = contentsOf(entity, content)
  if (value !== undefined) return value
  const body = contentsOf(entity, multiparts)
  if (body === undefined) return undefined
  if (deepest === 0)
    throw new ParseError('body', `multipart bodies nested more than ${DEEPEST} deep`, '', 0, 413)
  const parts = body.subtype === 'alternative' ? [...body.parts].reverse() : body.parts
  for (const part of parts) {
    const found = find(part, content, deepest - 1)
    if (found !== undefined) return found
  }
  return undefined
}

/** Parts between delimiter lines; what stands before the first and after the last is none (RFC 2046 §5.1.1). */
function parseMultipart(body: Buffer, type: Mime): Multipart {
  const boundary = type.param(p.boundary) ?? ''
  if (boundary === '' || boundary.length > LONGEST_BOUNDARY) {
    throw new ParseError('Content-Type', `boundary of 1 to ${LONGEST_BOUNDARY} characters expected`)
  }
  const delimiter = Buffer.from(`--${boundary}`)
  const parts: BodyPart[] = []
  let from = -1
  for (let at = body.indexOf(delimiter); at >= 0; at = body.indexOf(delimiter, at + delimiter.length)) {
    const after = at + delimiter.length
    const isLast = body[after] === DASH && body[after + 1] === DASH
    const next = isLast ? after + 2 : lineAfter(body, after)
    if (next < 0 || !startsLine(body, at)) continue
    if (from >= 0) {
      if (parts.length === MOST_PARTS)
        throw new ParseError('body', `more than ${MOST_PARTS} parts`, '', 0, 413)
      // the line end in front of a delimiter is the delimiter's
      parts.push(new BodyPart(body.subarray(from, Math.max(from, at - 2))))
    }
    from = next
    if (isLast) return new Multipart(type.subtype, parts, boundary, type.params.without('boundary'))
  }
  throw new ParseError('body', `no closing boundary "--${boundary}--"`)
}

function encodeMultipart({ parts, boundary }: Multipart): Buffer {
  const pieces: Buffer[] = []
  for (const part of parts) pieces.push(Buffer.from(`--${boundary}\r\n`), part.bytes, Buffer.from('\r\n'))
  pieces.push(Buffer.from(`--${boundary}--\r\n`))
  return Buffer.concat(pieces)
}

function startsLine(body: Buffer, at: number): boolean {
  return at === 0 || (at >= 2 && body[at - 2] === CR && body[at - 1] === LF)
}

/** Where the line after a delimiter's starts, -1 where more than blanks follows the delimiter. */
function lineAfter(body: Buffer, from: number): number {
  let at = from
  while (body[at] === 0x20 || body[at] === 0x09) at++
  return body[at] === CR && body[at + 1] === LF ? at + 2 : -1
}

function bufferOf(encoded: Uint8Array | string): Buffer {
  return typeof encoded === 'string'
    ? Buffer.from(encoded)
    : Buffer.from(encoded.buffer, encoded.byteOffset, encoded.length)
}
