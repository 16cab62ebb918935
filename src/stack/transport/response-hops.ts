import type { Hop } from '../message/encode.ts'
import { boundOf } from './advertised.ts'
import { localUri } from './placement.ts'
import type { SentBy } from './sent-by.ts'
import type { Transport } from './transport.ts'

/** What the answers sent over one transport need filled in, so that none is made for an answer. */
export class ResponseHops {
  readonly #transport: Transport
  readonly #advertised: Hop
  readonly #bound: Hop

  constructor(transport: Transport) {
    this.#transport = transport
    this.#advertised = hopOf(transport, transport.sentBy)
    this.#bound = hopOf(transport, boundOf(transport))
  }

  towards(remote: string): Hop {
    return this.#transport.sentBy.localNets?.has(remote) ? this.#bound : this.#advertised
  }
}

function hopOf(transport: Transport, name: SentBy): Hop {
  return { via: '', localUri: uri => localUri(transport, name, uri) }
}
