import { BASE64, consistsOf } from '../grammar/chars.ts'
import type { HeaderGrammar } from '../grammar/header.ts'
import type { Params } from '../grammar/params.ts'
import { parseParams } from '../grammar/parse-params.ts'
import { quote } from '../grammar/scanner.ts'
import { Parameterised } from './parameterised.ts'

const QUOTE = 0x22
const SEMICOLON = 0x3b
const EQUAL = 0x3d

/**
 * A signature over a request with where its certificate is, `eyJ…;info=<https://…>;alg=ES256` (RFC 8224 §4). The form
 * of RFC 4474, a signature in quotes without parameters, is read and written as well.
 */
export class Identity extends Parameterised<Identity> {
  /** The PASSporT in its full or compact form, or the signature of RFC 4474. */
  readonly signature: string

  constructor(signature: string, params?: Params) {
    super(params)
    this.signature = signature
  }

  /** URI of the certificate, without its brackets. */
  get info(): string | undefined {
    return this.params.text('info')?.replace(/^<|>$/g, '')
  }

  override withParams(params: Params): Identity {
    return new Identity(this.signature, params)
  }

  override toString(): string {
    const isQuoted = this.params.size === 0 || !isBare(this.signature)
    return `${isQuoted ? quote(this.signature) : this.signature}${this.params}`
  }
}

/** Whether a signature can stand without quotes. */
function isBare(signature: string): boolean {
  return consistsOf(BASE64, signature.replace(/={1,2}$/, ''))
}

/** Identity: one a line, for it is long. */
export const identity: HeaderGrammar<Identity> = {
  parse: scanner => {
    if (scanner.peek() === QUOTE) return new Identity(scanner.quoted(), parseParams(scanner))
    const from = scanner.position
    scanner.skip(BASE64)
    while (scanner.accept(EQUAL));
    if (scanner.position === from) scanner.fail('signature expected')
    return new Identity(scanner.since(from), parseParams(scanner))
  },
  encode: value => value.toString(),
  values: 'line',
}

/** Privacy (RFC 3323 §4.2): `id;critical`, lower-case. */
export const privacy: HeaderGrammar<readonly string[]> = {
  parse: scanner => {
    const values: string[] = []
    do {
      scanner.skipSpace()
      values.push(scanner.token().toLowerCase())
      scanner.skipSpace()
    } while (scanner.accept(SEMICOLON))
    return values
  },
  encode: values => values.join(';'),
}
