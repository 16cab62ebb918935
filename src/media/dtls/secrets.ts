import { UsageError } from '../../util/errors.ts'
import { DtlsError } from './alert.ts'
import type { DtlsCrypto, Secret } from './crypto.ts'
import { encodeMessage, type HandshakeMessage } from './handshake/message.ts'
import {
  type DirectionKeys,
  exportKeyingMaterial,
  masterSecret,
  type Randoms,
  recordKeys,
  srtpKeys,
  verifyData,
} from './key-schedule.ts'
import type { CipherSuite, SrtpProfile } from './suites.ts'

export type Side = 'client' | 'server'

/** What the hellos agreed on. */
export interface Agreed {
  readonly suite: CipherSuite
  readonly profile: SrtpProfile
  readonly randoms: Randoms
  /** RFC 7627. */
  readonly extended: boolean
}

/** The transcript of a handshake and the secrets that come of it. */
export class HandshakeSecrets {
  agreed: Agreed | undefined
  readonly #crypto: DtlsCrypto
  #master: Secret | undefined
  #transcript: Buffer[] = []

  constructor(crypto: DtlsCrypto) {
    this.#crypto = crypto
  }

  /** A handshake begins, or begins anew, with this hello. */
  begin(hello: HandshakeMessage): void {
    this.agreed = undefined
    this.#master = undefined
    this.#transcript = [encodeMessage(hello)]
  }

  add(message: HandshakeMessage): void {
    this.#transcript.push(encodeMessage(message))
  }

  transcript(): Buffer {
    return Buffer.concat(this.#transcript)
  }

  forgetTranscript(): void {
    this.#transcript = []
  }

  forget(): void {
    this.forgetTranscript()
    this.#master = undefined
  }

  /**
   * Master secret and the keys of the records (RFC 5246 §8.1, RFC 7627 §4). The transcript ends with ClientKeyExchange.
   * @throws DtlsError before the hellos
   */
  derive(premaster: Secret): { readonly client: DirectionKeys; readonly server: DirectionKeys } {
    if (this.agreed === undefined) throw early('keys')
    const { suite, randoms, extended } = this.agreed
    const sessionHash = extended ? this.#crypto.hash(suite.hash, this.#transcript) : undefined
    this.#master = masterSecret(this.#crypto, suite, premaster, randoms, sessionHash)
    return recordKeys(this.#crypto, suite, this.#master, randoms)
  }

  /** What that side's Finished says of the transcript up to it. @throws DtlsError before the keys */
  verifyData(side: Side): Buffer {
    if (this.agreed === undefined || this.#master === undefined) throw early('Finished')
    return verifyData(this.#crypto, this.agreed.suite, this.#master, side, this.#transcript)
  }

  /** @throws DtlsError before the keys */
  srtpKeys(): { readonly profile: SrtpProfile; readonly client: Buffer; readonly server: Buffer } {
    if (this.agreed === undefined || this.#master === undefined) throw early('SRTP keys')
    const { suite, profile, randoms } = this.agreed
    return { profile, ...srtpKeys(this.#crypto, suite, this.#master, randoms, profile) }
  }

  /** @throws UsageError where the handshake is not done, and for a label or length that is none */
  export(label: string, length: number): Buffer {
    if (this.agreed === undefined || this.#master === undefined) throw notYet()
    const { suite, randoms } = this.agreed
    return exportKeyingMaterial(this.#crypto, suite, this.#master, randoms, label, length)
  }
}

/** Of who asks for keying material too early, or too late. */
export function notYet(): UsageError {
  return new UsageError(
    'ERR_DTLS_EXPORTER',
    'no keying material: the handshake is not done, or the certificate not verified, or the association has ended',
  )
}

function early(what: string): DtlsError {
  return new DtlsError(`DTLS: ${what} before there can be any`, 'unexpected_message')
}
