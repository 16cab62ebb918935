import { hash64 } from '../../util/hash.ts'
import type { Target } from '../transport/selector.ts'

/**
 * The one target that a stateless proxy sends to (RFC 3261 §16.11, RFC 3263 §4.4): the one that weighs most with the
 * branch, which is the same for an INVITE, its retransmissions, its CANCEL and its ACK. The order in which they were
 * found does not matter, and one that comes or goes moves no more than its own share.
 */
export function chooseTarget(targets: readonly Target[], branch: string): Target | undefined {
  if (targets.length < 2) return targets[0]
  let chosen: Target | undefined
  let most = ''
  for (const target of targets) {
    const weight = hash64(`${branch} ${target.protocol} ${target.address} ${target.port}`)
    if (weight < most) continue
    chosen = target
    most = weight
  }
  return chosen
}
