import { encodeSdp, parseSdp } from 'resip/sdp'
import { parse, write } from 'sdp-transform'
import type { Measurement } from './measurement.ts'
import { median } from './median.ts'
import { BROWSER, SIPP } from './sdp/bodies.ts'

const ROUNDS = 51

/** Microseconds to read and to write a description, beside what sdp-transform alone takes in turn with ours. */
export async function sdp(): Promise<Measurement[]> {
  return [
    ...both("SIPp's seven lines", SIPP, 2000),
    ...both(`a browser's offer with video, ${BROWSER.length} octets`, BROWSER, 100),
  ]
}

function both(what: string, text: string, count: number): Measurement[] {
  const ours = parseSdp(text)
  const theirs = parse(text)
  if (encodeSdp(ours) !== text) throw new Error(`${what}: not written as it was read`)
  const bytes = Buffer.from(text)
  return [
    measured(
      `parse ${what}`,
      count,
      () => parseSdp(text),
      () => parse(text),
    ),
    measured(
      `parse ${what}, from octets`,
      count,
      () => parseSdp(bytes),
      () => parse(bytes.toString('utf8')),
    ),
    measured(
      `encode ${what}`,
      count,
      () => encodeSdp(ours),
      () => write(theirs),
    ),
  ]
}

function measured(what: string, count: number, ours: () => unknown, theirs: () => unknown): Measurement {
  const times: [number[], number[]] = [[], []]
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [index, work] of [ours, theirs].entries()) {
      const began = performance.now()
      for (let i = 0; i < count; i++) work()
      if (round > 0) times[index]?.push((1000 * (performance.now() - began)) / count)
    }
  }
  const [value, peer] = [median(times[0]), median(times[1])]
  return {
    bench: 'sdp',
    case: what,
    value,
    unit: 'µs',
    peers: { 'sdp-transform': peer },
    note: `ratio ${(value / peer).toFixed(2)}`,
  }
}
