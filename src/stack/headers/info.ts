import type { HeaderGrammar } from '../grammar/header.ts'
import type { Params } from '../grammar/params.ts'
import { parseParams } from '../grammar/parse-params.ts'
import { parseUri, type Uri } from '../grammar/uri.ts'
import { Parameterised } from './parameterised.ts'

/**
 * A URI in angle brackets with parameters, `<http://www.example.com/alice/photo.jpg>;purpose=icon`: Alert-Info,
 * Call-Info, Error-Info (RFC 3261 §20.4, §20.9, §20.18), Identity-Info (RFC 4474 §9), Geolocation (RFC 6442 §4.1).
 */
export class Info extends Parameterised<Info> {
  readonly uri: Uri

  constructor(uri: Uri, params?: Params) {
    super(params)
    this.uri = uri
  }

  override withParams(params: Params): Info {
    return new Info(this.uri, params)
  }

  override toString(): string {
    return `<${this.uri}>${this.params}`
  }
}

/** Identity-Info. */
export const info: HeaderGrammar<Info> = {
  parse: scanner => {
    scanner.expect(0x3c)
    const uri = parseUri(scanner)
    scanner.expect(0x3e)
    return new Info(uri, parseParams(scanner))
  },
  encode: value => value.toString(),
}

/** Alert-Info, Call-Info, Error-Info, Geolocation. */
export const infos: HeaderGrammar<Info> = { ...info, values: 'listed' }
