import { UsageError } from '../../util/errors.ts'
import type { RandomSource } from '../../util/random.ts'
import { type Identity, selfSigned } from './certificate/self-signed.ts'
import { CookieJar } from './cookie.ts'
import type { DtlsCrypto } from './crypto.ts'
import { DtlsEndpoint } from './endpoint.ts'
import { type Fingerprint, type FingerprintHash, fingerprintOf } from './fingerprint.ts'
import type { DtlsOptions, DtlsUser } from './options.ts'
import { type DtlsProfile, type SrtpProfile, srtpProfiles } from './suites.ts'

const DAYS = 30
const MOST_DAYS = 3650
const NAME_LENGTH = 16

export interface DtlsFactoryOptions {
  /** An address-of-record, for the certificate to be named by; something random without (RFC 5763 §6.1). */
  readonly aor?: string
  /** P-256 by default. */
  readonly key?: 'P-256' | 'RSA-2048'
  /** How long the certificate is valid: 30 by default. */
  readonly days?: number
  /** SRTP suites to offer and take, the preferred first; all four by default. */
  readonly profiles?: readonly DtlsProfile[]
  readonly random: RandomSource
  readonly crypto: DtlsCrypto
  /** Now, in milliseconds since 1970. */
  readonly date: number
  /** Now, on the scale of the endpoints' timers. */
  readonly now: number
}

/** A certificate with its key, and all endpoints that show it. */
export class DtlsFactory {
  /** DER. */
  readonly certificate: Buffer
  readonly #crypto: DtlsCrypto
  readonly #identity: Identity
  readonly #jar: CookieJar
  readonly #profiles: readonly SrtpProfile[]

  /** @internal */
  constructor(crypto: DtlsCrypto, identity: Identity, jar: CookieJar, profiles: readonly SrtpProfile[]) {
    this.#crypto = crypto
    this.#identity = identity
    this.#jar = jar
    this.#profiles = profiles
    this.certificate = identity.certificate
  }

  /** What `a=fingerprint` says; SHA-256 by default. */
  fingerprint(hash: FingerprintHash = 'sha-256'): Fingerprint {
    return fingerprintOf(this.#crypto, this.certificate, hash)
  }

  /** @throws UsageError where an option is out of its range, or no fingerprint can be checked */
  endpoint(options: DtlsOptions, user: DtlsUser): DtlsEndpoint {
    return new DtlsEndpoint({
      crypto: this.#crypto,
      identity: this.#identity,
      jar: this.#jar,
      profiles: this.#profiles,
      options,
      user,
    })
  }
}

/**
 * Makes a key, off the thread, and signs a certificate for it.
 * @throws UsageError where an option is out of its range
 */
export async function createDtlsFactory(options: DtlsFactoryOptions): Promise<DtlsFactory> {
  const { aor, key = 'P-256', days = DAYS, random, crypto, date, now } = options
  const profiles = profilesOf(options.profiles)
  if (!(Number.isSafeInteger(days) && days >= 1 && days <= MOST_DAYS)) {
    throw new UsageError('ERR_DTLS_OPTION', `days: ${days} is no time for a certificate; 1 to ${MOST_DAYS}`)
  }
  const name = aor ?? random.fill(Buffer.alloc(NAME_LENGTH)).toString('hex')
  const identity = selfSigned(crypto, random, await crypto.generateKey(key), { name, days, date })
  return new DtlsFactory(crypto, identity, new CookieJar(crypto, random, now), profiles)
}

function profilesOf(suites: readonly DtlsProfile[] | undefined): readonly SrtpProfile[] {
  if (suites === undefined) return srtpProfiles
  const profiles = [...new Set(suites)].map(suite => {
    const profile = srtpProfiles.find(known => known.suite === suite)
    if (profile !== undefined) return profile
    const known = srtpProfiles.map(each => each.suite).join(', ')
    throw new UsageError(
      'ERR_DTLS_OPTION',
      `profiles: ${JSON.stringify(suite)} has no use_srtp profile: ${known} have`,
    )
  })
  if (profiles.length === 0) throw new UsageError('ERR_DTLS_OPTION', 'profiles: at least one is needed')
  return profiles
}
