import {
  BindingServer,
  ErrorCode,
  IceControlling,
  knownAttributes,
  LongTermAuthentication,
  malformedAttribute,
  Nonce,
  nodeHash,
  PasswordAlgorithms,
  parseStun,
  Realm,
  ShortTermServerAuthentication,
  Software,
  StunClient,
  StunMessage,
  StunWriter,
  shortTermKey,
  turnProcess,
  turnRefreshProcess,
  UnknownAttributes,
  Username,
  unknownRequired,
  XorMappedAddress,
  XorRelayedAddress,
} from '../../src/media/stun/index.ts'
import { SimulatedClock } from '../../src/util/clock.ts'
import { seededRandom, Tokens } from '../../src/util/random.ts'
import { Timers } from '../../src/util/timers.ts'

const source = { address: '198.51.100.7', port: 40000 }
const local = { address: '192.0.2.1', port: 3478 }
const key = shortTermKey('secret', nodeHash)
const compatibilities = ['RFC5766', 'DRAFT9', 'GOOGLE', 'MSN', 'OC2007'] as const

/** What a run saw, to show that the mutations reach both sides of the checks. */
export interface StunFuzzReport {
  readonly runs: number
  readonly parsed: number
  readonly refused: number
  readonly answered: number
  readonly matched: number
}

/**
 * Feeds `count` mutated messages to the parser, every attribute, the checks, the server, the client and the TURN usage
 * functions. Throws where one of them throws, or where a refused message costs anything but one counter.
 */
export function fuzzStun(count: number, seed: number): StunFuzzReport {
  const dice = new Tokens(seededRandom(seed))
  const clock = new SimulatedClock()
  const timers = new Timers(clock)
  const server = new BindingServer({
    other: { address: '192.0.2.2', port: 3479 },
    authentication: new ShortTermServerAuthentication(
      name => (name === 'alice' ? 'secret' : undefined),
      nodeHash,
    ),
  })
  const open = new BindingServer()
  let request: Uint8Array = new Uint8Array(20)
  let ended = 0
  const client = new StunClient({
    server: local,
    timers,
    random: seededRandom(seed + 1),
    authentication: new LongTermAuthentication({ username: 'alice', password: 'secret' }, nodeHash),
    transport: {
      reliable: false,
      send: bytes => {
        request = bytes
      },
    },
  })
  const user = { onSuccess: () => ended++, onFailure: () => ended++ }
  const report = { runs: count, parsed: 0, refused: 0, answered: 0, matched: 0 }
  for (let run = 0; run < count; run++) {
    if (client.pending === 0) client.request({ method: 1 }, user)
    const original = corpus(dice, request)
    const bytes = mutated(dice, original)
    const before = bytes.slice()
    try {
      const message = parseStun(bytes)
      const counted = sum(client.counters) + sum(open.counters)
      const pending = client.pending
      if (server.receive(bytes, source, local).answer !== undefined) report.answered++
      open.receive(bytes, source, local)
      client.receive(bytes, local)
      if (message instanceof StunMessage) {
        report.parsed++
        read(message, run)
      } else {
        report.refused++
        if (sum(client.counters) + sum(open.counters) !== counted + 2)
          throw new Error(`${message} was not counted once`)
        if (client.pending !== pending || timers.size !== pending)
          throw new Error(`${message} moved the client`)
      }
      if (Buffer.compare(bytes, before) !== 0) throw new Error('the octets were changed')
    } catch (error) {
      const octets = Buffer.from(before).toString('hex')
      throw new Error(`run ${run} of seed ${seed}, octets ${octets}`, { cause: error })
    }
    if (dice.below(1000) === 0) clock.advance(dice.below(60_000))
  }
  return { ...report, matched: ended }
}

function read(message: StunMessage, run: number): void {
  for (const attribute of knownAttributes.values()) message.get(attribute)
  for (const type of message.types()) {
    const attribute = knownAttributes.get(type)
    if (attribute) message.all(attribute)
  }
  unknownRequired(message)
  malformedAttribute(message)
  message.get(ErrorCode)
  for (const compatibility of compatibilities) {
    turnProcess(message, compatibility)
    turnRefreshProcess(message, compatibility)
  }
  if (run % 16 === 0 && message.transactionKey.length !== 16) throw new Error('a key of another length')
}

/** A whole message to start from: a request, a response to the request under way, a challenge, a TURN response. */
function corpus(dice: Tokens, request: Uint8Array): Buffer {
  const id = request.subarray(8, 20)
  const kind = dice.below(6)
  if (kind === 0) {
    return new StunWriter(1, 'request', id)
      .add(Software, 'x'.repeat(dice.below(20)))
      .add(Username, dice.below(2) === 0 ? 'alice' : 'bob')
      .add(IceControlling, 1n)
      .integrity(key)
      .integritySha256(key, 16 + 4 * dice.below(5))
      .fingerprint()
      .finish()
  }
  if (kind === 1) return new StunWriter(1, 'success', id).add(XorMappedAddress, source).fingerprint().finish()
  if (kind === 2) {
    const challenge = new StunWriter(1, 'error', id)
      .add(ErrorCode, { code: dice.below(2) === 0 ? 401 : 438, reason: 'No' })
      .add(Realm, 'r')
    if (dice.below(4) === 0) challenge.addOctets(0x0015, new Uint8Array(dice.below(800)).fill(dice.byte()))
    else challenge.add(Nonce, dice.below(2) === 0 ? 'obMatJos2gAAAx' : `n${dice.byte()}`)
    return challenge
      .add(PasswordAlgorithms, [{ algorithm: 2, parameters: new Uint8Array(dice.below(5)) }])
      .finish()
  }
  if (kind === 3) {
    const unknown = new StunWriter(1, 'error', id).add(ErrorCode, { code: 420, reason: 'Unknown' })
    return unknown.add(UnknownAttributes, [1, 2, 3]).finish()
  }
  if (kind === 4) {
    const allocated = new StunWriter(3, 'success', id).add(XorRelayedAddress, {
      address: '2001:db8::1',
      port: 9,
    })
    return allocated.add(XorMappedAddress, source).integrity(key).finish()
  }
  const strange = new StunWriter(dice.below(16), 'request', id)
  for (let i = dice.below(4); i > 0; i--) {
    strange.addOctets(dice.byte() * 256 + dice.byte(), new Uint8Array(dice.below(24)))
  }
  return strange.finish()
}

function mutated(dice: Tokens, original: Buffer): Uint8Array {
  let bytes = new Uint8Array(original)
  for (let i = dice.below(4); i >= 0; i--) {
    const at = dice.below(Math.max(1, bytes.length))
    switch (dice.below(8)) {
      case 0:
        bytes = bytes.slice(0, at)
        break
      case 1:
        bytes = Uint8Array.from([...bytes, ...new Uint8Array(dice.below(16))])
        break
      case 2:
        if (bytes.length > 3) bytes[2 + dice.below(2)] = dice.byte()
        break
      case 3:
        bytes = spliced(dice, bytes)
        break
      case 4:
        lie(dice, bytes)
        break
      default:
        bytes[at] = (bytes[at] ?? 0) ^ (1 << dice.below(8))
    }
  }
  // most mutations of the size would end at the first check: half of them are made consistent again
  if (dice.below(2) === 0 && bytes.length >= 20 && bytes.length % 4 === 0) {
    bytes[2] = (bytes.length - 20) >> 8
    bytes[3] = (bytes.length - 20) & 0xff
  }
  return bytes
}

/** A length field of some attribute that says something else. */
function lie(dice: Tokens, bytes: Uint8Array): void {
  const at = 22 + 4 * dice.below(12)
  if (at + 1 >= bytes.length) return
  bytes[at] = dice.below(3) === 0 ? dice.byte() : 0
  bytes[at + 1] = dice.byte()
}

/** A piece of the message copied to another place. */
function spliced(dice: Tokens, bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const from = 4 * dice.below(Math.max(1, bytes.length >> 2))
  const piece = bytes.slice(from, from + 4 * dice.below(10))
  const to = 4 * dice.below(Math.max(1, bytes.length >> 2))
  return Uint8Array.from([...bytes.subarray(0, to), ...piece, ...bytes.subarray(to)])
}

function sum(counters: Record<string, number>): number {
  let total = 0
  for (const name in counters) total += counters[name] ?? 0
  return total
}
