import { wireText } from '../../src/stack/grammar/scanner.ts'
import {
  type Content,
  contentsOf,
  findContents,
  type Header,
  h,
  multiparts,
  ParseError,
  parseMessage,
  plainText,
  ResponseTemplate,
  type SipMessage,
  sameUri,
  sdp,
  sipfrag,
  validate,
} from '../../src/stack/index.ts'
import { encode } from '../../src/stack/message/encode.ts'
import { seededRandom, Tokens } from '../../src/util/random.ts'
import { tortureMessages } from '../rfc/torture-messages.ts'
import { richMessage } from './rich-message.ts'

const headers: readonly Header<unknown>[] = Object.values(h)
const seeds: readonly Buffer[] = [
  ...Array<string>(20).fill(richMessage),
  ...tortureMessages.map(({ text }) => text),
].map(text => Buffer.from(text, 'latin1'))
/** What grammar turns on: a mutation puts one of these in far more often than chance would. */
const splices = [
  '\r\n',
  '\r\n ',
  '\r\n\r\n',
  ' ',
  '"',
  '\\',
  '<',
  '>',
  ';',
  ',',
  ':',
  '=',
  '%',
  '@',
  '(',
  '[',
  '\0',
  '\xff',
]

/** What came of a run; `read` counts messages that were valid in spite of it all. */
export interface FuzzResult {
  readonly count: number
  readonly framed: number
  readonly read: number
}

/**
 * Mutates messages, the same ones for the same seed, and reads all that can be read of them. Only ParseErrors may come
 * of it, and what is read must survive being written.
 * @throws Error with the message in base64, where anything else happens
 */
export function fuzzMessages(count: number, seed: number): FuzzResult {
  const random = new Tokens(seededRandom(seed))
  let framed = 0
  let read = 0
  for (let n = 0; n < count; n++) {
    const bytes = mutated(random)
    try {
      const message = parseMessage(bytes)
      if (message instanceof ParseError) continue
      framed++
      if (validate(message) === undefined) {
        read++
        readMandatory(message)
      }
      readAll(message)
    } catch (error) {
      throw new Error(`fuzz seed ${seed}, message ${n}: ${bytes.toString('base64')}`, { cause: error })
    }
  }
  return { count, framed, read }
}

/** One of the seeds after one to four changes: bytes flipped, cut, doubled, spliced in, or taken from another seed. */
function mutated(random: Tokens): Buffer {
  let bytes = Buffer.from(pick(random, seeds))
  for (let changes = 1 + random.below(4); changes > 0; changes--) {
    const at = random.below(bytes.length + 1)
    const end = Math.min(bytes.length, at + 1 + random.below(1 + random.below(40)))
    const [before, part, after] = [bytes.subarray(0, at), bytes.subarray(at, end), bytes.subarray(end)]
    switch (random.below(6)) {
      case 0:
        if (at < bytes.length) bytes[at] = random.byte()
        break
      case 1:
        bytes = Buffer.concat([before, after])
        break
      case 2:
        bytes = Buffer.concat([before, part, part, after])
        break
      case 3:
        bytes = Buffer.concat([before, Buffer.from(pick(random, splices), 'latin1'), part, after])
        break
      case 4: {
        const other = pick(random, seeds)
        const from = random.below(other.length)
        bytes = Buffer.concat([before, other.subarray(from, from + random.below(80)), after])
        break
      }
      default:
        bytes = Buffer.concat([
          before,
          Buffer.from(pick(random, splices).repeat(1 + random.below(20)), 'latin1'),
          after,
        ])
    }
  }
  return bytes
}

function pick<T>(random: Tokens, values: readonly T[]): T {
  const value = values[random.below(values.length)]
  if (value === undefined) throw new Error('nothing to pick from')
  return value
}

/** What cannot throw after validation. */
function readMandatory(message: SipMessage): void {
  const { via, from, to, callId, cseq } = message
  const texts = [via.branch, via.received, via.rport, from.tag, to.tag, callId, cseq.method, message.method]
  if (message.isRequest) texts.push(message.requestUri.user, String(sameUri(message.requestUri, to.uri)))
  sameUri(from.uri, to.uri)
  if (texts.length < 8) throw new Error('a getter is missing')
  const sent = encode(message.forward())
  const again = parseMessage(Buffer.from(sent, 'latin1'))
  if (again instanceof ParseError || encode(again.forward()) !== sent)
    throw new Error('what was sent is not what was read')
}

function readAll(message: SipMessage): void {
  for (const header of headers) if (message.has(header)) readHeader(message, header)
  copyHeaders(message)
  message.headerNames()
  message.brief()
  readContents(message, plainText)
  readContents(message, sdp)
  readContents(message, sipfrag)
  readContents(message, multiparts)
}

/** What a B2BUA does: each value that can be read is set in a message of its own, and read from it as the same. */
function copyHeaders(message: SipMessage): void {
  const copy = new ResponseTemplate(200, message.isResponse ? message.reason : undefined)
  const copied = headers.filter(header => header !== h.ContentLength && message.has(header))
  for (const header of copied) copy.set(header, ...(message.tryAll(header).value ?? []))
  const again = parseMessage(Buffer.from(encode(copy), 'latin1'))
  if (again instanceof ParseError) throw again
  for (const header of copied) {
    const texts = message.tryAll(header).value?.map(value => header.encode(value)) ?? []
    if (
      again
        .all(header)
        .map(value => header.encode(value))
        .join('\n') !== texts.join('\n')
    )
      throw new Error(`${header.name} is another in the copy`)
  }
}

function readContents(message: SipMessage, content: Content<unknown>): void {
  ignoringParseErrors(() => contentsOf(message, content))
  ignoringParseErrors(() => findContents(message, content))
}

/** Reads all values of a header; what they are written as must be read and written as the same. */
function readHeader(message: SipMessage, header: Header<unknown>): void {
  ignoringParseErrors(() => message.get(header))
  const values = ignoringParseErrors(() => message.all(header)) ?? []
  for (const value of values) {
    const text = header.encode(value)
    const again = header.parseFirst(wireText(text))
    if (header.encode(again) !== header.encode(value))
      throw new Error(`${header.name}: ${text} is read as another value`)
  }
}

function ignoringParseErrors<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    if (error instanceof ParseError) return undefined
    throw error
  }
}
