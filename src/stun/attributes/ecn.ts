import type { StunAttribute } from '../attribute.ts'
import { octet } from '../octets.ts'
import { within } from './formats.ts'

/** The two ECN bits of the packet that is answered; `undefined` in a request, or where they are not known. */
export interface EcnEcho {
  readonly ecn: number | undefined
}

/** RFC 6679 §7.2.2. */
export const EcnCheck: StunAttribute<EcnEcho> = {
  type: 0x802d,
  name: 'ECN-CHECK',
  decode({ bytes }, offset, length) {
    if (length !== 4) return undefined
    const bits = octet(bytes, offset + 3)
    return { ecn: (bits & 1) === 0 ? undefined : (bits >> 1) & 3 }
  },
  encode: (writer, { ecn }) => writer.uint32(ecn === undefined ? 0 : (within(ecn, 3, 'ECN') << 1) | 1),
}
