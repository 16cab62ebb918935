import type { CheckUpgrade, UpgradeAnswer, UpgradeRequest } from '../../net/upgrade-request.ts'
import { UsageError } from '../../util/errors.ts'
import { answered, type Failed } from '../../util/guard.ts'
import type { Remote } from '../message/flow.ts'
import type { PingOptions } from './message-framing.ts'

/** What can be chosen for WebSocket, plain and secure (RFC 7118). */
export interface WebSocketOptions extends Partial<PingOptions> {
  /**
   * Pages that may connect: `https://phone.example.com`; a browser on another gets 403. What names no origin is no
   * browser, and is let in. All are unless given.
   */
  readonly origins?: readonly string[]
  /** Decides about each request, by cookie, path, header or address; asked after `origins`. */
  readonly check?: CheckUpgrade
  /** Milliseconds from an accepted connection to its WebSocket, the check with it. Default 10,000. */
  readonly handshakeTimeout?: number
  /** Hand-shakes of a listener under way; one connection more is closed unheard. Default 1,000. */
  readonly maxHandshakes?: number
  /** Bytes of a request. Default 8,192. */
  readonly maxHeaderBytes?: number
  /** What our own requests say, to all servers or to each. */
  readonly client?: WebSocketClientOptions | ((server: Remote) => WebSocketClientOptions | undefined)
}

export interface WebSocketClientOptions {
  /** Path and query of the URL: `/ws`. Default `/`. */
  readonly path?: string
  /** Where the server wants one. None unless given: we are no browser. */
  readonly origin?: string
  /** More headers: Cookie, Authorization (RFC 7118 §7). */
  readonly headers?: { readonly [name: string]: string }
}

export interface FilledWebSocketOptions extends PingOptions {
  readonly handshakeTimeout: number
  readonly maxHandshakes: number
  readonly maxHeaderBytes: number
}

export const defaultWebSocketOptions: FilledWebSocketOptions = {
  pingInterval: 30_000,
  pongTimeout: 10_000,
  handshakeTimeout: 10_000,
  maxHandshakes: 1_000,
  maxHeaderBytes: 8_192,
}

/** Origins first, then the application's own check. */
export function checkOf({ origins, check }: WebSocketOptions): CheckUpgrade | undefined {
  if (origins === undefined) return check
  const allowed = new Set(origins.map(origin => origin.toLowerCase()))
  return (request: UpgradeRequest): UpgradeAnswer | Promise<UpgradeAnswer> => {
    const { origin } = request
    if (origin !== undefined && !allowed.has(origin.toLowerCase())) return false
    return check === undefined || check(request)
  }
}

const path = /^\/[\x21\x22\x24-\x7e]*$/
const headerName = /^[\w!#$%&'*+.^`|~-]+$/
const headerValue = /^[\x20-\x7e\t]*$/

/**
 * What our request to a server says.
 * @throws UsageError for what cannot stand in one
 */
export function clientOptions(
  given: WebSocketOptions['client'],
  server: Remote,
  failed: Failed,
): WebSocketClientOptions {
  const options = (typeof given === 'function' ? answered(failed, given, server) : given) ?? {}
  if (options.path !== undefined && !path.test(options.path))
    throw new UsageError('ERR_WEBSOCKET_PATH', 'websocket.client.path: a path expected, as in /ws')
  for (const [name, value] of Object.entries({ origin: options.origin ?? '', ...options.headers })) {
    if (!headerName.test(name) || !headerValue.test(value))
      throw new UsageError('ERR_WEBSOCKET_HEADER', 'websocket.client.headers: what stands there is no header')
  }
  return options
}
