import { UsageError } from '../../util/errors.ts'
import type { Method } from '../../stack/grammar/method.ts'
import { NameAddr, nameAddr } from '../../stack/grammar/name-addr.ts'
import { Uri } from '../../stack/grammar/uri.ts'
import * as h from '../../stack/headers/index.ts'
import { HeaderBlock } from '../../stack/message/block.ts'
import { headerLines } from '../../stack/message/encode.ts'
import { defaultProfile } from './defaults.ts'

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
  /** Header lines of the application's, for all requests and responses. */
  readonly headers?: string
}

/** Every part of a profile, resolved. */
export type ProfileValues = {
  readonly [part in keyof Omit<ProfileParts, 'aor' | 'contact' | 'outboundProxy' | 'headers'>]-?: NonNullable<
    ProfileParts[part]
  >
} & {
  readonly aor: NameAddr
  readonly contact: NameAddr | undefined
  readonly outboundProxy: readonly NameAddr[]
  readonly headers: string
}

/** What an account, or a call, is and can. Immutable: sessions share it. */
export class Profile {
  readonly values: ProfileValues
  #block: HeaderBlock | undefined
  #fromText = ''

  /** @throws ParseError where an address cannot be read, UsageError where a number is none */
  constructor(parts: ProfileParts = {}, base: ProfileValues = defaultProfile) {
    const { aor, contact, outboundProxy, ...plain } = parts
    for (const [name, value] of Object.entries(plain)) {
      if (typeof value === 'number' && !(value >= 0 && value <= 0xffffffff))
        throw new UsageError('ERR_SIP_PROFILE', `profile: ${name} is ${value}; seconds of 0 or more are needed`)
    }
    this.values = {
      ...base,
      ...defined(plain),
      ...(aor !== undefined && { aor: address(aor) }),
      ...(contact !== undefined && { contact: address(contact) }),
      ...(outboundProxy !== undefined && { outboundProxy: outboundProxy.map(address) }),
    }
  }

  /** This profile with other parts: an account's from the master's, a call's from the account's. */
  with(parts: ProfileParts): Profile {
    return new Profile(parts, this.values)
  }

  /** Our From, without a tag, as it goes out. */
  get fromText(): string {
    if (this.#fromText === '') this.#fromText = headerLines(h.From, this.values.aor).slice('From: '.length, -2)
    return this.#fromText
  }

  /** Allow, Supported, Allow-Events and User-Agent, encoded once. */
  get block(): HeaderBlock {
    if (this.#block === undefined) {
      const { methods, supported, events, userAgent, headers } = this.values
      const lines = [
        methods.length > 0 ? headerLines(h.Allow, ...methods) : '',
        supported.length > 0 ? headerLines(h.Supported, ...supported) : '',
        events.length > 0 ? headerLines(h.AllowEvents, ...events) : '',
        userAgent === '' ? '' : headerLines(h.UserAgent, userAgent),
        headers === '' || headers.endsWith('\r\n') ? headers : `${headers}\r\n`,
      ]
      this.#block = new HeaderBlock(lines.join(''))
    }
    return this.#block
  }

  /** Media types that a body of this method may have. */
  accepts(method: Method): readonly string[] {
    const { accept } = this.values
    return (Object.hasOwn(accept, method) ? accept[method] : accept['*']) ?? []
  }
}

function address(value: NameAddr | Uri | string): NameAddr {
  if (value instanceof NameAddr) return value
  return value instanceof Uri ? nameAddr(`<${value}>`) : nameAddr(value)
}

function defined<T extends object>(parts: T): Partial<T> {
  const given: Partial<T> = {}
  for (const key of Object.keys(parts) as (keyof T)[]) if (parts[key] !== undefined) given[key] = parts[key]
  return given
}
