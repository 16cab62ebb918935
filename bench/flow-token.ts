import { createHmac, createSecretKey } from 'node:crypto'
import { FlowTokens } from '../src/stack/forward/flow-token.ts'
import { parseMessage, type Via } from '../src/stack/index.ts'
import type { Measurement } from './measurement.ts'
import { median } from './median.ts'

const ROUNDS = 7
const COUNT = 100_000
const secret = Uint8Array.from({ length: 20 }, (_, at) => 7 * at)
const key = createSecretKey(secret)
const tokens = new FlowTokens(secret, 'dWzL4x0PqA')
const BRANCH = 'z9hG4bK0123456789abcdef.0123456789abcdef'

/** What signing our Via costs a request, and checking it a response, beside `createHmac` over as many octets. */
export function flowToken(): Measurement[] {
  const below = viaBelow()
  const token = tokens.ofWay(0, 12, BRANCH, below)
  const octets = Buffer.alloc(SIGNED, 'z9hG4bK')
  const times = measured([
    () => tokens.ofWay(0, 12, BRANCH, below).length,
    () => tokens.wayOf(token, BRANCH, below)?.connection ?? 0,
    () => createHmac('sha1', key).update(octets).digest().length,
  ])
  const [sign = 0, check = 0, peer = 0] = times
  return [
    {
      bench: 'hmac',
      case: 'sign the way back in our Via',
      value: sign,
      unit: 'µs',
      peers: { createHmac: peer },
    },
    { bench: 'hmac', case: 'check it in a response', value: check, unit: 'µs', peers: { createHmac: peer } },
  ]
}

/** Octets that are signed of such a Via. */
const SIGNED = 150

function viaBelow(): Via {
  const message = parseMessage(
    Buffer.from(
      'OPTIONS sip:a SIP/2.0\r\nVia: SIP/2.0/UDP pc33.example.com:5060;branch=z9hG4bKnashds8-12345-0;rport\r\n\r\n',
    ),
    { protocol: 'UDP', transport: 't', address: '198.51.100.7', port: 40_123, connection: 0 },
  )
  if (message instanceof Error) throw message
  return message.via
}

function measured(works: readonly (() => number)[]): number[] {
  const times = works.map((): number[] => [])
  let used = 0
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [index, work] of works.entries()) {
      const began = process.cpuUsage()
      for (let i = 0; i < COUNT; i++) used += work()
      const { user, system } = process.cpuUsage(began)
      if (round > 0) times[index]?.push((user + system) / COUNT)
    }
  }
  if (used === 0) throw new Error('nothing was signed')
  return times.map(median)
}
