import { type Remote, sameRemote } from '../../util/address.ts'

/** Whether an identifier was heard in RTP or in RTCP: their addresses are kept apart (RFC 3550 §8.2). */
export type SourceKind = 'data' | 'control'

/**
 * What a packet's identifier and transport address say together. Only `accepted` is processed further; `own-collision`
 * asks for a BYE and a new SSRC, once for each conflicting address.
 */
export type IdentifierVerdict =
  | 'accepted'
  | 'full'
  | 'third-party-collision'
  | 'third-party-loop'
  | 'own-loop'
  | 'own-collision'

interface Entry {
  data: Remote | undefined
  control: Remote | undefined
  heardAt: number
}

interface Conflict {
  readonly from: Remote
  at: number
}

/** Collision and loop detection as RFC 3550 §8.2, over bounded tables. */
export class SourceIdentifiers {
  readonly #table = new Map<number, Entry>()
  readonly #conflicting: Record<SourceKind, Conflict[]> = { data: [], control: [] }
  readonly #capacity: number
  #own: number

  constructor(own: number, capacity: number = 1024) {
    this.#own = own
    this.#capacity = capacity
  }

  get own(): number {
    return this.#own
  }

  get size(): number {
    return this.#table.size
  }

  has(ssrc: number): boolean {
    return ssrc === this.#own || this.#table.has(ssrc)
  }

  /**
   * `cnameDiffers` says that the identifier came with a CNAME other than the one known for it; `now` in milliseconds.
   * Addresses are compared by identity, then by value.
   */
  check(
    ssrc: number,
    from: Remote,
    kind: SourceKind,
    now: number,
    cnameDiffers: boolean = false,
  ): IdentifierVerdict {
    if (ssrc === this.#own) return this.#checkOwn(from, kind, now)
    const entry = this.#table.get(ssrc)
    if (entry === undefined) {
      if (this.#table.size >= this.#capacity) return 'full'
      this.#table.set(ssrc, entryOf(from, kind, now))
      return 'accepted'
    }
    const known = entry[kind]
    if (known !== undefined && !sameRemote(known, from)) {
      return cnameDiffers ? 'third-party-collision' : 'third-party-loop'
    }
    entry[kind] = known ?? from
    entry.heardAt = now
    return 'accepted'
  }

  #checkOwn(from: Remote, kind: SourceKind, now: number): IdentifierVerdict {
    const conflicting = this.#conflicting[kind]
    const known = conflicting.find(conflict => sameRemote(conflict.from, from))
    if (known !== undefined) {
      known.at = now
      return 'own-loop'
    }
    if (conflicting.length >= this.#capacity) return 'full'
    conflicting.push({ from, at: now })
    return 'own-collision'
  }

  /** Ours is another from here on, and nobody has the old one. */
  rename(ssrc: number): void {
    this.#own = ssrc
  }

  /** After a collision: the other keeps the old identifier, at its address, and `ssrc` is ours. */
  renew(ssrc: number, from: Remote, kind: SourceKind, now: number): void {
    this.#table.set(this.#own, entryOf(from, kind, now))
    this.#own = ssrc
  }

  /** A BYE, from the address that the identifier is known at, or a time-out. */
  remove(ssrc: number): void {
    this.#table.delete(ssrc)
  }

  /** Signalling moved the peer: its identifiers may come from anywhere again (§8.2, telephony). */
  forgetAddresses(): void {
    this.#table.clear()
  }

  /**
   * Drops and answers the identifiers that were silent since `silentSince`, members or not (§6.3.5), and drops the
   * conflicting addresses that were since `conflictSince`: ten report intervals ago is usual (§8.2).
   */
  expire(silentSince: number, conflictSince: number): number[] {
    const { data, control } = this.#conflicting
    for (const list of [data, control]) {
      const kept = list.filter(({ at }) => at >= conflictSince)
      list.splice(0, list.length, ...kept)
    }
    const gone: number[] = []
    for (const [ssrc, { heardAt }] of this.#table) if (heardAt < silentSince) gone.push(ssrc)
    for (const ssrc of gone) this.#table.delete(ssrc)
    return gone
  }
}

function entryOf(from: Remote, kind: SourceKind, heardAt: number): Entry {
  return {
    data: kind === 'data' ? from : undefined,
    control: kind === 'control' ? from : undefined,
    heardAt,
  }
}
