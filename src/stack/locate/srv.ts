import type { SrvRecord } from '../../net/resolver/resolver.ts'
import { inSrvOrder } from '../../net/resolver/srv-order.ts'
import { familyOf } from '../../util/address.ts'
import { consistsOf, HOST } from '../grammar/chars.ts'

/** A whole number from 0 up to, not including, the limit. */
export type Below = (limit: number) => number

/** Records that are drawn from; a name server that tells more is asked by nobody that means well. */
const MAX_DRAWN = 256

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
  // to draw takes time that grows with the square of their number
  const drawn =
    records.length > MAX_DRAWN
      ? records.toSorted((a, b) => a.priority - b.priority).slice(0, MAX_DRAWN)
      : records
  return inSrvOrder(drawn, below).slice(0, most)
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

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function isWord(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= 0xffff
}
