import { DIGIT } from '../grammar/chars.ts'
import type { HeaderGrammar } from '../grammar/header.ts'
import type { Scanner } from '../grammar/scanner.ts'

const DOT = 0x2e
/** When a request was sent and how long the peer took to answer (RFC 3261 §20.38), in seconds. */
export class Timestamp {
  readonly time: number
  readonly delay: number | undefined
  readonly #text: string

  /** `text` is what it was read from: it may have more digits than a number can hold. */
  constructor(time: number, delay?: number, text: string = '') {
    this.time = time
    this.delay = delay
    this.#text = text
  }

  toString(): string {
    if (this.#text !== '') return this.#text
    return this.delay === undefined ? decimals(this.time) : `${decimals(this.time)} ${decimals(this.delay)}`
  }
}

/** `1*DIGIT [ "." *DIGIT ] [ LWS delay ]`. */
export const timestamp: HeaderGrammar<Timestamp> = {
  parse: scanner => {
    const time = decimal(scanner)
    scanner.skipSpace()
    if (scanner.atEnd) return new Timestamp(Number(time), undefined, time)
    const delay = decimal(scanner)
    return new Timestamp(Number(time), Number(delay), `${time} ${delay}`)
  },
  encode: value => value.toString(),
}

function decimal(scanner: Scanner): string {
  const from = scanner.position
  scanner.skip(DIGIT)
  if (scanner.accept(DOT)) scanner.skip(DIGIT)
  if (scanner.position === from || scanner.text.charCodeAt(from) === DOT) scanner.fail('number expected')
  return scanner.since(from)
}

/** A number of seconds without an exponent. */
function decimals(value: number): string {
  const text = String(value)
  return text.includes('e') ? value.toFixed(9) : text
}
