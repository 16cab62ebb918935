import {
  EnvironmentError,
  h,
  PeerError,
  popOwnRoutes,
  type RequestTemplate,
  type ResponseTemplate,
  type SipMessage,
  type SipRequest,
  type SipResponse,
  SipStack,
  type StackOptions,
  type Uri,
  validateForForwarding,
} from 'resip/stack'
import { CallOrder, type CallOrderLimits } from './call-order.ts'

export type { CallOrder, CallOrderLimits }

export interface StatelessProxyOptions {
  /** Listen points, `udp:127.0.0.1:5060`. */
  readonly listen: readonly string[]
  /** Where to send requests that no Route and no domain leads on. */
  readonly nextHop?: Uri
  /** Domains, in lower case, with the next hop of each. */
  readonly routes?: ReadonlyMap<string, Uri>
  /** Names the proxy is known by besides its addresses. */
  readonly names?: readonly string[]
  /** Stay on the way of each dialog. Default true. */
  readonly recordRoute?: boolean
  /** Option tags of Proxy-Require that the next hops are known to serve. */
  readonly supported?: readonly string[]
  readonly stack?: StackOptions
  /**
   * A step of the program's own before a request goes on: it may change `out`. While its promise is pending, all that
   * comes later in the same call waits. A request whose step fails is answered: with the status of a PeerError, 503 for
   * an EnvironmentError, else 500.
   */
  readonly onForwardRequest?: (request: SipRequest, out: RequestTemplate) => Promise<void> | undefined
  /** The same before a response goes on. One whose step fails is dropped; a 2xx to an INVITE comes again. */
  readonly onForwardResponse?: (response: SipResponse, out: ResponseTemplate) => Promise<void> | undefined
  /** Messages that may wait for such steps. Default 32 a call, 10,000 in all; one more request is answered 503. */
  readonly waiting?: Partial<CallOrderLimits>
}

const defaultWaiting: CallOrderLimits = { perCall: 32, total: 10_000 }

/** Requests that make a dialog and so get a Record-Route (RFC 3261 §16.6, step 4). */
const dialogMakers: ReadonlySet<string> = new Set(['INVITE', 'SUBSCRIBE', 'REFER', 'NOTIFY', 'UPDATE'])

/**
 * A stateless proxy (RFC 3261 §16.11): each message is handled by itself, and nothing of it is kept. A program extends
 * it by steps that change what goes on; messages are kept in order, and kept at all, only while such a step takes time.
 */
export class StatelessProxy {
  readonly stack: SipStack
  /** Messages that wait for a step of the program's. */
  readonly order: CallOrder
  /** Requests refused and responses dropped because their step failed. */
  failedSteps = 0
  readonly #options: StatelessProxyOptions
  readonly #hasSteps: boolean
  #closed = false

  /** Opens the listeners. Rejects as `SipStack.listen` does. */
  static async start(options: StatelessProxyOptions): Promise<StatelessProxy> {
    const proxy = new StatelessProxy(options)
    try {
      await proxy.stack.listen(...options.listen)
    } catch (error) {
      await proxy.close()
      throw error
    }
    return proxy
  }

  private constructor(options: StatelessProxyOptions) {
    this.#options = options
    this.stack = new SipStack(options.stack)
    this.#hasSteps = (options.onForwardRequest ?? options.onForwardResponse) !== undefined
    this.order = new CallOrder({ ...defaultWaiting, ...options.waiting })
    for (const name of options.names ?? []) this.stack.addName(name)
    this.stack.onMessage(message => {
      if (message.isResponse) this.#onResponse(message)
      else this.#onRequest(message)
    })
  }

  close(): Promise<void> {
    this.#closed = true
    this.order.close()
    return this.stack.close()
  }

  #onRequest(request: SipRequest): void {
    const { stack } = this
    const isToUs = isOurs(stack, request)
    if (isToUs && request.method === 'OPTIONS' && !request.has(h.Route)) {
      // §11.2: what the proxy itself can do is to answer OPTIONS
      stack.reply(request, stack.statelessResponse(request, 200).set(h.Allow, 'OPTIONS'))
      return
    }
    const refusal = validateForForwarding(stack, request, this.#options.supported)
    if (refusal) {
      stack.reply(request, refusal)
      return
    }
    const out = request.forward()
    out.decrementMaxForwards()
    const isInDialog = popOwnRoutes(out, uri => stack.isOurs(uri.host, uri.port))
    const nextHop = this.#nextHop(out, isInDialog)
    if (
      nextHop === undefined &&
      !out.has(h.Route) &&
      stack.isOurs(out.requestUri.host, out.requestUri.port)
    ) {
      stack.reply(request, 404)
      return
    }
    const isDialogMaker = dialogMakers.has(request.method) && request.to.tag === undefined
    const forward = (): void =>
      stack.forward(request, out, {
        recordRoute: isDialogMaker && this.#options.recordRoute !== false,
        onFailure: status => stack.reply(request, status),
        ...(nextHop && { nextHop }),
      })
    if (!this.#hasSteps) {
      forward()
      return
    }
    const ask = (): Promise<void> | undefined => this.#options.onForwardRequest?.(request, out)
    const refuse = (error: unknown): void => stack.reply(request, statusOf(error))
    if (!this.#take(request, ask, forward, refuse)) stack.reply(request, 503)
  }

  #onResponse(response: SipResponse): void {
    const { stack } = this
    if (!this.#hasSteps) {
      stack.forwardResponse(response)
      return
    }
    const out = response.forward()
    const ask = (): Promise<void> | undefined => this.#options.onForwardResponse?.(response, out)
    const drop = (): void => {}
    this.#take(response, ask, () => stack.forwardResponse(response, out), drop)
  }

  /** Asks the program and then forwards, each message in its turn. Answers false where too much waits. */
  #take(
    message: SipMessage,
    ask: () => Promise<void> | undefined,
    forward: () => void,
    refuse: (error: unknown) => void,
  ): boolean {
    const log = this.#options.stack?.log
    const onFailure = (error: unknown): void => {
      if (this.#closed) return
      this.failedSteps++
      if (log?.enabled('warning')) log.write('warning', 'proxy', `${message.brief()}: ${error}`)
      refuse(error)
    }
    const onward = (): void => {
      if (!this.#closed) forward()
    }
    return this.order.take(message, () => {
      try {
        const pending = ask()
        if (pending !== undefined) return pending.then(onward).catch(onFailure)
        forward()
      } catch (error) {
        onFailure(error)
      }
      return undefined
    })
  }

  /** A Route leads on by itself; then the domain's own target, then the common next hop, for requests of no dialog. */
  #nextHop(out: RequestTemplate, isInDialog: boolean): Uri | undefined {
    if (isInDialog || out.has(h.Route)) return undefined
    return this.#options.routes?.get(out.requestUri.host.toLowerCase()) ?? this.#options.nextHop
  }
}

function isOurs(stack: SipStack, request: SipRequest): boolean {
  const { value: uri } = request.tryRequestUri()
  return uri?.isSip === true && uri.user === undefined && stack.isOurs(uri.host, uri.port)
}

function statusOf(error: unknown): number {
  if (error instanceof PeerError) return error.status ?? 500
  return error instanceof EnvironmentError ? 503 : 500
}
