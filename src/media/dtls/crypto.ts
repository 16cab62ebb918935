import type { Group, HashName, KeyType, SignatureScheme } from './suites.ts'

/** A secret that shows nothing of itself; what stands in it is the port's own. */
export type Secret = object

/** A private key for signatures, and its public half as SubjectPublicKeyInfo (RFC 5280 §4.1.2.7). */
export interface SigningKey {
  readonly type: KeyType
  readonly spki: Buffer
  /** @internal */
  readonly key: object
}

/** What of a peer's certificate is used; the rest of it nobody vouches for (RFC 8122 §6). */
export interface PeerCertificate {
  readonly type: KeyType
  /** @internal */
  readonly key: object
}

/** One end of an ephemeral key agreement, good for one use. */
export interface KeyShare {
  readonly publicKey: Buffer
  /** @throws DtlsError illegal_parameter for a point off the curve and for a secret of zeros */
  agree(peer: Uint8Array): Secret
}

/** AES-GCM under one key. */
export interface Aead {
  /** Ciphertext and tag. */
  seal(nonce: Uint8Array, associated: Uint8Array, plaintext: Uint8Array): Buffer
  /** The plaintext, undefined where the tag is false. */
  open(nonce: Uint8Array, associated: Uint8Array, sealed: Uint8Array): Buffer | undefined
}

/** The cryptography that DTLS needs, as a port: `nodeCrypto` in `io/` is the system's. */
export interface DtlsCrypto {
  secret(bytes: Uint8Array): Secret
  hash(algorithm: HashName, parts: readonly Uint8Array[]): Buffer
  hmac(algorithm: HashName, key: Secret, parts: readonly Uint8Array[]): Buffer
  aead(key: Uint8Array): Aead
  keyShare(group: Group): KeyShare
  sign(scheme: SignatureScheme, key: SigningKey, data: Uint8Array): Buffer
  verify(
    scheme: SignatureScheme,
    certificate: PeerCertificate,
    data: Uint8Array,
    signature: Uint8Array,
  ): boolean
  /** @throws DtlsError for what is no certificate, or has a key that is not taken */
  certificate(der: Buffer): PeerCertificate
  /** Made off the thread. */
  generateKey(kind: 'P-256' | 'RSA-2048'): Promise<SigningKey>
  /** Compares in constant time; false where the lengths differ. */
  equal(a: Uint8Array, b: Uint8Array): boolean
}
