import type { Clock } from '../../util/clock.ts'
import { UsageError } from '../../util/errors.ts'
import type { Failed } from '../../util/guard.ts'
import type { RandomSource } from '../../util/random.ts'
import type { Uri } from '../grammar/uri.ts'
import type { SipRequest } from '../message/message.ts'
import { type Algorithm, algorithmNamed, type DigestAlgorithm, strongestFirst } from './algorithm.ts'
import type { Qop } from './digest.ts'
import type { NonceKey } from './nonces.ts'
import type { UserStore } from './users.ts'

/** One realm of a server: who its users are, and how they are asked to prove it. */
export interface RealmOptions {
  /** Globally unique, with a host or domain name in it (RFC 3261 §22.1). */
  readonly realm: string
  readonly users: UserStore
  /** Whether a proxy asks: 407 and the Proxy headers. Default false. */
  readonly proxy?: boolean
  /**
   * A challenge each, in this order. Default SHA-512-256, SHA-256, MD5 (RFC 8760 §2.3). Clients that cannot skip what they
   * do not know want `['MD5']`, or MD5 first. Each user must have a hash for each of them.
   */
  readonly algorithms?: readonly DigestAlgorithm[]
  /** Default `['auth']`. */
  readonly qop?: readonly Qop[]
  /** Whether credentials without qop are taken (RFC 2069), each nonce once. Default true (RFC 3261 §22.4, item 8). */
  readonly acceptWithoutQop?: boolean
  /** Whether clients are asked to hash the user's name (RFC 7616 §3.4.4). Default false. */
  readonly userhash?: boolean
  readonly opaque?: string
  /** URIs with blanks between them; in SIP the realm alone makes a protection space (RFC 3261 §22.1). */
  readonly domain?: string
  /** Signs nonces: 16 octets or more, or a `KeyObject`. Made at start unless given; nodes that share it take each other's. */
  readonly nonceKey?: NonceKey
  /** Whether a nonce holds for the address alone that it was sent to. Default false: a client may change its address. */
  readonly bindSource?: boolean
  /** Milliseconds. Default 300,000. */
  readonly nonceLifetime?: number
  /** Milliseconds of age from which on the next nonce is sent with a response. Default half the life time; 0 for always. */
  readonly nextNonceAfter?: number
  /** Nonces in use that are remembered, some 200 octets each. Default 100,000. */
  readonly maxNonces?: number
  /** What a wrong secret is answered with: a new challenge, or 403. Default `'challenge'`. */
  readonly onWrong?: 'challenge' | 'forbid'
  /** Whether the digest-uri stands for the request; see {@link isForTarget}, which is the default. */
  readonly acceptsUri?: (digestUri: Uri, request: SipRequest) => boolean
  /** Milliseconds that a store may take. Default 5,000. */
  readonly lookUpTimeout?: number
  /** Look-ups at a time. Default 10,000; more requests than that are answered 500. */
  readonly maxLookUps?: number
  readonly clock?: Clock
  readonly random?: RandomSource
  /** Told what the store threw, or rejected with. */
  readonly failed?: Failed
}

export const defaultRealmOptions = {
  algorithms: strongestFirst as readonly DigestAlgorithm[],
  qop: ['auth'] as readonly Qop[],
  nonceLifetime: 300_000,
  maxNonces: 100_000,
  lookUpTimeout: 5_000,
  maxLookUps: 10_000,
} as const

/**
 * What no type keeps a careless caller from.
 * @throws UsageError
 */
export function checkRealm(options: RealmOptions): void {
  const { realm, users, onWrong, acceptsUri, nonceKey } = options
  if (typeof realm !== 'string' || realm === '') throw wrong('realm is no text, or empty')
  if (typeof users?.find !== 'function')
    throw wrong('users has no find; give a user store, as MemoryUsers is one')
  if (onWrong !== undefined && onWrong !== 'challenge' && onWrong !== 'forbid')
    throw wrong(`onWrong is ${JSON.stringify(onWrong)}; give 'challenge' or 'forbid'`)
  if (acceptsUri !== undefined && typeof acceptsUri !== 'function') throw wrong('acceptsUri is no function')
  if (nonceKey !== undefined && !(nonceKey instanceof Uint8Array) && typeof nonceKey?.export !== 'function')
    throw wrong('nonceKey is neither octets nor a KeyObject')
}

/**
 * The algorithms that are named, each once.
 * @throws UsageError
 */
export function algorithmsOf(names: readonly DigestAlgorithm[]): Algorithm[] {
  if (!Array.isArray(names)) throw wrong('algorithms is no list')
  const found = names.map(name => {
    const algorithm = typeof name === 'string' ? algorithmNamed(name) : undefined
    if (algorithm === undefined) throw wrong(`there is no algorithm ${JSON.stringify(name)}`)
    return algorithm
  })
  if (found.length === 0) throw wrong('name one algorithm at least')
  // RFC 8760 §2.3: challenges of one realm must differ
  if (new Set(found).size < found.length) throw wrong('an algorithm is named twice')
  return found
}

/**
 * Text that stands in quotes on the wire.
 * @throws UsageError where it holds control characters, which cannot
 */
export function quotable(what: string, text: string | undefined): string | undefined {
  if (text !== undefined && /[\0-\x1f\x7f]/.test(text))
    throw wrong(`${what} holds a control character; take it out`)
  return text
}

/** The numbers among the options. */
export type RealmLimits = Required<
  Pick<RealmOptions, 'nonceLifetime' | 'nextNonceAfter' | 'maxNonces' | 'lookUpTimeout' | 'maxLookUps'>
>

/** The numbers, with their defaults. @throws UsageError for what is none */
export function realmLimits(options: RealmOptions): RealmLimits {
  const { nonceLifetime, maxNonces, lookUpTimeout, maxLookUps } = defaultRealmOptions
  const lifetime = checkedNumber('nonceLifetime', options.nonceLifetime ?? nonceLifetime, 1)
  return {
    nonceLifetime: lifetime,
    nextNonceAfter: checkedNumber('nextNonceAfter', options.nextNonceAfter ?? lifetime / 2, 0),
    maxNonces: checkedNumber('maxNonces', options.maxNonces ?? maxNonces, 1),
    lookUpTimeout: checkedNumber('lookUpTimeout', options.lookUpTimeout ?? lookUpTimeout, 1),
    maxLookUps: checkedNumber('maxLookUps', options.maxLookUps ?? maxLookUps, 1),
  }
}

function checkedNumber(what: string, value: number, least: number): number {
  if (typeof value === 'number' && value >= least) return value
  throw wrong(`${what} is ${value}; a number of ${least} or more is needed`)
}

/** @throws UsageError */
export function checkedQop(qop: readonly Qop[]): readonly Qop[] {
  // RFC 8760 §2.6, item 8: a server always sends one
  if (!Array.isArray(qop) || qop.length === 0 || !qop.every(one => one === 'auth' || one === 'auth-int'))
    throw wrong("qop is empty, or has what is not known; give a list of 'auth', 'auth-int' or both")
  return [...new Set(qop)]
}

function wrong(message: string): UsageError {
  return new UsageError('ERR_SIP_REALM', message)
}
