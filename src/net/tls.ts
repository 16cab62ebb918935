import { checkServerIdentity, connect } from 'node:tls'
import { canonicalAddress, familyOf } from '../util/address.ts'
import { checkedFamily, environmentError } from './failure.ts'
import { SocketConnection } from './socket-connection.ts'
import { MAX_BUFFERED_BYTES, type StreamConnection, type StreamReceiver } from './stream.ts'
import type { TcpConnectOptions } from './tcp.ts'

export interface TlsConnectOptions extends TcpConnectOptions {
  /**
   * The name (or numeric address) that the peer's certificate must bear, sent as SNI where it is a name. Default: the
   * address that is connected to.
   */
  readonly serverName?: string
  /** Trusted authorities as PEM; default those that Node trusts. */
  readonly ca?: string | readonly string[]
  /** Our own certificate and key as PEM, where the peer asks for one. */
  readonly certificate?: string
  readonly key?: string
  /** Default true. With false the connection is encrypted, but nobody knows with whom: for tests only. */
  readonly rejectUnauthorized?: boolean
}

const CONNECT_TIMEOUT = 10_000

/**
 * Connects over TLS 1.2 or later. Answers at once; `onConnected` is called when the handshake is done and the peer's
 * certificate has been checked, `onClosed` where either fails. What is written before waits. A UsageError for an
 * address that is not numeric or a port out of range.
 */
export function connectTls(options: TlsConnectOptions, receiver: StreamReceiver): StreamConnection {
  const { address, port, localAddress, connectTimeout = CONNECT_TIMEOUT } = options
  const family = checkedFamily('tls', address, port)
  if (localAddress !== undefined) checkedFamily('tls', localAddress, 0)
  const name = options.serverName ?? address
  const socket = connect({
    host: address,
    port,
    // SNI knows names only (RFC 6066 §3); the certificate is held against `name` by checkServerIdentity either way
    ...(familyOf(name) === undefined && { servername: name }),
    ...(localAddress !== undefined && { localAddress }),
    ...(options.ca !== undefined && { ca: typeof options.ca === 'string' ? options.ca : [...options.ca] }),
    ...(options.certificate !== undefined && { cert: options.certificate }),
    ...(options.key !== undefined && { key: options.key }),
    minVersion: 'TLSv1.2',
    rejectUnauthorized: options.rejectUnauthorized ?? true,
    checkServerIdentity: (_, certificate) => checkServerIdentity(name, certificate),
  })
  socket.setNoDelay(true)
  const connection = new SocketConnection(socket, receiver, {
    protocol: 'tls',
    accepted: false,
    remote: { address: canonicalAddress(address) ?? address, port, family },
    maxBufferedBytes: options.maxBufferedBytes ?? MAX_BUFFERED_BYTES,
  })
  const onTimeout = (): void => {
    const cause = Object.assign(new Error(`no answer within ${connectTimeout} ms`), { code: 'ETIMEDOUT' })
    connection.destroy(environmentError(cause, { protocol: 'tls', address, port }))
  }
  socket.setTimeout(connectTimeout, onTimeout)
  socket.once('secureConnect', () => {
    socket.setTimeout(0, onTimeout)
    connection.opened()
  })
  return connection
}
