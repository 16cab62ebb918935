import type { ClientRequestArgs } from 'node:http'
import type { Socket } from 'node:net'
import type { ClientOptions } from 'ws'
import { hostPort, type TransportAddress, withoutZone } from '../util/address.ts'
import { EnvironmentError } from '../util/errors.ts'
import { environmentError } from './failure.ts'
import type { StreamReceiver } from './stream.ts'
import { ChannelSocket, libraryOptions, WebSocketChannel, type WebSocketLimits } from './websocket-channel.ts'

export interface WebSocketConnectOptions extends WebSocketLimits {
  readonly protocol: 'ws' | 'wss'
  readonly remote: TransportAddress
  /** What Host says: the name that was looked up, or the numeric address without brackets or zone. */
  readonly host: string
  /** Path and query: `/ws?token=…`. */
  readonly path: string
  readonly subprotocol: string
  /** Milliseconds from now to the WebSocket. */
  readonly connectTimeout: number
  readonly origin?: string | undefined
  /** More headers of the request: Cookie, Authorization. */
  readonly headers?: { readonly [name: string]: string } | undefined
}

/** Bytes of a server's answer to the request. */
const MAX_HEADER_BYTES = 16_384

/**
 * A WebSocket over a socket that connects, plain or TLS (RFC 6455 §4.1). Answers at once; whether it comes up is told to
 * `receiver`. What is written before waits. `open` is called once, while this runs.
 */
export function connectChannel(
  open: () => Socket,
  options: WebSocketConnectOptions,
  receiver: StreamReceiver,
): WebSocketChannel {
  const { protocol, remote, path } = options
  const socket = open()
  const websocket = request(socket, options)
  const channel = new WebSocketChannel(websocket, receiver, {
    protocol,
    accepted: false,
    remote,
    maxBufferedBytes: options.maxBufferedBytes,
  })
  const timer = setTimeout(() => {
    const cause = Object.assign(new Error(`no WebSocket within ${options.connectTimeout} ms`), {
      code: 'ETIMEDOUT',
    })
    channel.destroy(environmentError(cause, { protocol, ...remote }))
  }, options.connectTimeout)
  websocket.once('close', () => clearTimeout(timer))
  websocket.once('open', () => {
    clearTimeout(timer)
    channel.opened(socket)
  })
  websocket.once('unexpected-response', (_, { statusCode = 0 }) => {
    channel.destroy(refused(`${protocol} ${hostPort(remote.address, remote.port)}`, path, statusCode))
  })
  return channel
}

/** Whatever it throws, the socket is nobody's then, and a failure of it would have nobody to be told. */
function request(socket: Socket, options: WebSocketConnectOptions): ChannelSocket {
  const { protocol, remote, host, path, subprotocol, maxMessageBytes, origin, headers } = options
  const settings: ClientOptions & ClientRequestArgs = {
    ...libraryOptions(maxMessageBytes),
    createConnection: () => socket,
    maxHeaderSize: MAX_HEADER_BYTES,
    ...(origin !== undefined && { origin }),
    headers: { Host: hostHeader(protocol, host, remote.port), ...headers },
  }
  try {
    // URLs know fewer hosts than SIP does (xn--, x.0x1), but all addresses
    const place = hostPort(withoutZone(remote.address), remote.port)
    return new ChannelSocket(`${protocol}://${place}${path}`, subprotocol, settings)
  } catch (error) {
    socket.on('error', () => {})
    socket.destroy()
    throw error
  }
}

/** RFC 9110 §7.2: the port that the scheme implies is left out, as browsers do. */
function hostHeader(protocol: 'ws' | 'wss', host: string, port: number): string {
  if (port !== (protocol === 'wss' ? 443 : 80)) return hostPort(host, port)
  return host.includes(':') ? `[${host}]` : host
}

function refused(where: string, path: string, status: number): EnvironmentError {
  const advice =
    status === 401 || status === 403
      ? 'it wants credentials, a cookie or another origin'
      : status === 404
        ? 'it has no WebSocket at this path'
        : 'no WebSocket is to be had there'
  return new EnvironmentError(
    'ERR_WEBSOCKET_REFUSED',
    `${where} answered ${status} to the request for ${path.split('?', 1)[0]}: ${advice}`,
  )
}
