import type { DigestClient } from '../../stack/auth/client.ts'
import type { Method } from '../../stack/grammar/method.ts'
import type { NameAddr } from '../../stack/grammar/name-addr.ts'
import type { Uri } from '../../stack/grammar/uri.ts'

/** Whether provisional responses are reliable (RFC 3262). */
export type Reliability = 'never' | 'supported' | 'required'

/** Who refreshes a session, as far as we may say (RFC 4028). */
export type RefresherWish = 'uac' | 'uas' | 'either'

/** All that a profile says; what is left out is the master's, or the default. Times are in seconds unless said. */
export interface ProfileParts {
  /** Address of record: `"Alice" <sip:alice@example.com>`. It is our From. */
  readonly aor?: NameAddr | Uri | string
  /** Our Contact; the transport's address unless given. Its host may be left empty to be filled in. */
  readonly contact?: NameAddr | string
  /** Routes that a request outside a dialog takes first (an outbound proxy). */
  readonly outboundProxy?: readonly (NameAddr | Uri | string)[]
  /** Methods that are taken, for Allow and 405. */
  readonly methods?: readonly Method[]
  readonly schemes?: readonly string[]
  /** Media types that are taken, by method; `*` for all others. */
  readonly accept?: { readonly [method: string]: readonly string[] }
  readonly encodings?: readonly string[]
  readonly languages?: readonly string[]
  readonly events?: readonly string[]
  /** Option tags that are understood. */
  readonly supported?: readonly string[]
  /** Option tags that the peer of a call must understand. */
  readonly required?: readonly string[]
  readonly userAgent?: string
  readonly registrationExpires?: number
  readonly subscriptionExpires?: number
  readonly publicationExpires?: number
  /** Provisional responses of ours, and what we ask of the called side. */
  readonly reliableUas?: Reliability
  readonly reliableUac?: Reliability
  /** The session interval asked for; 0 for none. */
  readonly sessionExpires?: number
  readonly minSessionExpires?: number
  readonly refresher?: RefresherWish
  /** What refreshes a session where the peer takes both. */
  readonly refreshMethod?: 'UPDATE' | 'INVITE'
  /** How long an INVITE may ring, and a re-INVITE wait. */
  readonly staleCall?: number
  readonly staleReInvite?: number
  /** Whether an INVITE is answered 482 where it came by two ways (RFC 3261 §8.2.2.2). */
  readonly mergedRequests?: boolean
  /** Answers challenges. */
  readonly credentials?: DigestClient
  /** Header lines of the application's, for all requests and responses. */
  readonly headers?: string
}

/** Every part of a profile, resolved. */
export type ProfileValues = {
  readonly [part in keyof Omit<
    ProfileParts,
    'aor' | 'contact' | 'outboundProxy' | 'headers' | 'credentials'
  >]-?: NonNullable<ProfileParts[part]>
} & {
  readonly aor: NameAddr
  readonly contact: NameAddr | undefined
  readonly outboundProxy: readonly NameAddr[]
  readonly credentials: DigestClient | undefined
  readonly headers: string
}
