/** A participant of the session other than ourselves. */
export interface Member {
  readonly ssrc: number
  cname: string | undefined
  /** When RTP or RTCP last came from it, in milliseconds. */
  heardAt: number
  /** When RTP last came from it; `undefined` where it is no sender. */
  sentAt: number | undefined
}

/**
 * The member and sender tables of RFC 3550 §6.3, bounded: strangers beyond the limit are counted, not kept. Who sends
 * takes the place of the one who sends nothing and was silent longest, so that made-up names keep no sender out.
 */
export class MemberTable {
  readonly #members = new Map<number, Member>()
  readonly #capacity: number
  #senders = 0
  /** How often an identifier found no room. */
  overflow = 0
  /** Members that made room for a sender. */
  displaced = 0

  constructor(capacity: number = 1024) {
    this.#capacity = capacity
  }

  /** Without ourselves. */
  get size(): number {
    return this.#members.size
  }

  get senders(): number {
    return this.#senders
  }

  get(ssrc: number): Member | undefined {
    return this.#members.get(ssrc)
  }

  all(): IterableIterator<Member> {
    return this.#members.values()
  }

  /** A sign of life: RTP where `sending`, else RTCP. */
  hear(ssrc: number, now: number, sending: boolean): Member | undefined {
    let member = this.#members.get(ssrc)
    if (member === undefined) {
      if (this.#members.size >= this.#capacity && !(sending && this.#displace())) {
        this.overflow++
        return undefined
      }
      member = { ssrc, cname: undefined, heardAt: now, sentAt: undefined }
      this.#members.set(ssrc, member)
    }
    member.heardAt = now
    if (sending) {
      if (member.sentAt === undefined) this.#senders++
      member.sentAt = now
    }
    return member
  }

  remove(ssrc: number): boolean {
    const member = this.#members.get(ssrc)
    if (member === undefined) return false
    if (member.sentAt !== undefined) this.#senders--
    return this.#members.delete(ssrc)
  }

  /** §6.3.5: senders silent since `senderSince` become receivers; who was silent since `memberSince` is removed and returned. */
  expire(memberSince: number, senderSince: number): Member[] {
    const gone: Member[] = []
    for (const member of this.#members.values()) {
      if (member.heardAt < memberSince) gone.push(member)
      else if (member.sentAt !== undefined && member.sentAt < senderSince) {
        member.sentAt = undefined
        this.#senders--
      }
    }
    for (const member of gone) this.remove(member.ssrc)
    return gone
  }
  /** Only where the table is full and a new sender comes; false where all are senders. */
  #displace(): boolean {
    let silent: Member | undefined
    for (const member of this.#members.values()) {
      if (member.sentAt !== undefined) continue
      if (silent === undefined || member.heardAt < silent.heardAt) silent = member
    }
    if (silent === undefined) return false
    this.displaced++
    return this.#members.delete(silent.ssrc)
  }
}
