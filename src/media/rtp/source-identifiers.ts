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

interface Addresses {
  data: string | undefined
  control: string | undefined
  heardAt: number
}

/** Collision and loop detection as RFC 3550 §8.2, over bounded tables. */
export class SourceIdentifiers {
  readonly #table = new Map<number, Addresses>()
  readonly #conflicting = { data: new Map<string, number>(), control: new Map<string, number>() }
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
   */
  check(
    ssrc: number,
    address: string,
    kind: SourceKind,
    now: number,
    cnameDiffers: boolean = false,
  ): IdentifierVerdict {
    if (ssrc === this.#own) return this.#checkOwn(address, kind, now)
    const entry = this.#table.get(ssrc)
    if (entry === undefined) {
      if (this.#table.size >= this.#capacity) return 'full'
      this.#table.set(ssrc, {
        data: kind === 'data' ? address : undefined,
        control: kind === 'control' ? address : undefined,
        heardAt: now,
      })
      return 'accepted'
    }
    const known = entry[kind]
    if (known === undefined || known === address) {
      entry[kind] = address
      entry.heardAt = now
      return 'accepted'
    }
    return cnameDiffers ? 'third-party-collision' : 'third-party-loop'
  }

  #checkOwn(address: string, kind: SourceKind, now: number): IdentifierVerdict {
    const conflicting = this.#conflicting[kind]
    if (!conflicting.has(address) && conflicting.size >= this.#capacity) return 'full'
    const verdict = conflicting.has(address) ? 'own-loop' : 'own-collision'
    conflicting.set(address, now)
    return verdict
  }

  /** After a collision: the other keeps the old identifier, at its address, and `ssrc` is ours. */
  renew(ssrc: number, address: string, kind: SourceKind, now: number): void {
    this.#table.set(this.#own, {
      data: kind === 'data' ? address : undefined,
      control: kind === 'control' ? address : undefined,
      heardAt: now,
    })
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
    for (const list of [this.#conflicting.data, this.#conflicting.control]) {
      for (const [address, last] of list) if (last < conflictSince) list.delete(address)
    }
    const gone: number[] = []
    for (const [ssrc, { heardAt }] of this.#table) if (heardAt < silentSince) gone.push(ssrc)
    for (const ssrc of gone) this.#table.delete(ssrc)
    return gone
  }
}
