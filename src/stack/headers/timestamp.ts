import { DIGIT } from '../grammar/chars.ts'
import type { HeaderGrammar } from '../grammar/header.ts'
import type { Scanner } from '../grammar/scanner.ts'

const DOT = 0x2e
/** More digits than these a number cannot hold exactly. */
const MOST_DIGITS = 15

/** When a request was sent and how long the peer took to answer (RFC 3261 §20.38), in seconds. */
export class Timestamp {
  readonly time: number
  readonly delay: number | undefined

  constructor(time: number, delay?: number) {
    this.time = time
    this.delay = delay
  }

  toString(): string {
    return this.delay === undefined ? decimals(this.time) : `${decimals(this.time)} ${decimals(this.delay)}`
  }
}

/** `1*DIGIT [ "." *DIGIT ] [ LWS delay ]`. */
export const timestamp: HeaderGrammar<Timestamp> = {
  parse: scanner => {
    const time = decimal(scanner)
    scanner.skipSpace()
    return scanner.atEnd ? new Timestamp(time) : new Timestamp(time, decimal(scanner))
  },
  encode: String,
}

function decimal(scanner: Scanner): number {
  const from = scanner.position
  scanner.skip(DIGIT)
  if (scanner.accept(DOT)) scanner.skip(DIGIT)
  const length = scanner.position - from
  if (length === 0 || scanner.text.charCodeAt(from) === DOT) scanner.fail('number expected')
  if (length > MOST_DIGITS + 1) scanner.fail(`number of more than ${MOST_DIGITS} digits`)
  return Number(scanner.since(from))
}

/** A number of seconds without an exponent. */
function decimals(value: number): string {
  const text = String(value)
  return text.includes('e') ? value.toFixed(9) : text
}
