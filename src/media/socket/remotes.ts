import type { Remote } from '../../util/address.ts'

interface Kept {
  readonly remote: Remote
  uses: number
}

/**
 * One object for each remote that is known, so that a packet's sender is told by identity. Found by port, then by
 * address. Strangers get an object of their own at each packet, and none of them is kept.
 */
export class Remotes {
  readonly #byPort = new Map<number, Kept[]>()

  /** Remotes kept. Whoever keeps one lets go of it: the table is no larger than what its users hold. */
  get size(): number {
    let size = 0
    for (const kept of this.#byPort.values()) size += kept.length
    return size
  }

  /** The object that stands for a sender. */
  find(address: string, port: number): Remote {
    const kept = this.#byPort.get(port)
    if (kept !== undefined) {
      for (const { remote } of kept) if (remote.address === address) return remote
    }
    return { address, port }
  }

  /** From now on, until as many `release`, this object is what `find` answers. */
  keep(remote: Remote): Remote {
    const kept = this.#byPort.get(remote.port)
    const known = kept?.find(entry => entry.remote.address === remote.address)
    if (known !== undefined) {
      known.uses++
      return known.remote
    }
    const entry = { remote: { address: remote.address, port: remote.port }, uses: 1 }
    if (kept === undefined) this.#byPort.set(remote.port, [entry])
    else kept.push(entry)
    return entry.remote
  }

  release(remote: Remote): void {
    const kept = this.#byPort.get(remote.port)
    const at = kept?.findIndex(entry => entry.remote.address === remote.address) ?? -1
    const entry = kept?.[at]
    if (kept === undefined || entry === undefined || --entry.uses > 0) return
    kept.splice(at, 1)
    if (kept.length === 0) this.#byPort.delete(remote.port)
  }
}
