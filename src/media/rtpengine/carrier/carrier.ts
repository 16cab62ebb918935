import type { EnvironmentError, PeerError } from '../../../util/errors.ts'

/** Takes messages to one engine and its replies back: over UDP, TCP, HTTP or WebSocket. */
export interface Carrier {
  /** False where messages can be lost on the way, so that they must be sent again. */
  readonly reliable: boolean
  /** Bytes of the longest message it takes. */
  readonly longestMessage: number
  /**
   * Sends a message, connecting first where there is no connection. Never throws: what fails is told to the receiver.
   */
  send(message: Buffer, cookie: string): void
  /** Nobody waits for the reply to this request any more. */
  forget(cookie: string): void
  /** Lets go of everything; the receiver hears nothing more. May be called again. */
  close(): Promise<void>
}

export interface CarrierReceiver {
  /** One whole message. */
  onMessage(message: Buffer): void
  /** The request with `cookie` cannot be sent or answered any more; without a cookie, none of those under way can. */
  onCarrierFailure(error: EnvironmentError | PeerError, cookie?: string): void
}

/** Makes the carrier to one engine; nothing is connected before the first message. */
export type CarrierFactory = (receiver: CarrierReceiver) => Carrier
