import type { StunAttribute } from '../attribute.ts'
import { octetsAttribute, textAttribute } from './formats.ts'

/** An OAuth token, opaque to the client (RFC 7635 §6.2). */
export const AccessToken: StunAttribute<Uint8Array> = octetsAttribute(0x001b, 'ACCESS-TOKEN')

/** The server takes tokens, under this name of its own (RFC 7635 §6.1). */
export const ThirdPartyAuthorization: StunAttribute<string> = textAttribute(
  0x802e,
  'THIRD-PARTY-AUTHORIZATION',
)
