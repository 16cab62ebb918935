/** The fixed header of every STUN message (RFC 8489 §5): type, length, magic cookie, transaction id. */
export const headerLength = 20

/** Tells RFC 5389 and later from RFC 3489, whose transaction id begins where the cookie stands. */
export const magicCookie = 0x2112a442

export type StunClass = 'request' | 'indication' | 'success' | 'error'

/** Methods of the IANA registry: RFC 3489, 8489, 8656 and 6062. */
export const method = {
  Binding: 0x001,
  SharedSecret: 0x002,
  Allocate: 0x003,
  Refresh: 0x004,
  Send: 0x006,
  Data: 0x007,
  CreatePermission: 0x008,
  ChannelBind: 0x009,
  Connect: 0x00a,
  ConnectionBind: 0x00b,
  ConnectionAttempt: 0x00c,
} as const

const classes: readonly StunClass[] = ['request', 'indication', 'success', 'error']

/** The 14-bit type: the method's bits with the two class bits between them (RFC 8489 Figure 3). */
export function messageType(stunMethod: number, stunClass: StunClass): number {
  const bits = classes.indexOf(stunClass)
  return (
    ((stunMethod & 0xf80) << 2) |
    ((stunMethod & 0x070) << 1) |
    (stunMethod & 0x00f) |
    ((bits & 2) << 7) |
    ((bits & 1) << 4)
  )
}

export function methodOf(type: number): number {
  return ((type & 0x3e00) >> 2) | ((type & 0x00e0) >> 1) | (type & 0x000f)
}

export function classOf(type: number): StunClass {
  return classes[((type & 0x100) >> 7) | ((type & 0x10) >> 4)] ?? 'request'
}
