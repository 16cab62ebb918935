import { systemRandom } from '../../net/random.ts'
import { Tokens } from '../../util/random.ts'
import { MAGIC_COOKIE } from '../headers/via.ts'

/** Mints the identifiers that must be unique across space and time (RFC 3261 §8.1.1.4, §8.1.1.7, §19.3). */
export class Identifiers {
  readonly #tokens: Tokens

  constructor(tokens: Tokens) {
    this.#tokens = tokens
  }

  /** 60 random bits; §19.3 asks for 32. */
  newTag(): string {
    return this.#tokens.next(10)
  }

  newCallId(): string {
    return this.#tokens.next(22)
  }

  /** What no part of a multipart body holds (RFC 2046 §5.1.1). */
  newBoundary(): string {
    return this.#tokens.next(22)
  }

  /** A host that is nobody's (RFC 7118 appendix B.1, RFC 2606 §2): 62 random bits. */
  newHost(): string {
    let name = ''
    while (name.length < 12) name += this.#tokens.below(36).toString(36)
    return `${name}.invalid`
  }

  newBranch(): string {
    return MAGIC_COOKIE + this.#tokens.next(16)
  }
}

/** Identifiers from the operating system's randomness. */
export const systemIdentifiers: Identifiers = new Identifiers(new Tokens(systemRandom))
