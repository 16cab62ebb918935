/** What became of protected packets, or of such as should have been. */
export interface SrtpFlowCounters {
  authenticated: number
  /** Forged, cut short, unprotected or under another key; dropped. */
  failed: number
  replayed: number
  /** Before the replay window; dropped. */
  old: number
  /** Under a master key that nobody agreed on; dropped. */
  mki: number
  /** Of more sources than are kept; neither sent nor heard. */
  sources: number
  /** Neither sent nor heard: the last master key has served its lifetime (RFC 3711 §9.2). */
  expired: number
  /** Not sent: an index goes out once. */
  reused: number
  /** Came before the keys; the newest 16 are read once these are there. */
  early: number
  /** Neither sent nor heard, for protection was asked for and there are no keys. */
  unprotected: number
}
