/** What SRTP needs of a crypto library: AES, and nothing of its modes but GCM. */
export interface SrtpCrypto {
  /** AES by the key's length; the octets are copied. */
  blockCipher(key: Uint8Array): BlockCipher
  /** AES-GCM by the key's length; the octets are copied. */
  aead(key: Uint8Array): Aead
  secret(bytes: Uint8Array): Secret
}

/** Octets that can be compared and not read. */
export interface Secret {
  /** In a time that does not tell where they differ. */
  equals(other: Secret): boolean
}

export interface BlockCipher {
  /** Whole blocks of 16 octets; the answer is new memory, the caller's. */
  encrypt(blocks: Uint8Array): Uint8Array
}

/** Authenticated encryption with a tag of 16 octets. */
export interface Aead {
  /** Encrypts `bytes` from `start` to `end` in place and writes the tag behind. */
  seal(iv: Uint8Array, associated: Uint8Array, bytes: Buffer, start: number, end: number): void
  /** Decrypts in place where `tag` fits; false, and nothing changed, where it does not. */
  open(
    iv: Uint8Array,
    associated: Uint8Array,
    bytes: Buffer,
    start: number,
    end: number,
    tag: Uint8Array,
  ): boolean
}
