import { type AddressFamily, familyOf, isLoopback } from '../../util/address.ts'
import type { Protocol } from '../message/flow.ts'
import type { Transport } from '../transport/transport.ts'

/** What the open transports can do: which protocols they speak, and which addresses are worth a try. */
export class Reach {
  readonly #transports: Iterable<Transport>

  /** @param transports iterated anew for each question, for they come and go */
  constructor(transports: Iterable<Transport>) {
    this.#transports = transports
  }

  speaks(protocol: Protocol): boolean {
    for (const transport of this.#transports) if (transport.protocol === protocol) return true
    return false
  }

  /** Whether the protocol is spoken over a family of addresses. */
  has(protocol: Protocol, family: AddressFamily): boolean {
    for (const transport of this.#transports)
      if (transport.protocol === protocol && transport.local.family === family) return true
    return false
  }

  /** Whether there is a transport in the address's own scope: the loop-back interface reaches nothing but itself. */
  reaches(protocol: Protocol, address: string): boolean {
    const family = familyOf(address)
    const loopback = isLoopback(address)
    for (const transport of this.#transports) {
      if (transport.protocol !== protocol || transport.local.family !== family) continue
      if (isLoopback(transport.local.address) === loopback) return true
    }
    return false
  }
}
