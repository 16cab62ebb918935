import { DtlsError } from './alert.ts'
import type { DtlsCrypto, PeerCertificate } from './crypto.ts'
import { type Fingerprint, fits } from './fingerprint.ts'
import { readCertificate } from './handshake/certificate.ts'
import { type KeyType, type SignatureScheme, signatureSchemes } from './suites.ts'

/** Who the peer is: what signalling says of its certificate, and the certificate it shows (RFC 5763 §5, RFC 8122 §6.2). */
export class Peer {
  readonly #crypto: DtlsCrypto
  #fingerprints: readonly Fingerprint[] | undefined
  #certificate: PeerCertificate | undefined
  #der: Buffer | undefined

  constructor(crypto: DtlsCrypto, fingerprints: readonly Fingerprint[] | undefined) {
    this.#crypto = crypto
    this.#fingerprints = fingerprints?.length ? fingerprints : undefined
  }

  /** Signalling has said what the certificate is. */
  get isNamed(): boolean {
    return this.#fingerprints !== undefined
  }

  /** What signalling says now; the error where the certificate is another, undefined where none was shown yet. */
  name(fingerprints: readonly Fingerprint[]): DtlsError | 'fits' | undefined {
    this.#fingerprints = fingerprints
    if (this.#der === undefined) return undefined
    return fits(this.#crypto, this.#der, fingerprints) ? 'fits' : mismatch()
  }

  /**
   * A Certificate message. Nothing of it is used before its fingerprint is known to fit, where there is one.
   * @throws DtlsError
   */
  take(body: Buffer): PeerCertificate {
    const der = readCertificate(body)
    if (der === undefined) {
      throw new DtlsError('DTLS: the peer has no certificate, which DTLS-SRTP needs', 'handshake_failure')
    }
    if (this.#fingerprints !== undefined && !fits(this.#crypto, der, this.#fingerprints)) throw mismatch()
    const certificate = this.#crypto.certificate(der)
    this.#der = der
    this.#certificate = certificate
    return certificate
  }

  /** @throws DtlsError where the scheme was not offered, is not of the certificate's key, or the signature is false */
  check(code: number, data: Buffer, signature: Buffer): void {
    const scheme = signatureSchemes.find(known => known.code === code)
    const certificate = this.#certificate
    if (scheme === undefined || certificate === undefined || scheme.key !== certificate.type) {
      throw new DtlsError(
        `DTLS: the peer signs with scheme ${code}, which was not offered`,
        'illegal_parameter',
      )
    }
    if (!this.#crypto.verify(scheme, certificate, data, signature)) {
      throw new DtlsError('DTLS: the peer has not the key of its certificate', 'decrypt_error')
    }
  }

  /** The certificate's octets stay, for signalling may name it later. */
  forgetKey(): void {
    this.#certificate = undefined
  }

  /** Whoever comes next is somebody else. */
  forget(): void {
    this.#certificate = undefined
    this.#der = undefined
  }
}

/** The scheme that a key of ours signs with, of those that the peer reads. @throws DtlsError where there is none */
export function schemeFor(type: KeyType, codes: readonly number[]): SignatureScheme {
  const scheme = signatureSchemes.find(({ key, code }) => key === type && codes.includes(code))
  if (scheme !== undefined) return scheme
  throw new DtlsError(`DTLS: the peer reads no signature of an ${type} key that we make`, 'handshake_failure')
}

function mismatch(): DtlsError {
  return new DtlsError(
    "DTLS: the peer's certificate is not the one whose fingerprint signalling named, and none of its keys is used: either somebody stands between, or the fingerprint is of another call",
    'bad_certificate',
    'ERR_DTLS_FINGERPRINT',
  )
}
