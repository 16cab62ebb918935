/** The hashes that STUN needs, as a port: `nodeHash` in `io/` is the system's. */
export interface StunHash {
  /** HMAC over the parts as one text. */
  hmac(algorithm: 'sha1' | 'sha256', key: Uint8Array, parts: readonly Uint8Array[]): Uint8Array
  digest(algorithm: 'md5' | 'sha256', data: Uint8Array): Uint8Array
  /** Compares in constant time; false where the lengths differ. */
  equal(a: Uint8Array, b: Uint8Array): boolean
}

/** A key for message integrity, with the hashes to use it. */
export interface IntegrityKey {
  readonly bytes: Uint8Array
  readonly hash: StunHash
}
