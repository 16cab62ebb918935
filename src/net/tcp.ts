import { connect, type Socket } from 'node:net'
import { canonicalAddress } from '../util/address.ts'
import { type AcceptorOptions, acceptTcp } from './acceptor.ts'
import { giveUpAfter } from './connect-timeout.ts'
import { checkedFamily } from './failure.ts'
import { SocketConnection } from './socket-connection.ts'
import {
  type ListenerReceiver,
  MAX_BUFFERED_BYTES,
  type StreamConnection,
  type StreamLimits,
  type StreamReceiver,
} from './stream.ts'
import { StreamListener } from './stream-listener.ts'

export type TcpListenerOptions = AcceptorOptions

export interface TcpConnectOptions extends StreamLimits {
  /** A numeric address. */
  readonly address: string
  readonly port: number
  /** The numeric local address to connect from; the system's choice when absent. */
  readonly localAddress?: string
  /** The local port to connect from; the system's choice when absent. */
  readonly localPort?: number
  /** Milliseconds until the attempt is given up. Default 10,000. */
  readonly connectTimeout?: number
}

const CONNECT_TIMEOUT = 10_000

/** Rejects with an EnvironmentError that names the port, as where it is in use. */
export function listenTcp(options: TcpListenerOptions, receiver: ListenerReceiver): Promise<StreamListener> {
  const { maxBufferedBytes = MAX_BUFFERED_BYTES } = options
  return StreamListener.listen(
    'tcp',
    (accept, onError) => acceptTcp({ ...options, onDropped: () => receiver.onDropped?.() }, accept, onError),
    maxBufferedBytes,
    receiver,
  )
}

/**
 * Connects. Answers at once; whether it comes up is told to `receiver`: `onConnected`, or `onClosed` with ECONNREFUSED,
 * ETIMEDOUT … What is written before waits. A UsageError for an address that is not numeric or a port out of range.
 */
export function connectTcp(options: TcpConnectOptions, receiver: StreamReceiver): StreamConnection {
  const { address, port, maxBufferedBytes = MAX_BUFFERED_BYTES } = options
  const family = checkedFamily('tcp', address, port)
  const socket = openTcp(options)
  const connection = new SocketConnection(socket, receiver, {
    protocol: 'tcp',
    accepted: false,
    remote: { address: canonicalAddress(address) ?? address, port, family },
    maxBufferedBytes,
  })
  socket.once('connect', () => connection.opened())
  return connection
}

/**
 * A socket that connects; where it is not up within the time-out it is destroyed with an EnvironmentError. A UsageError
 * as of `connectTcp`.
 */
export function openTcp(options: TcpConnectOptions): Socket {
  const { address, port, localAddress, localPort, connectTimeout = CONNECT_TIMEOUT } = options
  checkedFamily('tcp', address, port)
  if (localAddress !== undefined) checkedFamily('tcp', localAddress, localPort ?? 0)
  const from = { ...(localAddress && { localAddress }), ...(localPort && { localPort }) }
  const socket = connect({ host: address, port, noDelay: true, ...from })
  giveUpAfter(connectTimeout, socket, 'connect', { protocol: 'tcp', address, port })
  return socket
}
