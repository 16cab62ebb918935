import type { IntegrityKey } from '../../stun/hash.ts'
import type { StunMessage } from '../../stun/message.ts'
import type { StunWriter } from '../../stun/writer.ts'

/** What to do with a response (RFC 8489 §9.1.4, §9.2.5). */
export type ResponseVerdict =
  /** It is the server's: hand it on. */
  | 'accept'
  /** Not vouched for: as if it had never come. */
  | 'discard'
  /** A challenge that was taken in: send the request again, signed anew. */
  | 'retry'

/** What a request was signed with; `undefined` for one that was not. */
export interface StunSignature {
  readonly key: IntegrityKey
  /** Long-term credentials: what the server had told. */
  readonly realm?: string
  readonly nonce?: string
}

/** How a client's requests are signed and the responses to them judged; one for each server. */
export interface StunAuthentication {
  /** Adds the credentials and the integrity attributes; nothing where nothing is known yet. */
  sign(writer: StunWriter): StunSignature | undefined
  /**
   * Judges a response to a request that bears `signature`. `attempt` counts the requests sent so far for the same
   * purpose, from 1.
   */
  judge(response: StunMessage, signature: StunSignature | undefined, attempt: number): ResponseVerdict
  /** Whether `response` bears a good signature of the server. */
  vouchesFor(response: StunMessage, signature: StunSignature | undefined): boolean
  /** Forgets what one server told, before another is asked. */
  reset(): void
}

/** No credentials: every response is taken. */
export const noAuthentication: StunAuthentication = {
  sign: () => undefined,
  judge: () => 'accept',
  vouchesFor: () => false,
  reset() {},
}
