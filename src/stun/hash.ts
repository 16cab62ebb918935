/**
 * A key made ready by `StunHash.key`, once for many HMACs; a secret that shows nothing of itself. What stands in it is
 * the hash's own.
 */
export type HashKey = object

/** The hashes that STUN needs, as a port: `nodeHash` in `io/` is the system's. */
export interface StunHash {
  key(bytes: Uint8Array): HashKey
  /** HMAC over the parts as one text. */
  hmac(algorithm: 'sha1' | 'sha256', key: HashKey, parts: readonly Uint8Array[]): Buffer
  digest(algorithm: 'md5' | 'sha256', data: Uint8Array): Buffer
  /** Compares in constant time; false where the lengths differ. */
  equal(a: Uint8Array, b: Uint8Array): boolean
}

/** A key for message integrity, with the hashes to use it. */
export interface IntegrityKey {
  readonly key: HashKey
  readonly hash: StunHash
}

/** The octets of a key as one for message integrity. */
export function integrityKey(bytes: Uint8Array, hash: StunHash): IntegrityKey {
  return { key: hash.key(bytes), hash }
}
