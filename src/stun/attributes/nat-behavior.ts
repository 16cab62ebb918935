import type { StunAttribute } from '../attribute.ts'
import { uint32 } from '../octets.ts'
import { halfWordAttribute, octetsAttribute, wordAttribute } from './formats.ts'

/** From which of the server's addresses the response shall come (RFC 5780 §7.2). */
export const ChangeRequest: StunAttribute<{ readonly changeIp: boolean; readonly changePort: boolean }> = {
  type: 0x0003,
  name: 'CHANGE-REQUEST',
  decode({ bytes }, offset, length) {
    if (length !== 4) return undefined
    const flags = uint32(bytes, offset)
    return { changeIp: (flags & 4) !== 0, changePort: (flags & 2) !== 0 }
  },
  encode: (writer, { changeIp, changePort }) => writer.uint32((changeIp ? 4 : 0) | (changePort ? 2 : 0)),
}

/** Octets of no meaning that make a datagram large (RFC 5780 §7.6). */
export const Padding: StunAttribute<Uint8Array> = octetsAttribute(0x0026, 'PADDING')

/** To which port the response shall go (RFC 5780 §7.5). */
export const ResponsePort: StunAttribute<number> = halfWordAttribute(0x0027, 'RESPONSE-PORT')

/** Seconds for which a server keeps a response (RFC 5780 §9.1). */
export const CacheTimeout: StunAttribute<number> = wordAttribute(0x8027, 'CACHE-TIMEOUT')
