import type { CheckUpgrade, UpgradeAnswer, UpgradeRequest } from '../../net/upgrade-request.ts'
import { UsageError } from '../../util/errors.ts'
import { answered, type Failed } from '../../util/guard.ts'
import { printable } from '../../util/log.ts'
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

const defaultWebSocketOptions: FilledWebSocketOptions = {
  pingInterval: 30_000,
  pongTimeout: 10_000,
  handshakeTimeout: 10_000,
  maxHandshakes: 1_000,
  maxHeaderBytes: 8_192,
}

/** What a timer of Node takes, in milliseconds. */
const LONGEST_TIMER = 2_147_483_647

/**
 * The options with their defaults, where each of them is one.
 * @throws UsageError where a number is none, which would bound nothing, or an origin is none, which nobody would have
 */
export function filledOptions(given: WebSocketOptions = {}): WebSocketOptions & FilledWebSocketOptions {
  const options = { ...defaultWebSocketOptions, ...given }
  const { pingInterval, pongTimeout, handshakeTimeout, maxHandshakes, maxHeaderBytes } = options
  for (const [name, value] of Object.entries({ pingInterval, pongTimeout, handshakeTimeout }))
    if (!(Number.isInteger(value) && value >= 0 && value <= LONGEST_TIMER))
      throw wrongOption(name, value, `milliseconds up to ${LONGEST_TIMER} are needed`)
  for (const [name, value] of Object.entries({ maxHandshakes, maxHeaderBytes }))
    if (!(typeof value === 'number' && value >= 0))
      throw wrongOption(name, value, 'a number of 0 or more is needed')
  for (const origin of options.origins ?? [])
    if (originOf(origin) !== origin.toLowerCase())
      throw wrongOption(
        'origins',
        origin,
        'scheme, host and port are needed and no more, as in https://phone.example.com',
      )
  return options
}

/** What a browser on that page writes (RFC 6454 §6.2); `undefined` where the text is no URL. */
function originOf(text: string): string | undefined {
  try {
    const { origin, protocol, host } = new URL(text)
    // those of apps (file, capacitor …) are opaque to URL, and written all the same
    return origin === 'null' ? `${protocol}//${host}` : origin
  } catch {
    return text === 'null' ? text : undefined
  }
}

function wrongOption(name: string, value: unknown, needed: string): UsageError {
  return new UsageError(
    'ERR_WEBSOCKET_OPTION',
    `websocket.${name} is ${printable(String(value), 100)}; ${needed}`,
  )
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
