import type { Remote } from '../../util/address.ts'
import type { ResipError } from '../../util/errors.ts'
import type { RandomSource } from '../../util/random.ts'
import type { Timers } from '../../util/timers.ts'
import type { CallbackErrorOptions } from '../callback-errors.ts'
import type { Identity } from './certificate/self-signed.ts'
import type { CookieJar } from './cookie.ts'
import type { DtlsCrypto } from './crypto.ts'
import type { Fingerprint } from './fingerprint.ts'
import type { DtlsProfile, SrtpProfile } from './suites.ts'

export interface DtlsOptions extends CallbackErrorOptions {
  readonly role: 'client' | 'server'
  /** What signalling says of the peer's certificate (RFC 8122 §5); until it does, no keys are given. */
  readonly fingerprints?: readonly Fingerprint[]
  /** The path was proven by ICE: a server asks for no cookie, and records of any source are taken. */
  readonly proven: boolean
  /** Milliseconds, where something knows them: the first time-out is 1.5 of it, 50 ms at least. 200 ms without. */
  readonly roundTrip?: number
  /** Octets of the largest datagram: 1,200 by default, 128 at least. */
  readonly mtu?: number
  readonly timers: Timers
  readonly random: RandomSource
}

/** Master key and master salt of each direction, one after the other, as SRTP takes them (RFC 5764 §4.2). */
export interface DtlsKeys {
  readonly suite: DtlsProfile
  /** What we protect with. */
  readonly local: Buffer
  /** What the peer protects with. */
  readonly remote: Buffer
}

export interface DtlsUser {
  /** `to`: where the flight is due, as far as it is known: a client's start, or the source that is answered. */
  send(datagram: Buffer, to: Remote | undefined): unknown
  /** Once, when the handshake is done and the peer's certificate is the one that signalling named. */
  onKeys(keys: DtlsKeys): unknown
  /**
   * The association has ended: by the peer's close_notify without an error; else `ERR_DTLS_FINGERPRINT`, `ERR_DTLS_ALERT`,
   * `ERR_DTLS_HANDSHAKE` or `ERR_DTLS_TIMEOUT`. Nothing is called after it, and nothing after `close()`.
   */
  onEnd(error?: ResipError): unknown
}

/** What an association is made of. */
export interface AssociationParts {
  readonly crypto: DtlsCrypto
  readonly identity: Identity
  readonly jar: CookieJar
  readonly profiles: readonly SrtpProfile[]
  readonly options: DtlsOptions
  readonly user: DtlsUser
}
