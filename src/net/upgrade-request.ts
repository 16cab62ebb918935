import type { IncomingMessage } from 'node:http'
import type { TransportAddress } from '../util/address.ts'

/** What an HTTP request says that asks for a WebSocket (RFC 6455 §4.1): for who decides whether it gets one. */
export class UpgradeRequest {
  /** `wss` where it came over TLS. */
  readonly protocol: 'ws' | 'wss'
  readonly remote: TransportAddress
  readonly #request: IncomingMessage

  constructor(request: IncomingMessage, protocol: 'ws' | 'wss', remote: TransportAddress) {
    this.#request = request
    this.protocol = protocol
    this.remote = remote
  }

  /** Path and query as they were written, `/` at the least. */
  get target(): string {
    return this.#request.url ?? '/'
  }

  /** The page that opens the connection, as a browser tells it (RFC 6454); other clients tell none, or what they like. */
  get origin(): string | undefined {
    return this.header('origin')
  }

  /** A header's value; several are joined with commas. */
  header(name: string): string | undefined {
    const { headers } = this.#request
    const key = name.toLowerCase()
    if (!Object.hasOwn(headers, key)) return undefined
    const value = headers[key]
    return Array.isArray(value) ? value.join(', ') : value
  }

  /** A cookie's value as it stands in the request (RFC 6265 §5.4), the first of that name. */
  cookie(name: string): string | undefined {
    for (const pair of (this.header('cookie') ?? '').split(';')) {
      const equals = pair.indexOf('=')
      if (equals > 0 && pair.slice(0, equals).trim() === name) return unquoted(pair.slice(equals + 1).trim())
    }
    return undefined
  }
}

/** True to accept; false, or a status of 400 to 599, to refuse. */
export type UpgradeAnswer = boolean | UpgradeRefusal

export interface UpgradeRefusal {
  /** 400 to 599. */
  readonly status: number
  /** The value of WWW-Authenticate that belongs to a 401: `Basic realm="example.com"`. */
  readonly challenge?: string
}

/** Decides about one request; a promise has the time of the hand-shake. */
export type CheckUpgrade = (request: UpgradeRequest) => UpgradeAnswer | Promise<UpgradeAnswer>

function unquoted(value: string): string {
  return value.length >= 2 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value
}
