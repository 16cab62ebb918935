import { randomFillSync } from 'node:crypto'
import type { RandomSource } from '../util/random.ts'

/** The operating system's randomness. */
export const systemRandom: RandomSource = {
  fill: bytes => randomFillSync(bytes),
}
