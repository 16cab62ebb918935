/** What can be chosen: more often the heavier it is, never with a weight of 0. */
export interface Weighted {
  readonly url: string
  readonly weight: number
}

/**
 * The candidates in the order in which to try them for a key, by weighted rendezvous hashing: the same key finds the
 * same candidate wherever and whenever it is asked, and when one is missing only its own keys move.
 */
export function weightedOrder<T extends Weighted>(key: string, candidates: readonly T[]): T[] {
  const scored: [score: number, candidate: T][] = []
  for (const candidate of candidates) {
    if (candidate.weight > 0) scored.push([score(key, candidate), candidate])
  }
  scored.sort(([one], [other]) => other - one)
  return scored.map(([, candidate]) => candidate)
}

function score(key: string, { url, weight }: Weighted): number {
  return weight / -Math.log((hash(`${url} ${key}`) + 0.5) / 2 ** 32)
}

/** FNV-1a, its bits mixed once more because near keys would else fall near each other. */
function hash(text: string): number {
  let state = 0x811c9dc5
  for (let i = 0; i < text.length; i++) state = Math.imul(state ^ text.charCodeAt(i), 0x01000193)
  state = Math.imul(state ^ (state >>> 16), 0x85ebca6b)
  state = Math.imul(state ^ (state >>> 13), 0xc2b2ae35)
  return (state ^ (state >>> 16)) >>> 0
}
