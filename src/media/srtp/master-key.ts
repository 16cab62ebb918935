import { HmacSha1 } from '../../util/sha1.ts'
import { CounterRtcpCipher, CounterRtpCipher } from './aes-cm.ts'
import { GaloisRtcpCipher, GaloisRtpCipher } from './aes-gcm.ts'
import type { BlockCipher, SrtpCrypto } from './cipher.ts'
import { deriveKey, label } from './key-derivation.ts'
import { CounterCipher } from './key-stream.ts'
import { MOST_PACKETS, type SrtpKey } from './keys.ts'
import type { RtcpCipher, RtpCipher } from './packet-cipher.ts'
import { type SrtpSuite, type SuiteParameters, srtpSuites } from './suites.ts'

/** Sets of session keys that are kept: sources stand at indices of their own, and packets come late. */
const KEPT = 4
/** HMAC-SHA1's key (RFC 3711 §5.2). */
const AUTHENTICATION_KEY = 20

interface Derived<T> {
  readonly r: number
  readonly cipher: T
}

/** A master key with the session keys that were derived from it (RFC 3711 §4.3). */
export class MasterKey {
  readonly mki: Uint8Array
  /** SRTP packets, and SRTCP packets, that it may serve. */
  readonly lifetime: number
  rtpUsed = 0
  rtcpUsed = 0
  readonly #suite: SuiteParameters
  readonly #crypto: SrtpCrypto
  readonly #rate: number
  readonly #salt: Uint8Array
  #master: BlockCipher | undefined
  #closed = false
  /** The newest first. */
  readonly #rtp: Derived<RtpCipher>[] = []
  readonly #rtcp: Derived<RtcpCipher>[] = []

  constructor(suite: SrtpSuite, key: SrtpKey, rate: number, crypto: SrtpCrypto) {
    this.#suite = srtpSuites[suite]
    this.#crypto = crypto
    this.#rate = rate
    this.mki = Uint8Array.from(key.mki ?? [])
    this.lifetime = Math.min(key.lifetime ?? MOST_PACKETS, MOST_PACKETS)
    const { keyLength } = this.#suite
    this.#salt = Uint8Array.from(key.keySalt.subarray(keyLength))
    this.#master = crypto.blockCipher(key.keySalt.subarray(0, keyLength))
  }

  /** Whether nine tenths of its life are over. */
  get isDue(): boolean {
    return Math.max(this.rtpUsed, this.rtcpUsed) >= 0.9 * this.lifetime
  }

  /** The cipher of packets at this index; none after `close`. */
  rtp(index: number): RtpCipher | undefined {
    const r = this.#rate === 0 ? 0 : Math.floor(index / this.#rate)
    const [newest] = this.#rtp
    if (newest?.r === r) return newest.cipher
    return this.#found(this.#rtp, r, () => this.#rtpCipher(r))
  }

  rtcp(index: number): RtcpCipher | undefined {
    const r = this.#rate === 0 ? 0 : Math.floor(index / this.#rate)
    const [newest] = this.#rtcp
    if (newest?.r === r) return newest.cipher
    return this.#found(this.#rtcp, r, () => this.#rtcpCipher(r))
  }

  close(): void {
    this.#closed = true
    this.#forgetMaster()
    for (const { cipher } of this.#rtp.splice(0)) cipher.close()
    for (const { cipher } of this.#rtcp.splice(0)) cipher.close()
  }

  #found<T extends RtpCipher | RtcpCipher>(kept: Derived<T>[], r: number, make: () => T): T | undefined {
    if (this.#closed) return undefined
    const at = kept.findIndex(derived => derived.r === r)
    const found = (at < 0 ? undefined : kept.splice(at, 1)[0]) ?? { r, cipher: make() }
    kept.unshift(found)
    if (kept.length > KEPT) kept.pop()?.cipher.close()
    if (this.#rate === 0 && this.#rtp.length > 0 && this.#rtcp.length > 0) this.#forgetMaster()
    return found.cipher
  }

  /** All was derived from it that ever will be. */
  #forgetMaster(): void {
    this.#master = undefined
    this.#salt.fill(0)
  }

  #rtpCipher(r: number): RtpCipher {
    const { keyLength, saltLength, cipher, rtpTag } = this.#suite
    const key = this.#derive(label.rtpEncryption, r, keyLength)
    const salt = this.#derive(label.rtpSalt, r, saltLength)
    const made =
      cipher === 'galois'
        ? new GaloisRtpCipher(this.#crypto.aead(key), Uint8Array.from(salt))
        : new CounterRtpCipher(
            new CounterCipher(this.#crypto.blockCipher(key), salt, this.#rate),
            this.#mac(label.rtpAuthentication, r),
            rtpTag,
          )
    key.fill(0)
    salt.fill(0)
    return made
  }

  #rtcpCipher(r: number): RtcpCipher {
    const { keyLength, saltLength, cipher, rtcpTag } = this.#suite
    const key = this.#derive(label.rtcpEncryption, r, keyLength)
    const salt = this.#derive(label.rtcpSalt, r, saltLength)
    const made =
      cipher === 'galois'
        ? new GaloisRtcpCipher(this.#crypto.aead(key), Uint8Array.from(salt))
        : new CounterRtcpCipher(
            new CounterCipher(this.#crypto.blockCipher(key), salt),
            this.#mac(label.rtcpAuthentication, r),
            rtcpTag,
          )
    key.fill(0)
    salt.fill(0)
    return made
  }

  #mac(use: number, r: number): HmacSha1 {
    const key = this.#derive(use, r, AUTHENTICATION_KEY)
    const mac = new HmacSha1(key)
    key.fill(0)
    return mac
  }

  #derive(use: number, r: number, length: number): Uint8Array {
    if (this.#master === undefined) throw new RangeError('no key is derived from one that is forgotten')
    return deriveKey(this.#master, this.#salt, use, r, length)
  }
}
