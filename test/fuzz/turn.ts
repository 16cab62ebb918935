import { packetKind } from '../../src/media/socket/index.ts'
import {
  ChannelNumber,
  ConnectionId,
  Data,
  Icmp,
  Lifetime,
  method,
  StunWriter,
  XorMappedAddress,
  XorPeerAddress,
  XorRelayedAddress,
} from '../../src/media/stun/index.ts'
import { TurnClient } from '../../src/media/turn/index.ts'
import { SimulatedClock } from '../../src/util/clock.ts'
import { seededRandom, Tokens } from '../../src/util/random.ts'
import { Timers } from '../../src/util/timers.ts'

const server = { address: '192.0.2.1', port: 3478 }
const relay = { address: '192.0.2.1', port: 50_000 }
const peer = { address: '203.0.113.9', port: 7000 }

/** What a run saw, to show that the mutations reach both sides of the checks. */
export interface TurnFuzzReport {
  readonly runs: number
  readonly delivered: number
  readonly dropped: number
  readonly allocated: number
}

/**
 * Feeds `count` mutated messages of a server to a TURN client with an allocation, a channel and a permission. Throws
 * where the client does, or where the octets are changed.
 */
export function fuzzTurn(count: number, seed: number): TurnFuzzReport {
  const dice = new Tokens(seededRandom(seed))
  const clock = new SimulatedClock()
  const report = { runs: count, delivered: 0, dropped: 0, allocated: 0 }
  let request: Buffer = Buffer.alloc(20)
  let standing = false
  const client = new TurnClient(
    {
      server,
      timers: new Timers(clock),
      random: seededRandom(seed + 1),
      transport: {
        reliable: false,
        send(bytes) {
          request = Buffer.from(bytes)
        },
      },
    },
    {
      onAllocated() {
        standing = true
        report.allocated++
        client.permit(peer.address)
        client.setActiveDestination(peer)
      },
      onAllocationFailure() {},
      onRefreshed() {},
      onRefreshFailure() {},
      onAllocationLost() {
        standing = false
      },
      onReleased() {
        standing = false
      },
      onChannelBound() {},
      onChannelFailure() {},
      onPermissionFailure() {},
      onData: () => report.delivered++,
      onIcmp: () => report.delivered++,
      onConnectionAttempt: () => report.delivered++,
      onServerChanged() {},
    },
  )
  let asked = false
  for (let run = 0; run < count; run++) {
    if (!standing && (!asked || dice.below(200) === 0)) asked = allocate(client)
    if (standing && client.allocation !== undefined && dice.below(2000) === 0) {
      standing = false
      client.release()
    }
    const bytes = mutated(dice, message(dice, request))
    const before = bytes.toString('hex')
    try {
      client.receive(bytes, server.address, server.port)
      packetKind(bytes)
    } catch (error) {
      throw new Error(`run ${run} of seed ${seed}, octets ${before}`, { cause: error })
    }
    if (bytes.toString('hex') !== before) throw new Error(`run ${run} changed the octets ${before}`)
    if (dice.below(500) === 0) clock.advance(dice.below(120_000))
  }
  const { counters, stunCounters } = client
  const all = [...Object.values(counters), ...Object.values(stunCounters)]
  report.dropped = all.reduce((total, one) => total + one, 0)
  return report
}

/** True; a client that waits for an answer, or has one, says so and is left alone. */
function allocate(client: TurnClient): true {
  try {
    client.allocate()
  } catch {
    // under way already
  }
  return true
}

/** A whole message to start from: channel data, an indication, or the answer to the last request. */
function message(dice: Tokens, request: Buffer): Buffer {
  const kind = dice.below(6)
  const id = request.subarray(8, 20)
  if (kind === 0) return Buffer.from([0x40, dice.below(2), 0, 8, ...new Uint8Array(8)])
  if (kind === 1) {
    return new StunWriter(method.Data, 'indication', id)
      .add(XorPeerAddress, dice.below(2) === 0 ? peer : relay)
      .add(Data, new Uint8Array(dice.below(20)))
      .finish()
  }
  if (kind === 2) {
    return new StunWriter(method.Data, 'indication', id)
      .add(XorPeerAddress, peer)
      .add(Icmp, { type: 3, code: 4, data: 1280 })
      .finish()
  }
  if (kind === 3) {
    return new StunWriter(method.ConnectionAttempt, 'indication', id)
      .add(XorPeerAddress, peer)
      .add(ConnectionId, 7)
      .finish()
  }
  const asked = (request[0] ?? 0) === 0 ? (request[1] ?? 0) : method.Refresh
  return new StunWriter(asked & 0xf, 'success', id)
    .add(XorRelayedAddress, relay)
    .add(XorMappedAddress, peer)
    .add(Lifetime, dice.below(1200))
    .add(ChannelNumber, 0x4000)
    .finish()
}

/** None, one or some octets changed, the end cut off, or more put behind. */
function mutated(dice: Tokens, original: Buffer): Buffer {
  const bytes = Buffer.from(original)
  for (let i = dice.below(4); i > 0; i--) bytes[dice.below(bytes.length)] = dice.byte()
  const kind = dice.below(8)
  if (kind === 0) return bytes.subarray(0, dice.below(bytes.length))
  return kind === 1 ? Buffer.concat([bytes, Buffer.alloc(dice.below(12))]) : bytes
}
