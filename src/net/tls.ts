import { X509Certificate } from 'node:crypto'
import { checkServerIdentity, connect, type PeerCertificate, type TLSSocket } from 'node:tls'
import { canonicalAddress, familyOf } from '../util/address.ts'
import type { EnvironmentError } from '../util/errors.ts'
import { acceptTls, type TlsAcceptorOptions } from './acceptor.ts'
import { giveUpAfter } from './connect-timeout.ts'
import { checkedFamily } from './failure.ts'
import { SocketConnection } from './socket-connection.ts'
import {
  type ListenerReceiver,
  MAX_BUFFERED_BYTES,
  type StreamConnection,
  type StreamReceiver,
} from './stream.ts'
import { StreamListener } from './stream-listener.ts'
import type { TcpConnectOptions } from './tcp.ts'
import type { ClientContext } from './tls-contexts.ts'
import { certificateNames, type IdentityRules, identityError, proves } from './tls-identity.ts'

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
  /** Certificates, trust and the rules of SIP for names (RFC 5922) instead of the above, and of the web's rules. */
  readonly context?: ClientContext
  /** Application protocols to offer instead of those of `context` (RFC 7301). */
  readonly alpn?: readonly string[]
}

const CONNECT_TIMEOUT = 10_000

/** Rejects with an EnvironmentError that names the port, with a UsageError where there is no certificate to show. */
export function listenTls(options: TlsAcceptorOptions, receiver: ListenerReceiver): Promise<StreamListener> {
  const { maxBufferedBytes = MAX_BUFFERED_BYTES } = options
  return StreamListener.listen(
    'tls',
    (accept, onError) =>
      acceptTls(
        {
          ...options,
          onDropped: () => receiver.onDropped?.(),
          onHandshakeFailed: error => receiver.onHandshakeFailed?.(error),
        },
        accept,
        onError,
      ),
    maxBufferedBytes,
    receiver,
  )
}

/**
 * Connects over TLS 1.2 or later. Answers at once; `onConnected` is called when the handshake is done and the peer's
 * certificate has been checked, `onClosed` where either fails. What is written before waits. A UsageError for an
 * address that is not numeric or a port out of range.
 */
export function connectTls(options: TlsConnectOptions, receiver: StreamReceiver): StreamConnection {
  const { address, port, maxBufferedBytes = MAX_BUFFERED_BYTES } = options
  const family = checkedFamily('tls', address, port)
  const socket = openTls(options)
  const connection = new SocketConnection(socket, receiver, {
    protocol: 'tls',
    accepted: false,
    remote: { address: canonicalAddress(address) ?? address, port, family },
    maxBufferedBytes,
  })
  socket.once('secureConnect', () => connection.opened())
  return connection
}

/**
 * A socket that connects; `secureConnect` is emitted when the peer has proved its name. Where it is not up within the
 * time-out it is destroyed with an EnvironmentError. A UsageError as of `connectTls`.
 */
export function openTls(options: TlsConnectOptions): TLSSocket {
  const { address, port, localAddress, localPort, context, connectTimeout = CONNECT_TIMEOUT } = options
  checkedFamily('tls', address, port)
  if (localAddress !== undefined) checkedFamily('tls', localAddress, localPort ?? 0)
  const name = options.serverName ?? address
  const alpn = options.alpn ?? context?.alpn ?? []
  const socket = connect({
    host: address,
    port,
    // SNI knows names only (RFC 6066 §3); the certificate is held against `name` by checkServerIdentity either way
    ...(familyOf(name) === undefined && { servername: name }),
    ...(localAddress !== undefined && { localAddress }),
    ...(localPort !== undefined && { localPort }),
    ...(context ? { secureContext: context.secureContext } : ownContext(options)),
    ...(alpn.length > 0 && { ALPNProtocols: [...alpn] }),
    minVersion: 'TLSv1.2',
    rejectUnauthorized: options.rejectUnauthorized ?? true,
    checkServerIdentity: (_: string, certificate: PeerCertificate) =>
      context === undefined
        ? checkServerIdentity(name, certificate)
        : checkSipIdentity(name, certificate, context),
  })
  socket.setNoDelay(true)
  if (context?.keyLog !== undefined) socket.on('keylog', context.keyLog)
  giveUpAfter(connectTimeout, socket, 'secureConnect', { protocol: 'tls', address, port })
  return socket
}

/** RFC 5922 §7.3; the chain has been verified. */
function checkSipIdentity(
  name: string,
  { raw }: PeerCertificate,
  rules: IdentityRules,
): EnvironmentError | undefined {
  const names = certificateNames(new X509Certificate(raw))
  return proves(names, name, rules) ? undefined : identityError(names, name)
}

function ownContext({ ca, certificate, key }: TlsConnectOptions) {
  return {
    ...(ca !== undefined && { ca: typeof ca === 'string' ? ca : [...ca] }),
    ...(certificate !== undefined && { cert: certificate }),
    ...(key !== undefined && { key }),
  }
}
