import type { HeaderGrammar } from '../grammar/header.ts'
import { numberParam, type Params, textParam } from '../grammar/params.ts'
import { parseParams } from '../grammar/parse-params.ts'
import { Parameterised } from './parameterised.ts'

const idParam = textParam('id')
const reasonParam = textParam('reason')
const expiresParam = numberParam('expires')
const retryAfterParam = numberParam('retry-after')

/** Event package with its parameters, `dialog;id=7` (RFC 6665 §8.2.1). */
export class Event extends Parameterised<Event> {
  /** Package and templates, `presence.winfo`. */
  readonly package: string

  constructor(eventPackage: string, params?: Params) {
    super(params)
    this.package = eventPackage
  }

  get id(): string | undefined {
    return this.param(idParam)
  }

  override withParams(params: Params): Event {
    return new Event(this.package, params)
  }

  override toString(): string {
    return `${this.package}${this.params}`
  }
}

/** What has become of a subscription, `terminated;reason=noresource` (RFC 6665 §8.2.3). */
export class SubscriptionState extends Parameterised<SubscriptionState> {
  /** Lower-case: `active`, `pending`, `terminated`, or an extension's. */
  readonly state: string

  constructor(state: string, params?: Params) {
    super(params)
    this.state = state.toLowerCase()
  }

  get reason(): string | undefined {
    return this.param(reasonParam)
  }

  /** Seconds that are left. */
  get expires(): number | undefined {
    return this.param(expiresParam)
  }

  /** Seconds to wait before subscribing again. */
  get retryAfter(): number | undefined {
    return this.param(retryAfterParam)
  }

  override withParams(params: Params): SubscriptionState {
    return new SubscriptionState(this.state, params)
  }

  override toString(): string {
    return `${this.state}${this.params}`
  }
}

/** Event. */
export const event: HeaderGrammar<Event> = {
  parse: scanner => new Event(scanner.token(), parseParams(scanner)),
  encode: value => value.toString(),
}

/** Subscription-State. */
export const subscriptionState: HeaderGrammar<SubscriptionState> = {
  parse: scanner => new SubscriptionState(scanner.token(), parseParams(scanner)),
  encode: value => value.toString(),
}
