import { MessageIntegrity, MessageIntegritySha256, Username } from '../../../stun/attributes/credentials.ts'
import type { StunHash } from '../../../stun/hash.ts'
import { checkIntegrity, checkIntegritySha256 } from '../../../stun/integrity.ts'
import type { StunMessage } from '../../../stun/message.ts'
import { shortTermKey } from '../credentials.ts'
import { type RequestVerdict, refuse, type StunServerAuthentication } from './authentication.ts'

/** The server's side of the short-term credential mechanism (RFC 8489 §9.1.3), as ICE uses it. */
export class ShortTermServerAuthentication implements StunServerAuthentication {
  readonly #password: (username: string) => string | undefined
  readonly #hash: StunHash

  /** `password` gives the password of a user name, or `undefined` for one that is not valid now. */
  constructor(password: (username: string) => string | undefined, hash: StunHash) {
    this.#password = password
    this.#hash = hash
  }

  check(request: StunMessage): RequestVerdict {
    const username = request.get(Username)
    const sha256 = request.has(MessageIntegritySha256)
    if (username === undefined || !(sha256 || request.has(MessageIntegrity))) return refuse(400)
    const password = this.#password(username)
    if (password === undefined) return refuse(401)
    const key = shortTermKey(password, this.#hash)
    const verdict = sha256 ? checkIntegritySha256(request, key) : checkIntegrity(request, key)
    if (verdict !== 'valid') return refuse(401)
    return {
      accepted: true,
      username,
      sign: response => (sha256 ? response.integritySha256(key) : response.integrity(key)),
    }
  }
}
