import { connectTls, listenTls } from '../../net/tls.ts'
import type { TlsContexts } from '../../net/tls-contexts.ts'
import type { Timers } from '../../util/timers.ts'
import { StreamTransport, type StreamTransportOptions } from './stream-transport.ts'

export interface TlsTransportOptions extends StreamTransportOptions {
  readonly contexts: TlsContexts
}

/** SIP over TLS (RFC 3261 §26.3.1); who the peer is, RFC 5922 says. */
export function tlsTransport(options: TlsTransportOptions, timers: Timers): StreamTransport {
  const { contexts, connectTimeout, maxBufferedBytes } = options
  return new StreamTransport(
    {
      protocol: 'TLS',
      listen: receiver => listenTls(options, receiver),
      hasCertificate: () => contexts.hasCertificate,
      connect({ address, port, serverName = address }, from, receiver) {
        const limits = {
          ...(connectTimeout !== undefined && { connectTimeout }),
          ...(maxBufferedBytes !== undefined && { maxBufferedBytes }),
        }
        const context = contexts.client(serverName)
        return connectTls({ address, port, ...from, serverName, context, ...limits }, receiver)
      },
    },
    options,
    timers,
  )
}
