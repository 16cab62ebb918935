import type { StunHash } from '../../stun/hash.ts'
import { nodeHash } from '../../stun/io/node-hash.ts'
import type { StunMessage } from '../../stun/message.ts'
import type { StunWriter } from '../../stun/writer.ts'
import {
  noAuthentication,
  type ResponseVerdict,
  type StunAuthentication,
  type StunSignature,
} from '../stun/authentication.ts'
import type { StunCredentials } from '../stun/credentials.ts'
import { LongTermAuthentication } from '../stun/long-term.ts'
import { ShortTermAuthentication } from '../stun/short-term.ts'

/** Credentials that can be set after the client was made, long-term or short-term. */
export class TurnCredentials implements StunAuthentication {
  readonly #hash: StunHash
  readonly #unsignedErrors: 'accept' | 'discard'
  #mechanism: StunAuthentication = noAuthentication
  #unchallenged: StunAuthentication = noAuthentication

  /** `unsignedErrors`: see LongTermOptions; coturn does not sign its refusals. */
  constructor(hash: StunHash, unsignedErrors: 'accept' | 'discard') {
    this.#hash = hash
    this.#unsignedErrors = unsignedErrors
  }

  set(credentials: StunCredentials, term: 'long' | 'short' = 'long'): void {
    this.#mechanism =
      term === 'short'
        ? new ShortTermAuthentication(credentials, this.#hash)
        : new LongTermAuthentication(credentials, this.#hash, { unsignedErrors: this.#unsignedErrors })
    this.#unchallenged = term === 'short' ? this.#mechanism : noAuthentication
  }

  /**
   * For Binding and Shared Secret: TURN servers take and give them unsigned even where they want long-term credentials
   * for all else.
   */
  get unchallenged(): StunAuthentication {
    return {
      sign: writer => this.#unchallenged.sign(writer),
      judge: (response, signature, attempt) => this.#unchallenged.judge(response, signature, attempt),
      vouchesFor: (response, signature) => this.#unchallenged.vouchesFor(response, signature),
      reset: () => this.#unchallenged.reset(),
    }
  }

  sign(writer: StunWriter): StunSignature | undefined {
    return this.#mechanism.sign(writer)
  }

  judge(response: StunMessage, signature: StunSignature | undefined, attempt: number): ResponseVerdict {
    return this.#mechanism.judge(response, signature, attempt)
  }

  vouchesFor(response: StunMessage, signature: StunSignature | undefined): boolean {
    return this.#mechanism.vouchesFor(response, signature)
  }

  reset(): void {
    this.#mechanism.reset()
  }
}

/** Credentials to be set later; until then requests go out bare. */
export function turnCredentials(
  unsignedErrors: 'accept' | 'discard' = 'accept',
  hash: StunHash = nodeHash,
): TurnCredentials {
  return new TurnCredentials(hash, unsignedErrors)
}
