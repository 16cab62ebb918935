import { Resolver as SystemResolver } from 'node:dns'
import { canonicalAddress, hostPort, unbracketed } from '../../util/address.ts'
import { UsageError } from '../../util/errors.ts'
import { printable } from '../../util/log.ts'

/** A name server and what was learned of it. */
export interface NameServer {
  /** Canonical, with its zone. */
  readonly address: string
  readonly port: number
  /** Both, for texts. */
  readonly text: string
  /** False once it has refused EDNS (RFC 6891). */
  edns: boolean
  /** Asked last before this time, for it was silent or gone. */
  avoidUntil: number
}

const PORT = 53
/** Milliseconds between two looks at what the system is set up for. */
const LOOK_AGAIN = 30_000

/**
 * Reads `192.0.2.53`, `192.0.2.53:5353`, `2001:db8::53` or `[2001:db8::53]:5353`. Throws a UsageError for anything else.
 */
export function nameServer(text: string): NameServer {
  const match = /^(\[[^[\]]+\]|[^:[\]]+):(\d{1,5})$/.exec(text)
  const address = canonicalAddress(unbracketed(match?.[1] ?? text))
  const port = Number(match?.[2] ?? PORT)
  if (address === undefined || port < 1 || port > 65_535) {
    throw new UsageError(
      'ERR_DNS_SERVER',
      `'${printable(text)}' is no name server: write its numeric address, with a port after a colon where it is not 53`,
    )
  }
  return { address, port, text: hostPort(address, port), edns: true, avoidUntil: Number.NEGATIVE_INFINITY }
}

/** The name servers to ask, in the order they are given; those that were silent lately come last. */
export class NameServers {
  readonly #read: () => readonly string[]
  readonly #now: () => number
  readonly #isFixed: boolean
  #servers: readonly NameServer[] = []
  #lookAgain = Number.NEGATIVE_INFINITY

  /** `servers` are given, or asked for when they are needed and again each half minute. */
  constructor(servers: readonly string[] | (() => readonly string[]), now: () => number) {
    this.#now = now
    this.#isFixed = typeof servers !== 'function'
    this.#read = typeof servers === 'function' ? servers : () => servers
    if (this.#isFixed) this.#servers = this.#read().map(nameServer)
  }

  inOrder(): readonly NameServer[] {
    const now = this.#now()
    if (!this.#isFixed && now >= this.#lookAgain) {
      this.#lookAgain = now + LOOK_AGAIN
      this.#refresh()
    }
    const good = this.#servers.filter(server => server.avoidUntil <= now)
    return good.length === this.#servers.length
      ? good
      : [...good, ...this.#servers.filter(server => server.avoidUntil > now)]
  }

  /** What is known of a server that stays is kept. */
  #refresh(): void {
    this.#servers = this.#read().flatMap(text => {
      const server = readable(text)
      return server === undefined ? [] : [this.#servers.find(known => known.text === server.text) ?? server]
    })
  }
}

/** What the system is set up for may hold what we cannot use; the others serve. */
function readable(text: string): NameServer | undefined {
  try {
    return nameServer(text)
  } catch {
    return undefined
  }
}

/** The system's name servers as they are now: /etc/resolv.conf, macOS's and Windows's settings, by c-ares. */
export function systemServers(): readonly string[] {
  return new SystemResolver().getServers()
}
