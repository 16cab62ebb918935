import type { HeaderGrammar } from '../grammar/header.ts'
import { type NameAddr, parseContact, parseNameAddr } from '../grammar/name-addr.ts'

/** One name-addr or addr-spec with parameters: From, To, Reply-To, Refer-To … */
export const address: HeaderGrammar<NameAddr> = {
  parse: parseNameAddr,
  encode: value => value.toString(),
}

/** Several of them: Route, Record-Route, Path, P-Asserted-Identity … */
export const addresses: HeaderGrammar<NameAddr> = { ...address, values: 'line' }

/** Contacts, or the asterisk. */
export const contacts: HeaderGrammar<NameAddr> = {
  ...addresses,
  parse: parseContact,
  isAlone: ({ isWildcard }) => isWildcard,
}
