import { Username } from '../../stun/attributes/credentials.ts'
import type { IntegrityKey, StunHash } from '../../stun/hash.ts'
import { checkIntegrity, checkIntegritySha256, type Verdict } from '../../stun/integrity.ts'
import type { StunMessage } from '../../stun/message.ts'
import type { StunWriter } from '../../stun/writer.ts'
import type { ResponseVerdict, StunAuthentication, StunSignature } from './authentication.ts'
import { prepared, type StunCredentials, shortTermKey } from './credentials.ts'
import { type Preparation, saslPrep } from './prepare.ts'

export interface ShortTermOptions {
  /** `both` until the server has answered with one of them (RFC 8489 §9.1.2); ICE uses `sha1`. */
  readonly integrity?: 'sha1' | 'sha256' | 'both'
  readonly prepare?: Preparation
}

/** The client's side of the short-term credential mechanism (RFC 8489 §9.1). */
export class ShortTermAuthentication implements StunAuthentication {
  readonly #username: string
  readonly #key: IntegrityKey
  readonly #asked: 'sha1' | 'sha256' | 'both'
  #integrity: 'sha1' | 'sha256' | 'both'

  constructor(credentials: StunCredentials, hash: StunHash, options: ShortTermOptions = {}) {
    const prepare = options.prepare ?? saslPrep
    this.#username = prepared(credentials.username, prepare)
    this.#key = shortTermKey(credentials.password, hash, prepare)
    this.#asked = options.integrity ?? 'both'
    this.#integrity = this.#asked
  }

  sign(writer: StunWriter): StunSignature {
    writer.add(Username, this.#username)
    if (this.#integrity !== 'sha256') writer.integrity(this.#key)
    if (this.#integrity !== 'sha1') writer.integritySha256(this.#key)
    return { key: this.#key }
  }

  /** What the server signed with is what later requests are signed with (§9.1.5). */
  judge(response: StunMessage): ResponseVerdict {
    const sha256 = this.#integrity === 'sha1' ? 'absent' : checkIntegritySha256(response, this.#key)
    if (sha256 !== 'absent') return this.#settle('sha256', sha256)
    const sha1 = this.#integrity === 'sha256' ? 'absent' : checkIntegrity(response, this.#key)
    return this.#settle('sha1', sha1)
  }

  vouchesFor(response: StunMessage): boolean {
    return this.judge(response) === 'accept'
  }

  reset(): void {
    this.#integrity = this.#asked
  }

  #settle(integrity: 'sha1' | 'sha256', verdict: Verdict): ResponseVerdict {
    if (verdict !== 'valid') return 'discard'
    this.#integrity = integrity
    return 'accept'
  }
}
