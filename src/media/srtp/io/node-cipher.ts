import { type Cipher, createCipheriv, createDecipheriv, createSecretKey, type KeyObject } from 'node:crypto'
import type { Aead, BlockCipher, Secret, SrtpCrypto } from '../cipher.ts'

const BITS = 8
const TAG = { authTagLength: 16 } as const

/** AES of `node:crypto`; keys are KeyObjects, for raw octets make each GCM packet three times as dear. */
export const nodeCrypto: SrtpCrypto = {
  blockCipher: key => new EcbCipher(key),
  aead: key => new GcmCipher(key),
  secret: bytes => new NodeSecret(bytes),
}

/** One cipher for all blocks: ECB keeps no state from one call to the next. */
class EcbCipher implements BlockCipher {
  readonly #cipher: Cipher

  constructor(key: Uint8Array) {
    const cipher = createCipheriv(`aes-${BITS * key.length}-ecb`, createSecretKey(key), null)
    this.#cipher = cipher.setAutoPadding(false)
  }

  encrypt(blocks: Uint8Array): Uint8Array {
    return this.#cipher.update(blocks)
  }
}

class GcmCipher implements Aead {
  readonly #name: 'aes-128-gcm' | 'aes-256-gcm'
  readonly #key: KeyObject

  constructor(key: Uint8Array) {
    this.#name = key.length === 16 ? 'aes-128-gcm' : 'aes-256-gcm'
    this.#key = createSecretKey(key)
  }

  seal(iv: Uint8Array, associated: Uint8Array, bytes: Buffer, start: number, end: number): void {
    const cipher = createCipheriv(this.#name, this.#key, iv, TAG)
    cipher.setAAD(associated)
    if (end > start) cipher.update(bytes.subarray(start, end)).copy(bytes, start)
    cipher.final()
    cipher.getAuthTag().copy(bytes, end)
  }

  open(
    iv: Uint8Array,
    associated: Uint8Array,
    bytes: Buffer,
    start: number,
    end: number,
    tag: Uint8Array,
  ): boolean {
    const decipher = createDecipheriv(this.#name, this.#key, iv, TAG)
    decipher.setAAD(associated)
    decipher.setAuthTag(tag)
    const plain = end > start ? decipher.update(bytes.subarray(start, end)) : undefined
    const limit = Error.stackTraceLimit
    try {
      // a false tag is thrown, and it is the peer's to make us do so
      Error.stackTraceLimit = 0
      decipher.final()
    } catch {
      plain?.fill(0)
      return false
    } finally {
      Error.stackTraceLimit = limit
    }
    plain?.copy(bytes, start)
    return true
  }
}

class NodeSecret implements Secret {
  readonly #key: KeyObject

  constructor(bytes: Uint8Array) {
    this.#key = createSecretKey(bytes)
  }

  equals(other: Secret): boolean {
    return other instanceof NodeSecret && this.#key.equals(other.#key)
  }
}
