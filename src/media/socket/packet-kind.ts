/** What a datagram on a media socket is, by its first octets (RFC 7983 §7, RFC 5761 §4). */
export type PacketKind = 'stun' | 'zrtp' | 'dtls' | 'channel' | 'rtp' | 'rtcp' | 'unknown'

const SHORTEST_RTP = 12
const SHORTEST_RTCP = 4

/** A look at two octets and the length; nothing else is checked. */
export function packetKind(bytes: Uint8Array): PacketKind {
  const first = bytes[0] ?? 255
  if (first < 4) return 'stun'
  if (first < 16) return 'unknown'
  if (first < 20) return 'zrtp'
  if (first < 64) return 'dtls'
  if (first < 80) return 'channel'
  if (first < 128 || first > 191) return 'unknown'
  // packet types 192 to 223: payload types 64 to 95 with the marker are kept free of RTP (RFC 5761 §4)
  const second = bytes[1] ?? 0
  if (second >= 192 && second <= 223) return bytes.length >= SHORTEST_RTCP ? 'rtcp' : 'unknown'
  return bytes.length >= SHORTEST_RTP ? 'rtp' : 'unknown'
}
