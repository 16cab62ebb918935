import { acceptTcp, acceptTls } from '../../net/acceptor.ts'
import type { ListenerReceiver, StreamConnection, StreamReceiver } from '../../net/stream.ts'
import type { StartAccepting } from '../../net/stream-listener.ts'
import { openTcp } from '../../net/tcp.ts'
import { openTls } from '../../net/tls.ts'
import type { ClientContext, TlsContexts } from '../../net/tls-contexts.ts'
import { connectChannel } from '../../net/websocket-client.ts'
import { WebSocketListener } from '../../net/websocket-listener.ts'
import { canonicalAddress, familyOf } from '../../util/address.ts'
import type { EnvironmentError } from '../../util/errors.ts'
import type { Failed } from '../../util/guard.ts'
import type { Timers } from '../../util/timers.ts'
import type { Flow } from '../message/flow.ts'
import { defaultFramerLimits } from '../message/framer.ts'
import { Counters } from '../statistics.ts'
import { messageFraming } from './message-framing.ts'
import {
  type Listening,
  type LocalEnd,
  StreamTransport,
  type StreamTransportOptions,
} from './stream-transport.ts'
import {
  checkOf,
  clientOptions,
  type FilledWebSocketOptions,
  filledOptions,
  type WebSocketOptions,
} from './websocket-options.ts'

export interface WebSocketTransportOptions extends StreamTransportOptions {
  /** Makes it WSS, of both roles. */
  readonly contexts?: TlsContexts | undefined
  readonly websocket?: WebSocketOptions | undefined
  /** Told of what callbacks of `websocket` throw. */
  readonly failed?: Failed | undefined
}

/** RFC 7118 §4.1. */
const SUBPROTOCOL = 'sip'
const CONNECT_TIMEOUT = 10_000
const MAX_BUFFERED_BYTES = 1_048_576
/** What browsers offer by ALPN for WebSocket. */
const ALPN = ['http/1.1']

/**
 * SIP over WebSocket (RFC 7118), plain or over TLS.
 * @throws UsageError for an option of `websocket` that is none
 */
export function websocketTransport(options: WebSocketTransportOptions, timers: Timers): StreamTransport {
  const filled = filledOptions(options.websocket)
  const ends = new WebSocketEnds(options, filled)
  const strategy = messageFraming(filled)
  return new StreamTransport(ends, { ...options, strategy }, timers)
}

/** How WebSockets are accepted and made. */
class WebSocketEnds {
  readonly protocol: 'WS' | 'WSS'
  readonly #options: WebSocketTransportOptions
  readonly #websocket: WebSocketOptions & FilledWebSocketOptions
  readonly #counters: Counters
  readonly #failed: Failed
  readonly #limits: { readonly maxMessageBytes: number; readonly maxBufferedBytes: number }

  constructor(options: WebSocketTransportOptions, websocket: WebSocketOptions & FilledWebSocketOptions) {
    this.#websocket = websocket
    this.protocol = options.contexts === undefined ? 'WS' : 'WSS'
    this.#options = options
    this.#counters = options.counters ?? new Counters()
    this.#failed = options.failed ?? (() => this.#counters.handlerErrors++)
    this.#limits = {
      maxMessageBytes: options.framing?.maxMessageBytes ?? defaultFramerLimits.maxMessageBytes,
      maxBufferedBytes: options.maxBufferedBytes ?? MAX_BUFFERED_BYTES,
    }
  }

  listen(table: ListenerReceiver): Promise<Listening> {
    const settings = this.#websocket
    return WebSocketListener.listen(
      this.#scheme,
      this.#start(table),
      {
        ...this.#limits,
        subprotocol: SUBPROTOCOL,
        check: checkOf(settings),
        handshakeTimeout: settings.handshakeTimeout,
        maxHandshakes: settings.maxHandshakes,
        maxHeaderBytes: settings.maxHeaderBytes,
        onRefused: () => this.#counters.refusedUpgrades++,
        onCheckFailed: this.#failed,
      },
      table,
    )
  }

  connect(flow: Flow, from: LocalEnd, receiver: StreamReceiver): StreamConnection {
    const { address, port, serverName = address } = flow
    const { contexts, connectTimeout = CONNECT_TIMEOUT } = this.#options
    const { path = '/', origin, headers } = clientOptions(this.#websocket.client, flow, this.#failed)
    const to = { address, port, ...from, connectTimeout }
    const [host = ''] = serverName.split('%')
    return connectChannel(
      () =>
        contexts === undefined
          ? openTcp(to)
          : openTls({ ...to, serverName, context: webContext(contexts, serverName), alpn: [] }),
      {
        ...this.#limits,
        protocol: this.#scheme,
        remote: { address: canonicalAddress(address) ?? address, port, family: familyOf(address) ?? 4 },
        host,
        path,
        subprotocol: SUBPROTOCOL,
        connectTimeout,
        origin,
        headers,
      },
      receiver,
    )
  }

  get #scheme(): 'ws' | 'wss' {
    return this.protocol === 'WS' ? 'ws' : 'wss'
  }

  #start(table: ListenerReceiver): StartAccepting {
    const { contexts } = this.#options
    const onDropped = (): void => table.onDropped?.()
    const plain = { ...this.#options, onDropped }
    if (contexts === undefined) return (accept, onError) => acceptTcp(plain, accept, onError, 'ws')
    const onHandshakeFailed = (error: EnvironmentError): void => table.onHandshakeFailed?.(error)
    const options = { ...plain, contexts, alpn: ALPN, onHandshakeFailed }
    return (accept, onError) => acceptTls(options, accept, onError)
  }
}

/** The server proves its name by the rules of the web, where a wildcard stands for a label (RFC 7118 §9.1). */
function webContext(contexts: TlsContexts, name: string): ClientContext {
  return { ...contexts.client(name), unsafeWildcards: true }
}
