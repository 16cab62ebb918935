import type { HeaderGrammar } from '../grammar/header.ts'
import type { Params } from '../grammar/params.ts'
import { parseParamList } from '../grammar/parse-params.ts'

/** P-Charging-Vector and P-Charging-Function-Addresses (RFC 7315 §4.5, §4.6): parameters alone. */
export const charging: HeaderGrammar<Params> = {
  parse: parseParamList,
  encode: params => params.join(';'),
}
