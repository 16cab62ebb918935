import type { Failed } from '../../util/guard.ts'
import type { Timers } from '../../util/timers.ts'
import type { DigestClient } from '../auth/client.ts'
import type { Flows } from '../flow/flows.ts'
import type { KeepUser } from '../flow/keep.ts'
import type { Uri } from '../grammar/uri.ts'
import type { LocateLine } from '../locate/line.ts'
import type { Flow } from '../message/flow.ts'
import type { SipResponse } from '../message/message.ts'
import type { RequestTemplate } from '../message/template.ts'
import type { Counters } from '../statistics.ts'
import type { Decorate } from '../transport/decorate.ts'
import type { TransportLayer } from '../transport/layer.ts'
import type { Target } from '../transport/selector.ts'
import type { TransactionLayer } from './layer.ts'
import type { RequestFailure } from './request-failure.ts'
import type { TransactionTiming } from './timers.ts'

/** Who sends a request. Any of these may return a promise: what it rejects with is handled as what is thrown. */
export interface RequestUser {
  onProvisional?(response: SipResponse): unknown
  /** The final response; of an INVITE every 2xx that comes, those of other branches of a fork too. */
  onFinal(response: SipResponse): unknown
  onFailure(failure: RequestFailure): unknown
  /** The target before gave none and this one is tried now: early dialogs with that one are over. */
  onTarget?(target: Target): unknown
  /** Once and last: nothing more will be told. Of an INVITE that was accepted 64·T1 after its 2xx. */
  onEnded?(): unknown
}

/** A request as one that is sent after it knows it: where it went, and what was left to try. */
export interface Served {
  /** The target that answered, or is being tried. */
  readonly target: Target | undefined
  /** The flow that was used, its connection known. */
  readonly flow: Flow | undefined
  /** The targets behind it that were not tried. */
  readonly remaining: readonly Target[]
}

/** How a request, or an ACK, is sent. */
export interface WayOptions {
  /** Where to send it, whatever Route and Request-URI say. */
  readonly nextHop?: Uri
  /** Targets that were found already; nothing is looked up then. */
  readonly targets?: readonly Target[]
  /**
   * The transport to send it from, by its key, `udp:10.0.0.5:5060`, or by the interface that it is bound to, `eth1`,
   * whatever the system's routes say; targets that it does not lead to are passed over. Where there is none such, the
   * request fails at once.
   */
  readonly transport?: string
  /** The flow to send it on, and nowhere else: where that is gone the request fails at once (RFC 5626 §5.3). */
  readonly flow?: Flow
  /**
   * Called when the way is known, with a copy of the template that may be changed and is answered: for what names the
   * way itself, Record-Route, Path, flow tokens. Called anew for each target.
   */
  readonly decorate?: Decorate
}

export interface RequestOptions extends WayOptions {
  /**
   * The request that this one repeats, after 401, 407, 422 or 423: it goes to the target and over the flow that
   * answered, and the targets that were left then are tried behind it.
   */
  readonly retryOf?: Served
  /**
   * Ask the next hop with `keep` in the Via whether it answers keep-alives, and keep the flow alive where it says so (RFC
   * 6223): for a REGISTER, or an INVITE or SUBSCRIBE that makes a dialog.
   */
  readonly keep?: KeepUser
  /**
   * A request that was answered before: this one goes to the target that served it, over its connection while that is up,
   * unless the target failed a short while ago; the other targets follow as they are found.
   */
  readonly after?: Served
  /**
   * Milliseconds after which a target that has not answered gives way to the next. Default 8·T1 (4 s) for an INVITE, which
   * every server answers with 100 at once, and 64·T1 for any other request, which may be answered late by right and
   * would be done twice (RFC 4320). The last target always has 64·T1.
   */
  readonly targetTimeout?: number
  /**
   * Answers 401 and 407 by digest: the request is sent again with credentials and the next CSeq, to the target and over
   * the flow that challenged. A challenge that cannot be answered is the final response. See docs/digest.md.
   */
  readonly credentials?: DigestClient
  /** Told of the request as it is sent again with credentials: the ACK to its 2xx is made from that. */
  readonly onRepeat?: (template: RequestTemplate, challenge: SipResponse) => unknown
}

/** What a request needs of the stack. */
export interface RequestContext {
  readonly timers: Timers
  readonly timing: TransactionTiming
  readonly transactions: TransactionLayer
  readonly transports: TransportLayer
  readonly flows: Flows
  readonly line: LocateLine
  readonly counters: Counters
  /** Bytes above which a request leaves over TCP instead of UDP (RFC 3261 §18.1.1); Infinity to never do so. */
  readonly maxDatagram: number
  /** Whether a UDP target that refuses is noticed while others remain. */
  readonly udpErrors: boolean
  newBranch(): string
  /** Told what a user threw, or rejected with. */
  readonly failed: Failed
}
