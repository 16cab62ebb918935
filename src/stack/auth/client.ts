import { systemRandom } from '../../net/random.ts'
import { type RandomSource, Tokens } from '../../util/random.ts'
import type { SipResponse } from '../message/message.ts'
import type { RequestTemplate } from '../message/template.ts'
import { type AccountOptions, DigestAccount } from './account.ts'
import type { Challenge } from './challenge.ts'
import { ClientSession, isShort, type Proof } from './client-session.ts'
import type { SessionKey, Sessions } from './exchange.ts'
import { DigestExchange } from './exchange.ts'

/** Sessions that are kept; the one that was used longest ago gives way. */
const MAX_SESSIONS = 1000
/** Characters of a cnonce, six random bits each. */
const CNONCE = 16

export interface DigestClientOptions {
  readonly random?: RandomSource
}

/**
 * The client's side of digest (RFC 7616, RFC 8760, RFC 3261 §22): accounts, and the sessions that challenges began. Given
 * as `credentials` to `stack.request` and `stack.send`, it answers 401 and 407; {@link begin} does that by hand.
 */
export class DigestClient implements Sessions {
  /** Challenges that were answered, that could not be, and credentials that were refused; proofs that were wrong. */
  readonly counters: { answered: number; unanswered: number; rejected: number; wrongProofs: number } = {
    answered: 0,
    unanswered: 0,
    rejected: 0,
    wrongProofs: 0,
  }
  readonly accounts: readonly DigestAccount[]
  readonly #tokens: Tokens
  readonly #sessions = new Map<string, ClientSession>()
  readonly #proofs = new WeakMap<SipResponse, Proof>()

  /** @throws UsageError where an account's secret and realms do not fit together */
  constructor(
    accounts: AccountOptions | DigestAccount | readonly (AccountOptions | DigestAccount)[],
    options: DigestClientOptions = {},
  ) {
    const list: readonly (AccountOptions | DigestAccount)[] = isList(accounts) ? accounts : [accounts]
    this.accounts = list.map(account =>
      account instanceof DigestAccount ? account : new DigestAccount(account),
    )
    this.#tokens = new Tokens(options.random ?? systemRandom)
  }

  /** One request with all its repeats. */
  begin(template: RequestTemplate): DigestExchange {
    return new DigestExchange(this, template)
  }

  /** What the server of a final response proved by its Authentication-Info. */
  proofOf(response: SipResponse): Proof {
    return this.#proofs.get(response) ?? 'none'
  }

  /** Forgets all nonces; the next requests go out without credentials. */
  forget(): void {
    this.#sessions.clear()
  }

  /** @internal */
  sessionOf(key: SessionKey): ClientSession | undefined {
    const session = this.#sessions.get(key)
    if (session === undefined) return undefined
    this.#sessions.delete(key)
    if (!session.isUsable) return undefined
    this.#sessions.set(key, session)
    return session
  }

  /** @internal begins a session, `undefined` where no account answers this challenge */
  answerTo(challenge: Challenge): ClientSession | undefined {
    const { realm, algorithm, qop, nonce, opaque } = challenge
    if (!isShort(nonce) || !isShort(opaque)) return undefined
    for (const account of this.accounts) {
      if (qop.length === 0 && !account.withoutQop) continue
      const key = account.key(algorithm.hash, realm)
      if (key !== undefined)
        return new ClientSession(account, key, challenge, () => this.#tokens.next(CNONCE))
    }
    return undefined
  }

  /** @internal */
  keep(key: SessionKey, session: ClientSession): void {
    this.#sessions.delete(key)
    this.#sessions.set(key, session)
    if (this.#sessions.size <= MAX_SESSIONS) return
    for (const [oldest] of this.#sessions) {
      this.#sessions.delete(oldest)
      return
    }
  }

  /** @internal its credentials were refused: nobody is to try them again */
  drop(key: SessionKey, session: ClientSession): void {
    if (this.#sessions.get(key) === session) this.#sessions.delete(key)
  }

  /** @internal */
  noteProof(response: SipResponse, proof: Proof): void {
    if (proof === 'wrong') this.counters.wrongProofs++
    if (this.#proofs.get(response) !== 'wrong') this.#proofs.set(response, proof)
  }
}

function isList<T>(value: T | readonly T[]): value is readonly T[] {
  return Array.isArray(value)
}
