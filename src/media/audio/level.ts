/** dBm0 of a sine of amplitude 32768: A-law's overload point (ITU-T G.711 §4, table 1). */
const FULL_SCALE_DBM0 = 3.14
const FULL_SCALE = 32768

/** The amplitude of a 16-bit sine of `level` dBm0. */
export function amplitudeOf(level: number): number {
  return FULL_SCALE * 10 ** ((level - FULL_SCALE_DBM0) / 20)
}

/** The level in dBm0 of a sine of `amplitude`; −Infinity for silence. */
export function levelOf(amplitude: number): number {
  return 20 * Math.log10(amplitude / FULL_SCALE) + FULL_SCALE_DBM0
}

/** The level in dBm0 of any signal: that of the sine with the same power. */
export function powerLevel(samples: Int16Array): number {
  let energy = 0
  for (const sample of samples) energy += sample * sample
  return samples.length === 0 ? Number.NEGATIVE_INFINITY : levelOf(Math.sqrt((2 * energy) / samples.length))
}
