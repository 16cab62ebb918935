import { canonicalAddress, unbracketed, unmapped } from '../../util/address.ts'
import { formatHostPort } from '../grammar/uri.ts'
import type { Transport } from './transport.ts'

/** The hosts and ports that mean us: those of our transports, and those that an application gave. */
export class Names {
  readonly #given = new Set<string>()
  #all = new Set<string>()

  /** `proxy.example.com`, at any port or at one. */
  add(host: string, port: number | undefined): void {
    const name = formatHostPort(plainHost(host), port)
    this.#given.add(name)
    this.#all.add(name)
  }

  /** Takes over what transports are known by: what they advertise, and what is bound, where those beside us reach it. */
  follow(transports: Iterable<Transport>): void {
    this.#all = new Set(this.#given)
    for (const { sentBy, local } of transports) {
      this.#all.add(formatHostPort(plainHost(sentBy.host), sentBy.port))
      this.#all.add(formatHostPort(plainHost(local.address), local.port))
    }
  }

  clear(): void {
    this.#all.clear()
  }

  /** Whether a sent-by, as it stands in a Via, is one of ours; IPv6 is compared by value (RFC 5954 §4.2). */
  hasSentBy(sentBy: string): boolean {
    return this.#all.has(sentBy) || (!plain.test(sentBy) && this.#all.has(plainSentBy(sentBy)))
  }

  /** Whether a host, at a port, at the default port where there is none, or at any port, is ours. */
  has(host: string, port: number | undefined, defaultPort: number): boolean {
    const name = plainHost(host)
    return (
      this.#all.has(formatHostPort(name, port ?? defaultPort)) ||
      this.#all.has(formatHostPort(name, undefined))
    )
  }
}

/** A sent-by as we write ours: in small letters, its address no IPv6 reference. */
const plain = /^[0-9a-z.:-]+$/

function plainSentBy(sentBy: string): string {
  const [, host = '', port] = /^(\[[^\]]*\]|[^:]*)(?::(\d+))?$/.exec(sentBy) ?? []
  return formatHostPort(plainHost(unbracketed(host)), port === undefined ? undefined : Number(port))
}

/** A host in the one form that equal hosts share. */
function plainHost(host: string): string {
  if (!host.includes(':')) return host.toLowerCase()
  return unmapped(canonicalAddress(host) ?? host.toLowerCase())
}
