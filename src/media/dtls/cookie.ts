import type { Remote } from '../../util/address.ts'
import type { RandomSource } from '../../util/random.ts'
import type { DtlsCrypto, Secret } from './crypto.ts'
import type { ClientHello } from './handshake/client-hello.ts'
import { numbers, uint16, vector } from './octets.ts'

/** A cookie is good for five minutes at least and ten at most (RFC 6347 §4.2.1: the secret changes often). */
const LIFETIME = 300_000
const SECRET_LENGTH = 32

/**
 * Cookies without memory (RFC 6347 §4.2.1): a MAC over who asks and what he says, but for his extensions, which some
 * clients send differently the second time. One jar serves all endpoints of a factory.
 */
export class CookieJar {
  readonly #crypto: DtlsCrypto
  readonly #random: RandomSource
  #current: Secret
  #previous: Secret | undefined
  #made: number

  /** Times are milliseconds on one scale. */
  constructor(crypto: DtlsCrypto, random: RandomSource, now: number) {
    this.#crypto = crypto
    this.#random = random
    this.#current = this.#secret()
    this.#made = now
  }

  cookie(hello: ClientHello, from: Remote, now: number): Buffer {
    this.#renew(now)
    return this.#mac(this.#current, hello, from)
  }

  isGood(hello: ClientHello, from: Remote, now: number): boolean {
    this.#renew(now)
    if (this.#crypto.equal(hello.cookie, this.#mac(this.#current, hello, from))) return true
    return (
      this.#previous !== undefined && this.#crypto.equal(hello.cookie, this.#mac(this.#previous, hello, from))
    )
  }

  #mac(
    secret: Secret,
    { version, random, sessionId, cipherSuites, compressionMethods }: ClientHello,
    from: Remote,
  ): Buffer {
    return this.#crypto.hmac('sha256', secret, [
      vector(1, Buffer.from(from.address, 'latin1')),
      uint16(from.port),
      uint16(version),
      random,
      vector(1, sessionId),
      numbers(cipherSuites),
      vector(1, compressionMethods),
    ])
  }

  #renew(now: number): void {
    const age = now - this.#made
    if (age < LIFETIME) return
    this.#previous = age < 2 * LIFETIME ? this.#current : undefined
    this.#current = this.#secret()
    this.#made = now
  }

  #secret(): Secret {
    return this.#crypto.secret(this.#random.fill(Buffer.alloc(SECRET_LENGTH)))
  }
}
