import { stun } from 'resip/media'
import type { Measurement } from './measurement.ts'

const ROUNDS = 5
const key = stun.shortTermKey('VOkJxbRl1RmTxUk/WvJxBt', stun.nodeHash)
const id = new Uint8Array([0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae])
const kept: stun.StunMessage[] = []
let next = 0
const source = { address: '192.0.2.1', port: 32853 }

/** Messages a second: what an ICE agent and a STUN server do to each datagram. */
export async function stunMessages(): Promise<Measurement[]> {
  const check = iceCheck().integrity(key).fingerprint().finish()
  const response = new stun.StunWriter(1, 'success', id)
    .add(stun.XorMappedAddress, source)
    .integrity(key)
    .fingerprint()
    .finish()
  return [
    measure('parse an ICE check of 6 attributes', 2_000_000, () => keep(parsed(check))),
    measure('parse a Binding response of 3 attributes', 2_000_000, () => keep(parsed(response))),
    measure('parse, and read the user name', 1_000_000, () => parsed(check).get(stun.Username)?.length ?? 0),
    measure(
      'parse, and read the mapped address',
      1_000_000,
      () => parsed(response).get(stun.XorMappedAddress)?.port ?? 0,
    ),
    measure('parse, and check the fingerprint', 1_000_000, () => stun.checkFingerprint(parsed(check)).length),
    measure('parse, and check the integrity', 200_000, () => stun.checkIntegrity(parsed(check), key).length),
    measure('encode an ICE check, unsigned', 500_000, () => iceCheck().finish().length),
    measure(
      'encode an ICE check, signed',
      200_000,
      () => iceCheck().integrity(key).fingerprint().finish().length,
    ),
  ]
}

function iceCheck(): stun.StunWriter {
  return new stun.StunWriter(1, 'request', id)
    .add(stun.Username, 'evtj:h6vY')
    .add(stun.Priority, 0x6e0001ff)
    .add(stun.IceControlling, 0x932ff9b151263b36n)
    .add(stun.UseCandidate, true)
}

function parsed(bytes: Uint8Array): stun.StunMessage {
  const message = stun.parseStun(bytes)
  if (message instanceof stun.StunMessage) return message
  throw new Error(message)
}

/** Holds on to the last messages, lest the optimizer make none. */
function keep(message: stun.StunMessage): number {
  kept[next] = message
  next = (next + 1) & 63
  return 1
}

/** The median of some rounds, after one to warm up. */
function measure(name: string, count: number, work: () => number): Measurement {
  const rates: number[] = []
  let used = 0
  for (let round = 0; round <= ROUNDS; round++) {
    const begin = performance.now()
    for (let i = 0; i < count; i++) used += work()
    if (round > 0) rates.push((1000 * count) / (performance.now() - begin))
  }
  if (used === 0) throw new Error(`${name}: nothing was done`)
  rates.sort((a, b) => a - b)
  return { bench: 'stun', case: name, value: Math.round(rates[ROUNDS >> 1] ?? 0), unit: 'messages/s' }
}
