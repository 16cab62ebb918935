import {
  canonicalHost,
  EnvironmentError,
  type Flow,
  h,
  ParseError,
  PeerError,
  popOwnRoutes,
  printable,
  type RequestTemplate,
  type ResponseTemplate,
  reasonPhrase,
  type SipMessage,
  type SipRequest,
  type SipResponse,
  SipStack,
  type StackOptions,
  type Uri,
  validateForForwarding,
  Warning,
} from 'resip/stack'
import { CallOrder, type CallOrderLimits } from './call-order.ts'
import { Relay, type RelayRules } from './relay.ts'

export type { CallOrder, CallOrderLimits, RelayRules }

/** Without `relay`, only requests for its own domains, its next hops and dialogs it knows are sent on. */
export interface StatelessProxyOptions extends RelayRules {
  /** Listen points, `udp:127.0.0.1:5060`. */
  readonly listen: readonly string[]
  /** Names the proxy is known by besides its addresses. */
  readonly names?: readonly string[]
  /** Stay on the way of each dialog. Default true. */
  readonly recordRoute?: boolean
  /**
   * Lead what comes later in a dialog back over the flow of a client that sends from another address than its Via names.
   * Default false. WebSocket clients, and those that ask for it with `ob` (RFC 5626), are led so in any case.
   */
  readonly natHelp?: boolean
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
  /** Messages that may wait for such steps. Default 32 a call, 10,000 and 16 MiB in all; one more request is answered 503. */
  readonly waiting?: Partial<CallOrderLimits>
}

const defaultWaiting: CallOrderLimits = { perCall: 32, total: 10_000, bytes: 16_777_216 }

/** Characters of an error that go into a reason phrase. */
const REASON_LENGTH = 80

/** RFC 5630 §9. */
const sipsNotAllowed = new Warning(380, 'resip', 'SIPS Not Allowed')

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
  /** Requests, ACKs among them, that no rule allowed to be sent on. */
  notRelayed = 0
  readonly #relay: Relay
  /** Next hops of domains, by their names in lower case. */
  readonly #routes: ReadonlyMap<string, Uri>
  readonly #options: StatelessProxyOptions
  /** Whether a dialog's own Routes must be told from those of clients whose requests we lead on. */
  readonly #hasNextHops: boolean
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
    this.#relay = new Relay(options, this.stack)
    const routes = [...(options.routes ?? [])]
    this.#routes = new Map(routes.map(([domain, hop]) => [canonicalHost(domain), hop]))
    this.#hasNextHops = this.#routes.size > 0 || options.nextHop !== undefined
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
    // §16.11 forwards what it cannot tell apart, but an ACK with a tag of ours ends here
    if (request.method === 'ACK' && stack.isAckOfReply(request)) return
    const out = request.forward()
    let ownRoute: Uri | undefined
    try {
      ownRoute = popOwnRoutes(out, uri => stack.isOurUri(uri))
    } catch (error) {
      if (!(error instanceof ParseError)) throw error
      stack.reply(request, stack.statelessResponse(request, 400, reasonOf(400, error)))
      return
    }
    const hasRoute = out.has(h.Route)
    if (request.method === 'OPTIONS' && !hasRoute && isProxyItself(stack, out.requestUri)) {
      // §11.2: what the proxy itself can do is to answer OPTIONS
      stack.reply(request, ofItself(stack, request))
      return
    }
    const refusal = validateForForwarding(stack, request, this.#options.supported)
    if (refusal) {
      stack.reply(request, refusal)
      return
    }
    out.decrementMaxForwards()
    const flow = ownRoute && stack.flowOf(ownRoute, request)
    if (flow === 'forged' || flow === 'gone') {
      stack.reply(request, flow === 'forged' ? 403 : 430)
      return
    }
    const isLed = hasRoute || (ownRoute !== undefined && isRecorded(ownRoute))
    const nextHop = isLed ? undefined : this.#nextHop(out.requestUri)
    if (nextHop === undefined && !this.#mayPass(request, out, flow)) return
    const isDialogMaker = dialogMakers.has(request.method) && request.to.tag === undefined
    const recordRoute = isDialogMaker && this.#options.recordRoute !== false
    const forward = (): void =>
      stack.forward(request, out, {
        recordRoute: recordRoute && (this.#relay.isOpen && !this.#hasNextHops ? true : 'signed'),
        natHelp: this.#options.natHelp ?? false,
        nextHop,
        ...(flow && { flow }),
        onFailure: (status, error) => this.#onFailure(request, status, error),
      })
    if (!this.#hasSteps) {
      forward()
      return
    }
    const ask = (): Promise<void> | undefined => this.#options.onForwardRequest?.(request, out)
    const refuse = (error: unknown): void => stack.reply(request, statusOf(error))
    if (!this.#take(request, ask, forward, refuse)) stack.reply(request, 503)
  }

  /** Whether a request may go where it leads by itself; it is answered where not. */
  #mayPass(request: SipRequest, out: RequestTemplate, flow: Flow | undefined): boolean {
    const { stack } = this
    const { value: route, error } = out.try(h.Route)
    if (error !== undefined) {
      stack.reply(request, stack.statelessResponse(request, 400, reasonOf(400, error)))
      return false
    }
    const to = route?.uri ?? out.requestUri
    // §16.5: a resource at this proxy that does not exist
    if (route === undefined && flow === undefined && stack.isOurUri(to)) {
      stack.reply(request, 404)
      return false
    }
    if (this.#relay.allows(request, to)) return true
    this.notRelayed++
    stack.reply(request, 403)
    return false
  }

  #onFailure(request: SipRequest, status: number, error: Error): void {
    const { stack } = this
    const answer = stack.statelessResponse(request, status, reasonOf(status, error))
    stack.reply(request, isForWantOfTls(request, error) ? answer.set(h.Warning, sipsNotAllowed) : answer)
  }

  #onResponse(response: SipResponse): void {
    const { stack } = this
    // a step acts on a response: it sees none that anybody may have made up
    if (!this.#hasSteps || !stack.isAnswer(response)) {
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
      if (log?.enabled('warning'))
        log.write('warning', 'proxy', `${message.brief()}: ${printable(String(error))}`)
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

  /** The domain's own target, then the common next hop. */
  #nextHop(requestUri: Uri): Uri | undefined {
    return this.#routes.get(canonicalHost(requestUri.host)) ?? this.#options.nextHop
  }
}

/**
 * Whether a Route of ours is one that we wrote into a dialog, which leads on to the Contact behind it. Any other is that of
 * a client which has us as its outbound proxy (RFC 3261 §8.1.2), and says nothing of where to go on from here; so does
 * the ACK to a refusal, which has the Routes of its INVITE.
 */
function isRecorded(route: Uri): boolean {
  return route.params.has('d')
}

/** Whether a sips request found no way over TLS, so that it may go by none (RFC 5630 §5.3). */
function isForWantOfTls(request: SipRequest, error: Error): boolean {
  const isOfWay = error instanceof EnvironmentError && /^ERR_SIP_(INSECURE|NO_TRANSPORT)$/.test(error.code)
  return isOfWay && request.tryRequestUri().value?.secure === true
}

function isProxyItself(stack: SipStack, uri: Uri): boolean {
  return uri.user === undefined && stack.isOurUri(uri)
}

function statusOf(error: unknown): number {
  if (error instanceof PeerError) return error.status ?? 500
  return error instanceof EnvironmentError ? 503 : 500
}

/** The answer to OPTIONS for the proxy itself, which knows no extension that a client could require (§8.2.2.3). */
function ofItself(stack: SipStack, request: SipRequest): ResponseTemplate {
  const { value: required = [], error } = request.tryAll(h.Require)
  if (error !== undefined) return stack.statelessResponse(request, 400, reasonOf(400, error))
  if (required.length > 0) return stack.statelessResponse(request, 420).set(h.Unsupported, ...required)
  return stack.statelessResponse(request, 200).set(h.Allow, 'OPTIONS')
}

/** The usual phrase, and for what is the sender's own doing what is wrong: other errors speak to who runs the proxy. */
function reasonOf(status: number, error: Error): string {
  const phrase = reasonPhrase(status)
  if (!(error instanceof PeerError)) return phrase
  return `${phrase} - ${printable(error.message.split('\n')[0] ?? '', REASON_LENGTH)}`
}
