import type { StunAttributeValue } from '../../../stun/attribute.ts'
import type { TransportAddress } from '../../../stun/ip.ts'
import type { StunMessage } from '../../../stun/message.ts'
import type { StunWriter } from '../../../stun/writer.ts'

/** What a server's credentials say to a request. */
export type RequestVerdict =
  | { readonly accepted: true; readonly username: string | undefined; sign(response: StunWriter): void }
  | { readonly accepted: false; readonly code: number; readonly attributes: readonly StunAttributeValue[] }

/** How a server knows its clients. */
export interface StunServerAuthentication {
  check(request: StunMessage, source: TransportAddress): RequestVerdict
}

/** Everybody is welcome, and nothing is signed. */
export const openServer: StunServerAuthentication = {
  check: () => ({ accepted: true, username: undefined, sign() {} }),
}

/** A refusal with its code and what the code asks to be told. */
export function refuse(code: number, ...attributes: StunAttributeValue[]): RequestVerdict {
  return { accepted: false, code, attributes }
}
