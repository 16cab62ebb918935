import { consistsOf, TOKEN } from '../grammar/chars.ts'
import type { HeaderGrammar } from '../grammar/header.ts'
import type { Method } from '../grammar/method.ts'
import type { Params } from '../grammar/params.ts'
import { parseParams } from '../grammar/parse-params.ts'
import { quote } from '../grammar/scanner.ts'
import { Parameterised } from './parameterised.ts'

const QUOTE = 0x22

/** A token with parameters, `session;handling=optional`: Content-Disposition, Accept-Encoding and their kin. */
export class Token extends Parameterised<Token> {
  readonly value: string

  constructor(value: string, params?: Params) {
    super(params)
    this.value = value
  }

  override withParams(params: Params): Token {
    return new Token(this.value, params)
  }

  override toString(): string {
    return `${this.value}${this.params}`
  }
}

/** One token: MIME-Version, Priority, SIP-ETag … */
export const token: HeaderGrammar<string> = {
  parse: scanner => scanner.token(),
  encode: value => value,
}

/** Tokens with commas between them: Supported, Require, Allow-Events … */
export const tokens: HeaderGrammar<string> = { ...token, values: 'listed' }

/** One token with parameters: Content-Disposition, Answer-Mode, Info-Package … */
export const tokenWithParams: HeaderGrammar<Token> = {
  parse: scanner => new Token(scanner.token(), parseParams(scanner)),
  encode: value => value.toString(),
}

/** Several of them: Accept-Encoding, Accept-Language, Recv-Info, Security-Client … */
export const tokensWithParams: HeaderGrammar<Token> = { ...tokenWithParams, values: 'listed' }

/** Tokens or texts in quotes, with parameters: P-Visited-Network-ID (RFC 7315 §4.3), User-to-User (RFC 7433 §4.1). */
export const tokensOrQuoted: HeaderGrammar<Token> = {
  parse: scanner => {
    const value = scanner.peek() === QUOTE ? scanner.quoted() : scanner.token()
    return new Token(value, parseParams(scanner))
  },
  encode: ({ value, params }) => `${consistsOf(TOKEN, value) ? value : quote(value)}${params}`,
  values: 'listed',
}

/** Methods with commas between them: Allow. */
export const methodList: HeaderGrammar<Method> = {
  parse: scanner => scanner.method(),
  encode: value => value,
  values: 'listed',
}
