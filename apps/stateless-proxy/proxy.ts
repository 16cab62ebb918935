import {
  h,
  popOwnRoutes,
  type RequestTemplate,
  type SipRequest,
  SipStack,
  type StackOptions,
  type Uri,
  validateForForwarding,
} from 'resip/stack'

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
}

/** Requests that make a dialog and so get a Record-Route (RFC 3261 §16.6, step 4). */
const dialogMakers: ReadonlySet<string> = new Set(['INVITE', 'SUBSCRIBE', 'REFER', 'NOTIFY', 'UPDATE'])

/** A stateless proxy (RFC 3261 §16.11): each message is handled by itself, and nothing of it is kept. */
export class StatelessProxy {
  readonly stack: SipStack
  readonly #options: StatelessProxyOptions

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
    for (const name of options.names ?? []) this.stack.addName(name)
    this.stack.onMessage(message => {
      if (message.isResponse) this.stack.forwardResponse(message)
      else this.#onRequest(message)
    })
  }

  close(): Promise<void> {
    return this.stack.close()
  }

  #onRequest(request: SipRequest): void {
    const { stack } = this
    const isToUs = isOurs(stack, request)
    if (isToUs && request.method === 'OPTIONS' && !request.has(h.Route)) {
      this.#answerOptions(request)
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
    stack.forward(request, out, {
      recordRoute: isDialogMaker && this.#options.recordRoute !== false,
      onFailure: status => stack.reply(request, status),
      ...(nextHop && { nextHop }),
    })
  }

  /** A Route leads on by itself; then the domain's own target, then the common next hop, for requests of no dialog. */
  #nextHop(out: RequestTemplate, isInDialog: boolean): Uri | undefined {
    if (isInDialog || out.has(h.Route)) return undefined
    return this.#options.routes?.get(out.requestUri.host.toLowerCase()) ?? this.#options.nextHop
  }

  /** §11: what the proxy itself can do. */
  #answerOptions(request: SipRequest): void {
    const { stack } = this
    const answer = stack.response(request, 200).set(h.Accept).set(h.Supported)
    stack.reply(request, answer)
  }
}

function isOurs(stack: SipStack, request: SipRequest): boolean {
  const { uri } = request.tryRequestUri()
  return uri?.isSip === true && uri.user === undefined && stack.isOurs(uri.host, uri.port)
}
