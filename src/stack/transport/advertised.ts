import { type SentBy, sentByOf } from './sent-by.ts'
import type { Transport } from './transport.ts'

const bound = new WeakMap<Transport, SentBy>()

/** What a transport is named towards a remote address: what it advertises, or what is bound where that is of a local net. */
export function advertisedTo(transport: Transport, remote: string): SentBy {
  const { sentBy } = transport
  return sentBy.localNets?.has(remote) ? boundOf(transport) : sentBy
}

/** What is bound, as it stands in a Via. */
export function boundOf(transport: Transport): SentBy {
  let known = bound.get(transport)
  if (known === undefined) {
    known = sentByOf(transport.local.address, transport.local.port)
    bound.set(transport, known)
  }
  return known
}
