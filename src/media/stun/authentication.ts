import type { StunMessage } from './message.ts'
import type { StunWriter } from './writer.ts'

/** What to do with a response (RFC 8489 §9.1.4, §9.2.5). */
export type ResponseVerdict =
  /** It is the server's: hand it on. */
  | 'accept'
  /** Not vouched for: as if it had never come. */
  | 'discard'
  /** A challenge that was taken in: send the request again, signed anew. */
  | 'retry'

/** How a client's requests are signed and the responses to them judged; one for each server. */
export interface StunAuthentication {
  /** Adds the credentials and the integrity attributes; nothing where nothing is known yet. */
  sign(writer: StunWriter): void
  /**
   * Judges a response to a request signed by `sign`. `attempt` counts the requests sent so far for the same purpose,
   * from 1.
   */
  judge(response: StunMessage, attempt: number): ResponseVerdict
  /** Whether `response` bears a good signature of the server. */
  vouchesFor(response: StunMessage): boolean
  /** Forgets what one server told, before another is asked. */
  reset(): void
}

/** No credentials: every response is taken. */
export const noAuthentication: StunAuthentication = {
  sign() {},
  judge: () => 'accept',
  vouchesFor: () => false,
  reset() {},
}
