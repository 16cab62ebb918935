import { canonicalHost, p, type SipRequest, type SipStack, type Uri, UsageError } from 'resip/stack'

/** Whose requests a proxy sends on, and where to. */
export interface RelayRules {
  /** Domains that requests are sent on to, wherever their names lead, besides those that `routes` names. */
  readonly domains?: readonly string[]
  /** Domains with the next hop of each. */
  readonly routes?: ReadonlyMap<string, Uri>
  /** Where requests go that nothing else leads on. */
  readonly nextHop?: Uri
  /**
   * True sends on whatever comes, to wherever it leads: for a test bed, or where the network lets in nobody else. A
   * function decides of what no other rule allows; `to` is where the request would go.
   */
  readonly relay?: boolean | ((request: SipRequest, to: Uri) => boolean)
}

/**
 * Tells what a proxy sends on (RFC 3261 §26.3.2.4 warns of those that send on anything): requests for a domain of its
 * own, for a next hop it was given, and requests within a dialog whose first request it let pass.
 */
export class Relay {
  readonly isOpen: boolean
  readonly #rules: RelayRules
  readonly #stack: SipStack
  readonly #domains: Set<string>
  /** Next hops that were given, each by {@link placeOf}. */
  readonly #nextHops: Set<string>

  constructor(rules: RelayRules, stack: SipStack) {
    const { domains = [], routes = new Map<string, Uri>(), nextHop, relay } = rules
    this.#rules = rules
    this.#stack = stack
    this.isOpen = relay === true
    this.#domains = new Set([...domains, ...routes.keys()].map(canonicalHost))
    this.#nextHops = new Set([...routes.values(), ...(nextHop ? [nextHop] : [])].map(placeOf))
  }

  /** Whether a request may go `to` the URI that leads it on: its first Route, or its Request-URI. */
  allows(request: SipRequest, to: Uri): boolean {
    if (this.isOpen || this.#nextHops.has(placeOf(to))) return true
    // maddr is where it goes, whatever the host is
    if (to.isSip && !to.params.has('maddr') && this.#domains.has(canonicalHost(to.host))) return true
    if (this.#stack.isOfDialog(request)) return true
    return this.#isAllowedByFunction(request, to)
  }

  /** What is not plainly true allows nothing: a promise would be, whatever it resolves with. */
  #isAllowedByFunction(request: SipRequest, to: Uri): boolean {
    const { relay } = this.#rules
    if (typeof relay !== 'function') return false
    const verdict: unknown = relay(request, to)
    if (typeof verdict === 'boolean') return verdict
    if (verdict instanceof Promise) verdict.catch(() => undefined)
    throw new UsageError('ERR_SIP_RELAY', 'relay answers true or false, at once; it may not return a promise')
  }
}

/**
 * Where a URI leads, in the one form that equal places share. The port of a name may be left out for DNS to tell (RFC
 * 3263 §4.2); that of an address is then the default one.
 */
function placeOf(uri: Uri): string {
  const host = canonicalHost(uri.param(p.maddr) ?? uri.host)
  if (uri.port !== undefined || !isAddress.test(host)) return `${host} ${uri.port ?? ''}`
  const isSecure = uri.secure || uri.param(p.transport) === 'tls'
  return `${host} ${isSecure ? 5061 : 5060}`
}

const isAddress = /^[\d.]+$|:/
