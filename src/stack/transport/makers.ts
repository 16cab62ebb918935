import type { TlsContexts } from '../../net/tls-contexts.ts'
import type { EnvironmentError } from '../../util/errors.ts'
import type { Failed } from '../../util/guard.ts'
import { type Log, printable } from '../../util/log.ts'
import type { Timers } from '../../util/timers.ts'
import type { FramerLimits } from '../message/framer.ts'
import { FramerRoom } from '../message/framer-room.ts'
import type { Counters } from '../statistics.ts'
import type { ConnectionLimits } from './framed-connection.ts'
import type { ListenPoint } from './listen-point.ts'
import { sentByOf } from './sent-by.ts'
import { tcpTransport } from './tcp.ts'
import { tlsTransport } from './tls.ts'
import type { Transport } from './transport.ts'
import { UdpTransport } from './udp.ts'
import { websocketTransport } from './websocket.ts'
import type { WebSocketOptions } from './websocket-options.ts'
import { WriteQueues } from './write-queues.ts'

/** What bounds the transports that are opened. */
export interface ListenLimits extends FramerLimits, ConnectionLimits {
  /** Connections that a listener of streams accepts at a time. */
  readonly maxConnections: number
  /** Bytes that may wait for a slow reader before its connection is closed. */
  readonly maxBufferedBytes: number
}

export interface MakersOptions {
  readonly limits: ListenLimits
  readonly receiveBufferSize?: number
  readonly counters: Counters
  readonly log: Log
  /** Certificates of TLS, WSS; a listen point may have its own. */
  readonly contexts: TlsContexts
  readonly websocket?: WebSocketOptions | undefined
  /** Makes the host that what only connects writes into Via and Contact; asked once. */
  readonly newHost: () => string
  /** Told of what an application's callbacks throw. */
  readonly failed: Failed
}

/** Makes the transport that a listen point asks for at one address: one maker a protocol. */
export class TransportMakers {
  readonly #timers: Timers
  readonly #options: MakersOptions
  /** All that waits to be written on the streams of the stack. */
  readonly #queues: WriteQueues
  readonly #room: FramerRoom
  #host: string | undefined

  constructor(timers: Timers, options: MakersOptions) {
    this.#timers = timers
    this.#options = options
    const { counters, limits } = options
    this.#room = new FramerRoom(limits.maxUnfinishedBytes, () => {
      counters.crowdedStreams++
    })
    this.#queues = new WriteQueues(limits.maxQueuedBytes, () => {
      counters.slowReaders++
    })
  }

  /** Tells of certificates that peers will refuse. */
  warnAbout(contexts: TlsContexts): void {
    const { log } = this.#options
    if (!log.enabled('warning')) return
    for (const warning of contexts.warnings()) log.write('warning', 'transport', warning)
  }

  /** The transport, not open yet. */
  make(point: ListenPoint, address: string): Transport {
    switch (point.protocol) {
      case 'UDP':
        return this.#udp(point, address)
      case 'TCP':
        return this.#tcp(point, address)
      case 'TLS':
        return this.#tls(point, address)
      case 'WS':
      case 'WSS':
        return this.#websocket(point, address)
    }
  }

  #udp({ port, sentBy }: ListenPoint, address: string): Transport {
    const { receiveBufferSize, counters } = this.#options
    const size = receiveBufferSize !== undefined && { receiveBufferSize }
    return new UdpTransport({ address, port, sentBy, counters, ...size }, this.#timers)
  }

  #tcp(point: ListenPoint, address: string): Transport {
    return tcpTransport({ address, ...this.#place(point), ...this.#streams() }, this.#timers)
  }

  #tls(point: ListenPoint, address: string): Transport {
    const { contexts = this.#options.contexts } = point
    this.warnAbout(contexts)
    return tlsTransport({ address, ...this.#place(point), contexts, ...this.#streams() }, this.#timers)
  }

  #websocket(point: ListenPoint, address: string): Transport {
    const { protocol } = point
    const { websocket, failed } = this.#options
    const contexts = protocol === 'WSS' ? (point.contexts ?? this.#options.contexts) : undefined
    if (contexts !== undefined) this.warnAbout(contexts)
    const options = { address, ...this.#place(point), contexts, websocket, failed, ...this.#streams() }
    return websocketTransport(options, this.#timers)
  }

  /** What only connects is named by a host that is nobody's. */
  #place({ port, sentBy, isClient, connectFrom }: ListenPoint) {
    return {
      port,
      isClient,
      connectFrom,
      sentBy: sentBy ?? (isClient ? sentByOf(this.#clientHost, undefined) : undefined),
    }
  }

  get #clientHost(): string {
    this.#host ??= this.#options.newHost()
    return this.#host
  }

  readonly #onRefused = (error: EnvironmentError): void => {
    const { log } = this.#options
    if (log.enabled('info')) log.write('info', 'transport', printable(error.message, 1000))
  }

  /** What all transports of streams share. */
  #streams() {
    const { limits, counters } = this.#options
    const { maxConnections, maxBufferedBytes } = limits
    return {
      counters,
      maxConnections,
      maxBufferedBytes,
      framing: limits,
      connections: limits,
      queues: this.#queues,
      room: this.#room,
      onRefused: this.#onRefused,
    }
  }
}
