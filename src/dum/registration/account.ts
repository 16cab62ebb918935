import { type NameAddr, nameAddr } from '../../stack/grammar/name-addr.ts'
import { noParams } from '../../stack/grammar/params.ts'
import { Uri } from '../../stack/grammar/uri.ts'
import { UsageError } from '../../util/errors.ts'
import type { DumContext } from '../core/context.ts'
import { Profile } from '../profile/profile.ts'

/** How flows are kept when many servers take them (RFC 5626). */
export interface OutboundOptions {
  /** URN of this device, the same for ever: `urn:uuid:00000000-0000-1000-8000-AABBCCDDEEFF` (RFC 5626 §4.1). */
  readonly instance: string
  /** Edge proxies, a flow over each; the profile's outbound proxies unless given. */
  readonly proxies?: readonly (NameAddr | string)[]
  /** Do without where the registrar, or the way to it, lacks it (439); `required` fails then. Default `preferred`. */
  readonly use?: 'preferred' | 'required'
}

export interface RegisterOptions {
  /** What the account is besides its address, where `register` was given that alone; the master's unless given. */
  readonly profile?: Profile
  /** Contacts to bind; the profile's, or the transport's address, unless given. */
  readonly contacts?: readonly (NameAddr | string)[]
  /** Seconds to ask for; the profile's `registrationExpires` unless given. */
  readonly expires?: number
  /** Request-URI; the domain of the address of record unless given. */
  readonly registrar?: Uri | string
  readonly outbound?: OutboundOptions
  /** URN of this device without outbound, for a GRUU (RFC 5627 §4.1). */
  readonly instance?: string
  /** Renew at 80 to 90 % of what was granted, or tell `onRefreshRequired` then. Default `automatic`. */
  readonly renew?: 'automatic' | 'by hand'
  /** Register the address that a NAT shows us at, as the registrar tells by `received` and `rport`. Default false. */
  readonly learnsAddress?: boolean
  /**
   * Keep the flow alive besides outbound, which does so by itself: where the next hop agrees by `keep` (RFC 6223), `always`,
   * or `never`. `always` is for a server that is known to answer STUN on its SIP port, or one over streams. Default `negotiated`.
   */
  readonly keepAlive?: 'negotiated' | 'always' | 'never'
}

/** What does not change of a registration. */
export interface Account {
  readonly profile: Profile
  /** As From, without a tag. */
  readonly aor: string
  readonly registrar: string
  readonly instance: string | undefined
  /** Tells Contacts without a host of their own from those of other devices; `''` where `instance` does. */
  readonly token: string
  readonly isByHand: boolean
  readonly learnsAddress: boolean
  readonly keepAlive: 'negotiated' | 'always' | 'never'
  readonly outboundIsRequired: boolean
}

/** @throws ParseError, UsageError where what was given cannot be registered */
export function accountOf(
  what: Profile | NameAddr | Uri | string,
  options: RegisterOptions,
  master: Profile,
  { identifiers }: DumContext,
): Account {
  const profile = what instanceof Profile ? what : (options.profile ?? master)
  const address = addressOf(what)
  const { uri } = address
  if (!uri.isSip || uri.host.endsWith('.invalid'))
    throw new UsageError('ERR_SIP_AOR', `${uri} cannot be registered; give a sip or sips URI of its domain`)
  const { registrar, outbound } = options
  const instance = outbound?.instance ?? options.instance
  if (instance !== undefined && !/^urn:[\x21-\x7e]+$/i.test(instance))
    throw new UsageError('ERR_SIP_INSTANCE', 'the instance is no URN; give one as urn:uuid:…')
  return {
    profile,
    aor: what instanceof Profile ? profile.fromText : address.with({ params: noParams }).toString(),
    registrar: String(registrar ?? domainOf(uri)),
    instance,
    token: instance === undefined ? identifiers.newTag() : '',
    isByHand: options.renew === 'by hand',
    learnsAddress: options.learnsAddress ?? false,
    keepAlive: options.keepAlive ?? 'negotiated',
    outboundIsRequired: outbound?.use === 'required',
  }
}

/** The address of record of what `register` was given. */
function addressOf(what: Profile | NameAddr | Uri | string): NameAddr {
  if (what instanceof Profile) return what.values.aor
  if (what instanceof Uri) return nameAddr(`<${what}>`)
  return typeof what === 'string' ? nameAddr(what) : what
}

/** RFC 3261 §10.2: the Request-URI has neither user nor parameters. */
function domainOf(uri: Uri): Uri {
  return uri.with({ user: undefined, password: undefined, params: noParams, headers: '' })
}
