import type { Header } from '../grammar/header.ts'
import { ID_COUNT } from '../grammar/names.ts'
import * as h from './index.ts'

const known = new Array<Header<unknown> | undefined>(ID_COUNT).fill(undefined)
for (const token of Object.values<Header<unknown>>(h)) known[token.id] = token

/** The token of a header by its id; `undefined` for one that the stack does not know. */
export function knownHeader(id: number): Header<unknown> | undefined {
  return known[id]
}
