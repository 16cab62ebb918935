import { readFragments } from '../../src/media/dtls/handshake/message.ts'
import {
  createDtlsFactory,
  type DtlsEndpoint,
  type DtlsFactory,
  type DtlsKeys,
  nodeCrypto,
} from '../../src/media/dtls/index.ts'
import { DTLS_1_2, plainRecord, readRecords } from '../../src/media/dtls/record.ts'
import { SimulatedClock } from '../../src/util/clock.ts'
import { ResipError } from '../../src/util/errors.ts'
import { seededRandom, Tokens } from '../../src/util/random.ts'
import { Timers } from '../../src/util/timers.ts'

const here = { address: '192.0.2.1', port: 4000 }
/** Mutations that one pair of endpoints gets before another takes its place. */
const EACH = 40
const HANDSHAKE = 22
/** Datagrams of a whole handshake. */
const DATAGRAMS = 6

/** What a run saw, to show that the mutations reach both sides of the checks. */
export interface DtlsFuzzReport {
  pairs: number
  secured: number
  /** Endpoints that a mutation ended. */
  ended: number
  dropped: number
}

type Mutate = (dice: Tokens, genuine: Buffer, other: Buffer) => Buffer

/** Gives mutated datagrams to live endpoints in every state. Throws where one throws, or ends with an untyped error. */
export function fuzzDtlsRecords(count: number, seed: number): Promise<DtlsFuzzReport> {
  return fuzz(count, seed, mutatedBytes)
}

/** The same with handshake messages whose contents are changed and whose record is whole, so that they are read. */
export function fuzzDtlsHandshakes(count: number, seed: number): Promise<DtlsFuzzReport> {
  return fuzz(count, seed, mutatedMessage)
}

async function fuzz(count: number, seed: number, mutate: Mutate): Promise<DtlsFuzzReport> {
  const factory = await createDtlsFactory({ random: seededRandom(seed), crypto: nodeCrypto, date: 0, now: 0 })
  const dice = new Tokens(seededRandom(seed))
  const report = { pairs: 0, secured: 0, ended: 0, dropped: 0 }
  const corpus: Buffer[] = [Buffer.alloc(64)]
  for (let run = 0; run < count; ) {
    const pair = new LivePair(factory, seed + run, dice)
    report.pairs++
    pair.deliver(dice.below(DATAGRAMS + 1))
    for (let n = 0; n < EACH && run < count && !pair.over; n++, run++) {
      const genuine = pair.genuine(dice) ?? pick(dice, corpus)
      if (corpus.length < 200) corpus.push(genuine)
      pair.give(mutate(dice, genuine, pick(dice, corpus)), dice)
      if (dice.below(12) === 0) pair.deliver(1)
    }
    pair.end(report)
  }
  return report
}

/** A client and a server whose datagrams wait until they are delivered. */
class LivePair {
  readonly #clock = new SimulatedClock()
  readonly #timers = new Timers(this.#clock)
  readonly #queue: { readonly to: 'client' | 'server'; readonly datagram: Buffer }[] = []
  readonly #keys: DtlsKeys[] = []
  readonly #client: DtlsEndpoint
  readonly #server: DtlsEndpoint
  #ended = 0
  #untyped: unknown

  constructor(factory: DtlsFactory, seed: number, dice: Tokens) {
    const named = dice.below(3) > 0 ? { fingerprints: [factory.fingerprint()] } : {}
    const common = { ...named, proven: dice.below(4) === 0, timers: this.#timers }
    const mtu = dice.below(3) === 0 ? { mtu: 200 + dice.below(300) } : {}
    this.#client = factory.endpoint(
      { role: 'client', random: seededRandom(seed), ...common, ...mtu },
      this.#user('server'),
    )
    this.#server = factory.endpoint(
      { role: 'server', random: seededRandom(seed + 1), ...common, ...mtu },
      this.#user('client'),
    )
    this.#client.start(here)
  }

  get over(): boolean {
    return this.#ended === 2
  }

  deliver(count: number): void {
    for (let n = 0; n < count; n++) {
      const next = this.#queue.shift()
      if (next === undefined) return
      this.#endpoint(next.to).receive(next.datagram, here)
    }
  }

  /** A datagram that is under way. */
  genuine(dice: Tokens): Buffer | undefined {
    return this.#queue[dice.below(Math.max(1, this.#queue.length))]?.datagram
  }

  give(datagram: Buffer, dice: Tokens): void {
    const before = Buffer.from(datagram)
    this.#endpoint(dice.below(2) === 0 ? 'client' : 'server').receive(datagram, here)
    if (!before.equals(datagram)) throw new Error('a received datagram was written to')
    if (dice.below(8) === 0) this.#clock.advance(dice.below(400))
  }

  end(report: DtlsFuzzReport): void {
    this.deliver(100)
    if (this.#untyped !== undefined) throw this.#untyped
    const [one, other] = this.#keys
    if (this.#keys.length > 2) throw new Error('keys were given twice')
    if (one !== undefined && other !== undefined) {
      if (!one.local.equals(other.remote) || !one.remote.equals(other.local))
        throw new Error('keys do not fit')
      report.secured++
    }
    report.ended += this.#ended
    for (const endpoint of [this.#client, this.#server]) {
      for (const dropped of Object.values(endpoint.counters)) report.dropped += dropped
      endpoint.close()
    }
    if (this.#timers.size > 0) throw new Error('a timer runs on')
  }

  #endpoint(which: 'client' | 'server'): DtlsEndpoint {
    return which === 'client' ? this.#client : this.#server
  }

  #user(to: 'client' | 'server') {
    return {
      send: (datagram: Buffer) => {
        if (this.#queue.length < 64) this.#queue.push({ to, datagram })
      },
      onKeys: (keys: DtlsKeys) => {
        this.#keys.push(keys)
      },
      onEnd: (error?: Error) => {
        this.#ended++
        if (error !== undefined && !(error instanceof ResipError)) this.#untyped = error
      },
    }
  }
}

/** One to four changes anywhere: octets, cuts, doublings, numbers of lengths, pieces of another datagram. */
function mutatedBytes(dice: Tokens, genuine: Buffer, other: Buffer): Buffer {
  let bytes = Buffer.from(genuine)
  for (let changes = 1 + dice.below(4); changes > 0; changes--) {
    const at = dice.below(bytes.length + 1)
    const end = Math.min(bytes.length, at + dice.below(40))
    const [before, part, after] = [bytes.subarray(0, at), bytes.subarray(at, end), bytes.subarray(end)]
    const kind = dice.below(6)
    if (kind < 2) {
      bytes = Buffer.from(bytes)
      // the record and the message header are where lengths and numbers stand
      const place = kind === 0 ? at : dice.below(Math.min(26, bytes.length + 1))
      if (place < bytes.length) bytes[place] = dice.byte()
    } else if (kind === 2) bytes = Buffer.concat([before, after])
    else if (kind === 3) bytes = Buffer.concat([before, part, part, after])
    else if (kind === 4) bytes = Buffer.concat([before, other.subarray(dice.below(other.length + 1))])
    else bytes = Buffer.concat([bytes, other])
  }
  return bytes.subarray(0, 65_000)
}

/** A clear handshake message of the datagram with another content, type or number. */
function mutatedMessage(dice: Tokens, genuine: Buffer, other: Buffer): Buffer {
  const records = readRecords(genuine).records.filter(({ type, epoch }) => type === HANDSHAKE && epoch === 0)
  const messages = records.flatMap(({ fragment }) => readFragments(fragment) ?? [])
  const message = messages[dice.below(Math.max(1, messages.length))]
  if (message === undefined) return mutatedBytes(dice, genuine, other)
  const whole = message.data.length === message.length
  const data = whole
    ? mutatedBytes(dice, message.data, message.data).subarray(0, 4000)
    : mutatedOctets(dice, message.data)
  const header = Buffer.alloc(12)
  header.writeUInt8(dice.below(8) === 0 ? dice.below(22) : message.type, 0)
  header.writeUIntBE(whole ? data.length : message.length, 1, 3)
  header.writeUInt16BE(dice.below(8) === 0 ? dice.below(9) : message.sequence, 4)
  header.writeUIntBE(message.offset, 6, 3)
  header.writeUIntBE(data.length, 9, 3)
  return plainRecord(HANDSHAKE, DTLS_1_2, dice.below(50), Buffer.concat([header, data]))
}

function mutatedOctets(dice: Tokens, octets: Buffer): Buffer {
  const bytes = Buffer.from(octets)
  if (bytes.length > 0) bytes[dice.below(bytes.length)] = dice.byte()
  return bytes
}

function pick<T>(dice: Tokens, values: readonly T[]): T {
  const value = values[dice.below(values.length)]
  if (value === undefined) throw new Error('nothing to pick from')
  return value
}
