import { hash64 } from '../../util/hash.ts'
import type { Target } from '../transport/selector.ts'

/**
 * The one target that a stateless proxy sends to (RFC 3261 §16.11, RFC 3263 §4.4): the one that weighs most with the
 * branch, which is the same for an INVITE, its retransmissions, its CANCEL and its ACK. Of many branches each target gets
 * its share. The order in which they were found does not matter, and one that comes or goes moves no more than its own.
 */
export function chooseTarget(targets: readonly Target[], branch: string): Target | undefined {
  if (targets.length < 2) return targets[0]
  let chosen: Target | undefined
  let least = Number.POSITIVE_INFINITY
  for (const target of targets) {
    const hash = hash64(`${branch} ${target.protocol} ${target.address} ${target.port}`)
    const part = (Number.parseInt(hash.slice(0, 12), 16) + 1) / HASHES
    // the least of exponential variates is each one's in proportion to its rate
    const wait = -Math.log(part) / (target.share ?? 1)
    if (wait > least) continue
    chosen = target
    least = wait
  }
  return chosen
}

/** Values of twelve hexadecimal digits. */
const HASHES = 2 ** 48
