import { withoutZone } from '../../util/address.ts'
import { canonicalHost } from '../grammar/host.ts'
import { formatHostPort } from '../grammar/uri.ts'
import type { Transport } from './transport.ts'

/** Stands for a name that was given without a port. */
const ANY_PORT = 0

/** The hosts and ports that mean us: those of our transports, and those that an application gave. */
export class Names {
  readonly #given: { readonly host: string; readonly port: number | undefined }[] = []
  /** Ports by host; asked for every response, so that no text is made to ask. */
  readonly #ports = new Map<string, Set<number>>()
  readonly #texts = new Set<string>()

  /** `proxy.example.com`, at any port or at one. */
  add(host: string, port: number | undefined): void {
    this.#given.push({ host, port })
    this.#enter(host, port)
  }

  /** Takes over what transports are known by: what they advertise, and what is bound, where those beside us reach it. */
  follow(transports: Iterable<Transport>): void {
    this.clear()
    for (const { host, port } of this.#given) this.#enter(host, port)
    for (const { sentBy, local } of transports) {
      this.#enter(sentBy.host, sentBy.port)
      // what only connects is bound to no port
      if (local.port !== 0) this.#enter(withoutZone(local.address), local.port)
    }
  }

  clear(): void {
    this.#ports.clear()
    this.#texts.clear()
  }

  /** Whether a sent-by, as it stands in a Via, is one of ours; IPv6 is compared by value (RFC 5954 §4.2). */
  hasSentBy(sentBy: string): boolean {
    return this.#texts.has(sentBy) || (!isPlain(sentBy) && this.#texts.has(plainSentBy(sentBy)))
  }

  /** Whether a host, at a port, at the default port where there is none, or at any port, is ours. */
  has(host: string, port: number | undefined, defaultPort: number): boolean {
    const ports = this.#ports.get(canonicalHost(host))
    return ports !== undefined && (ports.has(port ?? defaultPort) || ports.has(ANY_PORT))
  }

  #enter(host: string, port: number | undefined): void {
    const name = canonicalHost(host)
    const ports = this.#ports.get(name) ?? new Set<number>()
    this.#ports.set(name, ports.add(port ?? ANY_PORT))
    this.#texts.add(formatHostPort(name, port))
  }
}

const DOT = 0x2e
const COLON = 0x3a
const OPEN = 0x5b

/** Whether a sent-by is written as we write ours: in small letters, no IPv6 reference, no name with the root's dot. */
function isPlain(sentBy: string): boolean {
  let before = 0
  for (let i = 0; i < sentBy.length; i++) {
    const code = sentBy.charCodeAt(i)
    if ((code >= 0x41 && code <= OPEN) || (code === COLON && before === DOT)) return false
    before = code
  }
  return before !== DOT
}

function plainSentBy(sentBy: string): string {
  const [, host = '', port] = /^(\[[^\]]*\]|[^:]*)(?::(\d+))?$/.exec(sentBy) ?? []
  return formatHostPort(canonicalHost(host), port === undefined ? undefined : Number(port))
}
