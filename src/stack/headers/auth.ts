import { BASE64, TOKEN } from '../grammar/chars.ts'
import type { HeaderGrammar } from '../grammar/header.ts'
import type { Params } from '../grammar/params.ts'
import { parseListedParams } from '../grammar/parse-params.ts'
import type { Scanner } from '../grammar/scanner.ts'
import { Parameterised } from './parameterised.ts'

const EQUAL = 0x3d

/**
 * A challenge or the credentials that answer it, `Digest realm="atlanta.com", nonce="…", stale=FALSE` (RFC 3261 §20.7,
 * §20.44). Parameters keep their order and whether they stood in quotes; their values are without quotes and escapes.
 */
export class Auth extends Parameterised<Auth> {
  /** As written; `Digest` is compared without regard to case. */
  readonly scheme: string
  /** What stands behind the scheme in the place of parameters, as in `Basic YWxpY2U6cHc=`; `''` for none. */
  readonly token68: string

  constructor(scheme: string, params?: Params, token68: string = '') {
    super(params)
    this.scheme = scheme
    this.token68 = token68
  }

  get isDigest(): boolean {
    return this.scheme.toLowerCase() === 'digest'
  }

  /** A parameter's text, `undefined` where it is absent. */
  text(name: string): string | undefined {
    return this.params.text(name)
  }

  override withParams(params: Params): Auth {
    return new Auth(this.scheme, params, this.token68)
  }

  override toString(): string {
    const content = this.token68 === '' ? this.params.join(', ') : this.token68
    return content === '' ? this.scheme : `${this.scheme} ${content}`
  }
}

/** WWW-Authenticate, Authorization and the proxy's: one a line, for their parameters have commas between them. */
export const auth: HeaderGrammar<Auth> = {
  parse: parseAuth,
  encode: value => value.toString(),
  values: 'challenge',
}

/** Authentication-Info (RFC 3261 §20.6) and Proxy-Authentication-Info (RFC 7615): parameters alone. */
export const authInfo: HeaderGrammar<Params> = {
  parse: parseListedParams,
  encode: params => params.join(', '),
}

function parseAuth(scanner: Scanner): Auth {
  const scheme = scanner.take(TOKEN, 'authentication scheme')
  const before = scanner.position
  scanner.skipSpace()
  if (scanner.atEnd) return new Auth(scheme)
  if (scanner.position === before) scanner.fail('blank expected after the scheme')
  const from = scanner.position
  scanner.skip(BASE64)
  while (scanner.accept(EQUAL));
  const token68 = scanner.since(from)
  scanner.skipSpace()
  if (scanner.atEnd && token68 !== '') return new Auth(scheme, undefined, token68)
  scanner.position = from
  return new Auth(scheme, parseListedParams(scanner))
}
