import { UsageError } from '../../../util/errors.ts'
import type { BencodeLimits } from '../bencode/bencode.ts'
import type { NgEncoding } from '../message/message.ts'
import type { CarrierFactory } from './carrier.ts'
import { HttpCarrier } from './http.ts'
import { TcpCarrier } from './tcp.ts'
import { UdpCarrier } from './udp.ts'
import { WebSocketCarrier } from './websocket.ts'

const DEFAULT_PORT = 2223
const HTTP_PATH = '/ng'

/**
 * The carrier that a URL names: `udp:`, `tcp:`, `http:`, `https:`, `ws:` or `wss:`. Throws a UsageError for any other,
 * and for JSON over TCP: without framing an engine can tell where bencode ends, but not where JSON does.
 */
export function carrierTo(url: string | URL, encoding: NgEncoding, limits: BencodeLimits): CarrierFactory {
  const parsed = parse(url)
  const { hostname: host, protocol } = parsed
  if (host === '') throw new UsageError('ERR_RTPENGINE_URL', `${url} names no host`)
  const port = parsed.port === '' ? DEFAULT_PORT : Number(parsed.port)
  switch (protocol) {
    case 'udp:':
      return receiver => new UdpCarrier({ host, port }, receiver)
    case 'tcp:':
      if (encoding === 'json') {
        throw new UsageError(
          'ERR_RTPENGINE_ENCODING',
          'engines take JSON over udp:, http: and ws:, not over tcp:',
        )
      }
      return receiver => new TcpCarrier({ host, port, limits }, receiver)
    case 'http:':
    case 'https:':
      if (parsed.pathname === '/') parsed.pathname = HTTP_PATH
      return receiver => new HttpCarrier(parsed, limits, receiver)
    case 'ws:':
    case 'wss:':
      return receiver => new WebSocketCarrier(parsed, limits, receiver)
    default:
      throw new UsageError('ERR_RTPENGINE_URL', `${url} is of no carrier: use udp:, tcp:, http(s): or ws(s):`)
  }
}

function parse(url: string | URL): URL {
  try {
    return new URL(url)
  } catch {
    throw new UsageError('ERR_RTPENGINE_URL', `${url} is no URL; one looks like udp://192.0.2.1:2223`)
  }
}
