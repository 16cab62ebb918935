import type { Records, SrvRecord } from './resolver.ts'

/**
 * SRV records in the order in which a client tries them (RFC 2782, usage rules): by priority, and within one by chance in
 * proportion to the weights; `below(n)` answers a random whole number from 0 up to, not including, n.
 */
export function inSrvOrder(records: Records<SrvRecord>, below: (limit: number) => number): SrvRecord[] {
  const left = records.toSorted(
    (a, b) => a.priority - b.priority || Math.sign(a.weight) - Math.sign(b.weight),
  )
  const ordered: SrvRecord[] = []
  while (left.length > 0) ordered.push(...left.splice(drawn(left, below), 1))
  return ordered
}

/** One of those of the first priority, the weightless before the others: each gets a small chance among 0 … sum. */
function drawn(left: readonly SrvRecord[], below: (limit: number) => number): number {
  const priority = left[0]?.priority
  const others = left.findIndex(record => record.priority !== priority)
  const group = others < 0 ? left : left.slice(0, others)
  const sum = group.reduce((total, { weight }) => total + weight, 0)
  if (sum === 0) return below(group.length)
  const mark = below(sum + 1)
  let running = 0
  return group.findIndex(({ weight }) => {
    running += weight
    return running >= mark
  })
}
