import {
  createDtlsFactory,
  type DtlsEndpoint,
  type DtlsFactory,
  type DtlsFactoryOptions,
  type DtlsKeys,
  type DtlsOptions,
  nodeCrypto,
} from '../../../src/media/dtls/index.ts'
import { SimulatedClock } from '../../../src/util/clock.ts'
import { seededRandom, Tokens } from '../../../src/util/random.ts'
import { Timers } from '../../../src/util/timers.ts'

export const clientAddress = { address: '192.0.2.1', port: 4000 }
export const serverAddress = { address: '192.0.2.2', port: 5000 }
export const stranger = { address: '198.51.100.66', port: 666 }

export function factory(options: Partial<DtlsFactoryOptions> = {}): Promise<DtlsFactory> {
  const defaults = { random: seededRandom(1), crypto: nodeCrypto, date: Date.UTC(2026, 0, 1), now: 0 }
  return createDtlsFactory({ ...defaults, ...options })
}

/** Two identities, for making keys is slow. */
export const alice: DtlsFactory = await factory({ aor: 'sip:alice@example.org' })
export const bob: DtlsFactory = await factory({ random: seededRandom(2) })

/** What came of one end. */
export class Party {
  keys: DtlsKeys | undefined
  keysGiven = 0
  ended = false
  error: Error | undefined
  readonly sent: Buffer[] = []
}

/** What becomes of the n-th datagram of a side: the delays in ms after which copies of it arrive. */
export type Fate = (side: 'client' | 'server', n: number, datagram: Buffer) => readonly number[]

export interface PairOptions {
  readonly client?: Partial<DtlsOptions>
  readonly server?: Partial<DtlsOptions>
  readonly factories?: readonly [DtlsFactory, DtlsFactory]
  readonly fate?: Fate
  readonly seed?: number
}

/** One way of the path, in milliseconds. */
export const DELAY = 10

/** A client and a server in simulated time; whose fingerprints each knows the options may say otherwise. */
export class Pair {
  readonly clock: SimulatedClock = new SimulatedClock()
  readonly timers: Timers = new Timers(this.clock)
  readonly a: Party = new Party()
  readonly b: Party = new Party()
  readonly client: DtlsEndpoint
  readonly server: DtlsEndpoint
  #fate: Fate

  constructor({
    client,
    server,
    factories = [alice, bob],
    fate = () => [DELAY],
    seed = 7,
  }: PairOptions = {}) {
    const [ours, theirs] = factories
    const common = { proven: false, timers: this.timers }
    this.#fate = fate
    this.client = ours.endpoint(
      {
        role: 'client',
        fingerprints: [theirs.fingerprint()],
        random: seededRandom(seed),
        ...common,
        ...client,
      },
      this.#user(this.a, 'client'),
    )
    this.server = theirs.endpoint(
      {
        role: 'server',
        fingerprints: [ours.fingerprint()],
        random: seededRandom(seed + 1),
        ...common,
        ...server,
      },
      this.#user(this.b, 'server'),
    )
  }

  set fate(fate: Fate) {
    this.#fate = fate
  }

  /** Begins, and lets time pass. */
  run(milliseconds: number = 40_000): this {
    this.client.start(serverAddress)
    this.advance(milliseconds)
    return this
  }

  advance(milliseconds: number): void {
    this.clock.advance(milliseconds)
  }

  /** Both have keys, and the same ones. */
  get secured(): boolean {
    const { a, b } = this
    if (a.keys === undefined || b.keys === undefined) return false
    return (
      a.keys.suite === b.keys.suite &&
      a.keys.local.equals(b.keys.remote) &&
      a.keys.remote.equals(b.keys.local)
    )
  }

  #user(party: Party, side: 'client' | 'server') {
    return {
      send: (datagram: Buffer) => {
        const delays = this.#fate(side, party.sent.length, datagram)
        party.sent.push(datagram)
        for (const delay of delays) this.timers.after(delay, () => this.#deliver(side, datagram))
      },
      onKeys: (keys: DtlsKeys) => {
        party.keys = keys
        party.keysGiven++
      },
      onEnd: (error?: Error) => {
        party.ended = true
        party.error = error
      },
    }
  }

  #deliver(side: 'client' | 'server', datagram: Buffer): void {
    if (side === 'client') this.server.receive(datagram, clientAddress)
    else this.client.receive(datagram, serverAddress)
  }
}

/** A network that loses, doubles and delays by chance. */
export function lossy(seed: number, loss: number, jitter: number = 30): Fate {
  const dice = new Tokens(seededRandom(seed))
  const chance = () => dice.below(1_000_000) / 1_000_000
  return () => (chance() < loss ? [] : [DELAY + chance() * jitter])
}
