import { createHmac, createSecretKey } from 'node:crypto'
import { HMAC_SHA1_LENGTH, HmacSha1 } from '../src/util/sha1.ts'
import type { Measurement } from './measurement.ts'
import { median } from './median.ts'

const ROUNDS = 7
const COUNT = 100_000
const secret = Uint8Array.from({ length: 20 }, (_, at) => 7 * at)
const key = createSecretKey(secret)
const ours = new HmacSha1(secret)
const out = new Uint8Array(HMAC_SHA1_LENGTH)

/** HMAC-SHA1 of what a Via or an RTP packet holds: ours with its key's states kept, and `createHmac` with a KeyObject. */
export async function hmac(): Promise<Measurement[]> {
  return [40, 100, 172].map(octets => {
    const bytes = Buffer.alloc(octets, 'z9hG4bK')
    const text = bytes.toString('latin1')
    return measured(`${octets} octets`, [
      () => ours.digest(bytes, 0, octets, out, 0),
      () => createHmac('sha1', key).update(bytes).digest(),
      () => ours.digestText(text, out, 0),
    ])
  })
}

function measured(what: string, works: readonly [() => void, () => void, () => void]): Measurement {
  const times = works.map((): number[] => [])
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [index, work] of works.entries()) {
      const began = performance.now()
      for (let i = 0; i < COUNT; i++) work()
      if (round > 0) times[index]?.push((1000 * (performance.now() - began)) / COUNT)
    }
  }
  const [value = 0, createHmac = 0, text = 0] = times.map(median)
  return {
    bench: 'hmac',
    case: what,
    value,
    unit: 'µs',
    peers: { createHmac },
    note: `of text ${text.toFixed(2)}`,
  }
}
