import { systemClock } from '../../net/clock.ts'
import { systemRandom } from '../../net/random.ts'
import type { Clock } from '../../util/clock.ts'
import { EnvironmentError } from '../../util/errors.ts'
import { answered, guarded, thenable } from '../../util/guard.ts'
import { type RandomSource, Tokens } from '../../util/random.ts'
import { Timers } from '../../util/timers.ts'
import { Auth } from '../headers/auth.ts'
import type { SipRequest } from '../message/message.ts'
import { reasonPhrase } from '../message/status.ts'
import type { RequestTemplate, ResponseTemplate } from '../message/template.ts'
import type { Algorithm } from './algorithm.ts'
import { challengeOf } from './challenge.ts'
import { areEmpty, type DigestCredentials, readCredentials } from './credentials.ts'
import { digestResponse, sameSecret } from './digest.ts'
import { NonceCounts } from './nonce-counts.ts'
import { Nonces, timeOf } from './nonces.ts'
import {
  algorithmsOf,
  checkedQop,
  checkRealm,
  defaultRealmOptions,
  quotable,
  type RealmLimits,
  type RealmOptions,
  realmLimits,
} from './realm-options.ts'
import { digestUriOf, isForTarget } from './target.ts'
import { type Found, KnownUser, type StoredUser } from './users.ts'
import {
  Authenticated,
  type AuthHeaders,
  exempt,
  isFor,
  proxyHeaders,
  type Refusal,
  Refused,
  type Verdict,
  wwwHeaders,
} from './verdict.ts'

/** What a server transaction offers, as far as a realm needs it. */
export interface Answerable {
  readonly request: SipRequest
  response(status: number, reason?: string): ResponseTemplate
  canRespond(status: number): boolean
  respond(answer: ResponseTemplate | number): unknown
}

/** Credentials of one request that are looked at: a client has one for a realm, rarely two (RFC 3261 §22.3). */
const MAX_CREDENTIALS = 16

/**
 * The server's side of digest for one realm (RFC 7616, RFC 8760, RFC 3261 §22): asks who sent a request, and tells.
 * Nothing is kept of a challenge; a nonce is remembered from its first use on, so that no count of it is taken twice.
 */
export class DigestRealm {
  readonly realm: string
  /** How often a request was authenticated, and how often refused for each reason. */
  readonly counters: Record<Refusal | 'authenticated', number> = {
    authenticated: 0,
    'no credentials': 0,
    stale: 0,
    replay: 0,
    wrong: 0,
    weak: 0,
    improper: 0,
    forbidden: 0,
    failed: 0,
  }
  readonly #options: RealmOptions
  readonly #limits: RealmLimits
  readonly #headers: AuthHeaders
  readonly #algorithms: readonly Algorithm[]
  readonly #qop: RealmOptions['qop'] & object
  readonly #nonces: Nonces
  readonly #counts: NonceCounts
  readonly #clock: Clock
  readonly #timers: Timers
  /** Stands in the place of the secret of a user that is not known, so that he takes as long. */
  /** Stands for whoever is not known, so that he costs what a user does. */
  readonly #stranger: StoredUser
  #lookUps = 0

  /** @throws UsageError where an option is none */
  constructor(options: RealmOptions) {
    checkRealm(options)
    this.#limits = realmLimits(options)
    const { nonceLifetime: lifetime, maxNonces } = this.#limits
    const random = options.random ?? systemRandom
    this.realm = quotable('realm', options.realm) ?? ''
    quotable('opaque', options.opaque)
    quotable('domain', options.domain)
    this.#options = options
    this.#headers = options.proxy === true ? proxyHeaders : wwwHeaders
    this.#algorithms = algorithmsOf(options.algorithms ?? defaultRealmOptions.algorithms)
    this.#qop = checkedQop(options.qop ?? defaultRealmOptions.qop)
    const key = options.nonceKey ?? random.fill(new Uint8Array(20))
    this.#nonces = new Nonces(key, this.realm, lifetime, new Tokens(random))
    this.#counts = new NonceCounts(maxNonces, lifetime)
    this.#clock = options.clock ?? systemClock
    this.#timers = new Timers(this.#clock)
    const hashes = new Map(this.#algorithms.map(({ hash, digits }) => [hash, noise(random, digits)]))
    this.#stranger = new KnownUser('', this.realm, hashes)
  }

  /** Nonces in use that are remembered, and those that were forgotten for want of room. */
  get remembered(): { readonly nonces: number; readonly evicted: number } {
    return { nonces: this.#counts.size, evicted: this.#counts.evicted }
  }

  /**
   * Says who sent a request, or how to refuse it; at once where the store answers at once. Never rejects. Each call
   * takes the credentials' count: a request is checked once.
   */
  check(request: SipRequest): Verdict | Promise<Verdict> {
    if (request.method === 'ACK' || request.method === 'CANCEL') return exempt
    const credentials = this.#credentialsOf(request)
    if (credentials instanceof Refused) return credentials
    if (this.#lookUps >= this.#limits.maxLookUps) return this.#refused('failed', 500)
    try {
      const found = this.#find(credentials)
      return isLater(found)
        ? this.#decideLater(request, credentials, found)
        : this.#decide(request, credentials, found)
    } catch (error) {
      return this.#onStoreFailed(error)
    }
  }

  /**
   * Says who sent a request. `undefined` where that is not known: then the request has been answered, with 401 or 407, 400
   * for credentials that are improper, 403, or 500 where the store failed. A CANCEL that reaches a user matches nothing,
   * and gets 481.
   */
  authenticate(transaction: Answerable): Authenticated | undefined | Promise<Authenticated | undefined> {
    const verdict = this.check(transaction.request)
    return verdict instanceof Promise
      ? verdict.then(late => this.#answer(transaction, late))
      : this.#answer(transaction, verdict)
  }

  /** A refusal without credentials having been looked at, as for a user who must prove himself anew. */
  challenge(request: SipRequest): Refused {
    return this.#challenged('no credentials', request, false)
  }

  /** Takes the credentials for this realm out of what is forwarded; others are left as they are (RFC 3261 §22.3). */
  strip(template: RequestTemplate): RequestTemplate {
    const { credentials } = this.#headers
    const lines = template.base?.headers().filter(entry => entry.header === credentials) ?? []
    const others = lines.filter(
      entry => !entry.tryValues().value?.some(value => value instanceof Auth && isFor(value, this.realm)),
    )
    if (others.length === lines.length) return template
    template.set(credentials)
    for (const other of others) template.copy(other)
    return template
  }

  #answer(transaction: Answerable, verdict: Verdict): Authenticated | undefined {
    if (verdict.kind === 'authenticated') return verdict
    if (verdict.kind === 'exempt') transaction.respond(481)
    else if (transaction.canRespond(verdict.status))
      transaction.respond(verdict.fill(transaction.response(verdict.status, verdict.reason)))
    return undefined
  }

  /** Credentials for this realm whose nonce is good, or what is wrong with those that are there. */
  #credentialsOf(request: SipRequest): DigestCredentials | Refused {
    let refusal: Refused | undefined
    let seen = 0
    try {
      for (const value of request.each(this.#headers.credentials)) {
        if (++seen > MAX_CREDENTIALS) break
        if (!isFor(value, this.realm) || areEmpty(value)) continue
        const outcome = this.#read(request, value)
        if (!(outcome instanceof Refused)) return outcome
        refusal ??= outcome
      }
    } catch {
      refusal ??= this.#improper('credentials cannot be read')
    }
    return refusal ?? this.#challenged('no credentials', request, false)
  }

  #read(request: SipRequest, value: Auth): DigestCredentials | Refused {
    const credentials = readCredentials(value)
    if (credentials === undefined) return this.#challenged('weak', request, false)
    if ('improper' in credentials) return this.#improper(credentials.improper)
    const { algorithm, qop, nonce, uri } = credentials
    if (!this.#algorithms.includes(algorithm)) return this.#challenged('weak', request, false)
    if (qop === undefined && this.#options.acceptWithoutQop === false)
      return this.#challenged('weak', request, false)
    if (qop !== undefined && !this.#qop.includes(qop)) return this.#improper('qop was not offered')
    if (this.#nonces.ageOf(nonce, this.#clock.date(), this.#sourceOf(request)) !== 'valid')
      return this.#challenged('stale', request, true)
    if (!this.#acceptsUri(uri, request)) return this.#improper('uri is not that of the request')
    return credentials
  }

  #acceptsUri(text: string, request: SipRequest): boolean {
    const { acceptsUri, failed } = this.#options
    if (acceptsUri === undefined && text === request.head.subject) return true
    const digestUri = digestUriOf(text)
    if (digestUri === undefined) return false
    if (acceptsUri === undefined) return isForTarget(digestUri, request)
    return answered(failed ?? ignore, acceptsUri, digestUri, request) === true
  }

  #find({ username, isHashed, realm, algorithm }: DigestCredentials): Found {
    const { users } = this.#options
    return isHashed ? users.findHashed?.(username, realm, algorithm.hash) : users.find(username, realm)
  }

  async #decideLater(
    request: SipRequest,
    credentials: DigestCredentials,
    found: PromiseLike<StoredUser | undefined>,
  ): Promise<Verdict> {
    this.#lookUps++
    try {
      return this.#decide(request, credentials, await this.#inTime(found, this.#limits.lookUpTimeout))
    } catch (error) {
      return this.#onStoreFailed(error)
    } finally {
      this.#lookUps--
    }
  }

  #inTime(found: PromiseLike<StoredUser | undefined>, timeout: number): Promise<StoredUser | undefined> {
    return new Promise((resolve, reject) => {
      const timer = this.#timers.after(timeout, () => {
        reject(new EnvironmentError('ETIMEOUT', `the user store did not answer within ${timeout} ms`))
      })
      Promise.resolve(found)
        .finally(() => this.#timers.stop(timer))
        .then(resolve, reject)
    })
  }

  /** Known or not, with the right secret or another: the same is computed. */
  #decide(request: SipRequest, credentials: DigestCredentials, user: StoredUser | undefined): Verdict {
    const { algorithm, response, nonce, qop, count } = credentials
    const kept = keptBy(user ?? this.#stranger, algorithm)
    const key = kept ?? keptBy(this.#stranger, algorithm) ?? ''
    const expected = digestResponse(key, request.method, request.body, credentials)
    if (!sameSecret(expected, response) || kept === undefined || user === undefined)
      return this.#options.onWrong === 'forbid'
        ? this.#refused('forbidden', 403)
        : this.#challenged('wrong', request, false)
    const date = this.#clock.date()
    const isFresh =
      qop === undefined ? this.#counts.takeOnce(nonce, date) : this.#counts.take(nonce, count, date)
    if (!isFresh) return this.#challenged('replay', request, true)
    this.counters.authenticated++
    const isOld = date - timeOf(nonce) >= this.#limits.nextNonceAfter
    const next = isOld ? this.#nonces.next(date, this.#sourceOf(request)) : undefined
    return new Authenticated(user.username, credentials, kept, this.#headers, next)
  }

  #onStoreFailed(error: unknown): Refused {
    const { failed } = this.#options
    guarded(ignore, undefined, failed, error)
    return this.#refused('failed', 500)
  }

  #sourceOf(request: SipRequest): string {
    return this.#options.bindSource === true ? (request.source?.address ?? '') : ''
  }

  /** One nonce for all algorithms: which of them the client takes is not known before. */
  #challenged(why: Refusal, request: SipRequest, stale: boolean): Refused {
    const { opaque, domain, users } = this.#options
    // a store that cannot find by the hash would make strangers of all who send it
    const userhash = this.#options.userhash === true && users.findHashed !== undefined
    const nonce = this.#nonces.next(this.#clock.date(), this.#sourceOf(request))
    const shared = { realm: this.realm, nonce, qop: this.#qop, opaque, domain, stale, userhash }
    return this.#refused(
      why,
      this.#headers.status,
      this.#algorithms.map(algorithm => challengeOf({ ...shared, algorithm })),
    )
  }

  #improper(problem: string): Refused {
    return this.#refused('improper', 400, [], `${reasonPhrase(400)} - ${problem}`)
  }

  #refused(why: Refusal, status: Refused['status'], challenges?: readonly Auth[], reason?: string): Refused {
    this.counters[why]++
    return new Refused(why, status, this.#headers, challenges, reason)
  }
}

/** What a store keeps of a user for a hash; a text of another length than the hash's is none. */
function keptBy(user: StoredUser, { hash, digits }: Algorithm): string | undefined {
  const kept = user.ha1(hash)
  return kept?.length === digits ? kept : undefined
}

function noise(random: RandomSource, digits: number): string {
  return Buffer.from(random.fill(new Uint8Array(digits / 2))).toString('hex')
}

function isLater(found: Found): found is Promise<StoredUser | undefined> {
  return thenable(found) !== undefined
}

function ignore(): void {}
