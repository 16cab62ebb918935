import type { HeaderGrammar } from '../message/header.ts'
import { internMethod, type Method } from '../message/method.ts'

/** One token: MIME-Version, Priority, SIP-ETag … */
export const token: HeaderGrammar<string> = {
  parse: scanner => scanner.token(),
  encode: value => value,
}

/** Tokens with commas between them: Supported, Require, Allow-Events … */
export const tokens: HeaderGrammar<string> = { ...token, values: 'listed' }

/** Methods with commas between them: Allow. */
export const methodList: HeaderGrammar<Method> = {
  parse: scanner => internMethod(scanner.token()),
  encode: value => value,
  values: 'listed',
}
