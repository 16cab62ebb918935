import type { SrvRecord } from '../../net/resolver/resolver.ts'
import { familyOf } from '../../util/address.ts'
import { consistsOf, HOST } from '../grammar/chars.ts'

/** A whole number from 0 up to, not including, the limit. */
export type Below = (limit: number) => number

/** Whether a record can be used at all: its target is a name, and its numbers are numbers of their fields. */
export function isUsableSrv({ priority, weight, port, target }: SrvRecord): boolean {
  return (
    isWord(priority) &&
    isWord(weight) &&
    isWord(port) &&
    port > 0 &&
    consistsOf(HOST, target) &&
    familyOf(target) === undefined
  )
}

/**
 * Up to `most` of the records in the order to try them (RFC 2782): by priority, and within one at random by weight, so
 * that a member gets its share of the first tries and, when it fails, the others theirs of its.
 */
export function chosenSrv(records: readonly SrvRecord[], below: Below, most: number): readonly SrvRecord[] {
  if (records.length < 2) return records
  const sorted = [...records].sort(byPriority)
  const chosen: SrvRecord[] = []
  for (let from = 0; from < sorted.length && chosen.length < most; ) {
    const priority = sorted[from]?.priority
    let to = from + 1
    while (to < sorted.length && sorted[to]?.priority === priority) to++
    draw(sorted.slice(from, to), below, most, chosen)
    from = to
  }
  return chosen
}

/**
 * The records of the best priority in an order that is always the same (RFC 3263 §4.4): heavier ones first, then by
 * name. What is forwarded without state may not go to a backup because the order was another this time.
 */
export function settledSrv(records: readonly SrvRecord[], most: number): readonly SrvRecord[] {
  if (records.length < 2) return records
  const sorted = [...records].sort(
    (a, b) =>
      a.priority - b.priority || b.weight - a.weight || compare(a.target, b.target) || a.port - b.port,
  )
  return sorted.filter(({ priority }) => priority === sorted[0]?.priority).slice(0, most)
}

/** RFC 2782, `Weight`: those of weight 0 stand in front, so that they are drawn hardly ever while others are left. */
function draw(group: SrvRecord[], below: Below, most: number, into: SrvRecord[]): void {
  let total = 0
  for (const { weight } of group) total += weight
  while (group.length > 0 && into.length < most) {
    const [record] = group.splice(placeOf(group, below(total + 1)), 1)
    if (record === undefined) return
    total -= record.weight
    into.push(record)
  }
}

/** The first record whose running sum is not less than the number drawn. */
function placeOf(group: readonly SrvRecord[], drawn: number): number {
  let sum = 0
  for (const [at, { weight }] of group.entries()) {
    sum += weight
    if (sum >= drawn) return at
  }
  return 0
}

function byPriority(a: SrvRecord, b: SrvRecord): number {
  return a.priority - b.priority || (a.weight === 0 ? 0 : 1) - (b.weight === 0 ? 0 : 1)
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function isWord(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= 0xffff
}
