import type { Measurement } from './measurement.ts'
import { profiles, simulate } from './simulated-network.ts'

export const JITTER_SECONDS = 600
const SEED = 7

/** Average delay against late loss of the adaptive buffer over simulated networks, beside fixed delays. */
export async function jitterBuffer(): Promise<Measurement[]> {
  const measurements: Measurement[] = []
  for (const profile of profiles) {
    const result = simulate(profile, {}, JITTER_SECONDS, SEED)
    const fixed = [40, 100].map(delay => ({
      delay,
      ...simulate(profile, { minDelay: delay, maxDelay: delay, initialDelay: delay }, JITTER_SECONDS, SEED),
    }))
    measurements.push(
      {
        bench: 'jitter-buffer',
        case: `${profile.name}: average delay`,
        value: result.averageDelay,
        unit: 'ms',
        peers: Object.fromEntries(fixed.map(each => [`fixed ${each.delay} ms`, each.averageDelay])),
      },
      {
        bench: 'jitter-buffer',
        case: `${profile.name}: late or dropped`,
        value: 100 * result.lateShare,
        unit: '%',
        peers: Object.fromEntries(fixed.map(each => [`fixed ${each.delay} ms`, 100 * each.lateShare])),
        note: `network loss ${((100 * result.networkLost) / result.sent).toFixed(2)} %`,
      },
    )
  }
  return measurements
}
