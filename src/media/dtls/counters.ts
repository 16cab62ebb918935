/** What an endpoint dropped without a word (RFC 6347 §4.1.2.7), by why, and how often it sent a flight again. */
export interface DtlsCounters {
  /** Datagrams and records whose lengths lie, and contents that are none. */
  malformed: number
  /** Records of another version than DTLS 1.2, hellos and clear alerts apart. */
  version: number
  /** Records of an epoch that is not, and handshake messages in the wrong one. */
  epoch: number
  /** Records of epoch 1 before its keys, displaced by newer ones. */
  early: number
  /** Records whose tag is false. */
  unauthentic: number
  replayed: number
  /** Clear records from who is not the peer of this handshake. */
  strangers: number
  /** Handshake fragments that fit nowhere: too far ahead, too long, not of their message. */
  fragments: number
  /** Hellos that are none, new ones for an association that stands, and all but the first of a datagram. */
  hellos: number
  /** Hellos that were asked for a cookie. */
  cookies: number
  /** Alerts that changed nothing. */
  alerts: number
  /** Records with application data, of which DTLS-SRTP has none. */
  application: number
  /** Datagrams for an association that has ended. */
  late: number
  /** Flights that were sent again, upon a time-out or for a peer that repeated its own. */
  retransmitted: number
  /** What the user's callbacks threw, or their promises rejected with. */
  callbackErrors: number
}

export function noCounts(): DtlsCounters {
  return {
    malformed: 0,
    version: 0,
    epoch: 0,
    early: 0,
    unauthentic: 0,
    replayed: 0,
    strangers: 0,
    fragments: 0,
    hellos: 0,
    cookies: 0,
    alerts: 0,
    application: 0,
    late: 0,
    retransmitted: 0,
    callbackErrors: 0,
  }
}
