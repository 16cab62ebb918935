import type { Flow, Protocol } from '../stack/message/flow.ts'
import { Framer } from '../stack/message/framer.ts'
import { type SentBy, sentByOf } from '../stack/transport/sent-by.ts'
import type { FlowConnection, Sent, Transport, TransportReceiver } from '../stack/transport/transport.ts'
import { familyOf, hostPort, type TransportAddress } from '../util/address.ts'
import { EnvironmentError } from '../util/errors.ts'
import { seededRandom, Tokens } from '../util/random.ts'
import type { Timers } from '../util/timers.ts'

/** RFC 5626 §3.5.1. */
const PING = '\r\n\r\n'
const PONG = '\r\n'

/** How a simulated network treats datagrams; streams are only delayed. */
export interface NetworkConditions {
  /** Milliseconds each message is under way. Default 0. */
  readonly delay?: number
  /** Up to so many milliseconds more, at random, so that datagrams overtake one another. Default 0. */
  readonly jitter?: number
  /** Probabilities of 0 to 1. Default 0. */
  readonly loss?: number
  readonly duplication?: number
  readonly seed?: number
}

/** One message as it passed the network, for ladders. */
export interface Passage {
  readonly time: number
  readonly from: string
  readonly to: string
  readonly wire: string
  readonly lost: boolean
}

/**
 * A network in memory, on an injected clock: the example of an application-made transport, and what protocol tests
 * run over. Loss, duplication and reordering are repeatable by their seed.
 */
export class MemoryNetwork {
  /** Called for each message that is sent, lost ones too. */
  onPassage: (passage: Passage) => void = () => {}
  /** Decides over a single message: true loses it, whatever the probabilities say. */
  isLost: (passage: Passage) => boolean = () => false
  readonly #timers: Timers
  readonly #conditions: Required<NetworkConditions>
  readonly #random: Tokens
  readonly #endpoints = new Map<string, MemoryTransport>()

  constructor(timers: Timers, conditions: NetworkConditions = {}) {
    this.#timers = timers
    this.#conditions = { delay: 0, jitter: 0, loss: 0, duplication: 0, seed: 1, ...conditions }
    this.#random = new Tokens(seededRandom(this.#conditions.seed))
  }

  /** A transport of this network at a numeric address, which is advertised unless another is. */
  transport(protocol: Protocol, address: string, port: number, sentBy?: SentBy): MemoryTransport {
    return new MemoryTransport(this, protocol, { address, port, family: familyOf(address) ?? 4 }, sentBy)
  }

  /** @internal */
  attach(endpoint: MemoryTransport): void {
    if (this.#endpoints.has(endpoint.key)) {
      throw new EnvironmentError('EADDRINUSE', `${endpoint.key} is in use; choose another port`)
    }
    this.#endpoints.set(endpoint.key, endpoint)
  }

  /** @internal */
  detach(endpoint: MemoryTransport): void {
    this.#endpoints.delete(endpoint.key)
  }

  /** @internal */
  carry(from: MemoryTransport, address: string, port: number, wire: string): void {
    const to = `${from.protocol.toLowerCase()}:${hostPort(address, port)}`
    const { delay, jitter, loss, duplication } = this.#conditions
    const passage = { time: this.#timers.now(), from: from.key, to, wire }
    const unreliable = !from.isReliable
    const lost = unreliable && (this.#chance(loss) || this.isLost({ ...passage, lost: false }))
    this.onPassage({ ...passage, lost })
    if (lost) return
    const copies = unreliable && this.#chance(duplication) ? 2 : 1
    for (let copy = 0; copy < copies; copy++) {
      const late = unreliable && jitter > 0 ? this.#random.below(jitter + 1) : 0
      this.#timers.after(delay + late, () => this.#endpoints.get(to)?.deliver(wire, from.local))
    }
  }

  /** @internal */
  now(): number {
    return this.#timers.now()
  }

  /** @internal */
  reaches(protocol: Protocol, address: string, port: number): boolean {
    return this.#endpoints.has(`${protocol.toLowerCase()}:${hostPort(address, port)}`)
  }

  #chance(probability: number): boolean {
    return probability > 0 && this.#random.below(1_000_000) < probability * 1_000_000
  }
}

/** One end of a {@link MemoryNetwork}. A reliable one frames each message and fails at once where nobody listens. */
export class MemoryTransport implements Transport {
  readonly protocol: Protocol
  readonly local: TransportAddress
  readonly sentBy: SentBy
  readonly key: string
  readonly #network: MemoryNetwork
  #receiver: TransportReceiver | undefined
  /** Connections of a reliable transport, by the address at their other end. */
  readonly #connections = new Map<string, Flow>()
  readonly #flows = new Map<number, MemoryConnection>()
  #made = 0

  /** @internal made by {@link MemoryNetwork.transport} */
  constructor(network: MemoryNetwork, protocol: Protocol, local: TransportAddress, sentBy?: SentBy) {
    this.#network = network
    this.protocol = protocol
    this.local = local
    this.sentBy = sentBy ?? sentByOf(local.address, local.port)
    this.key = `${protocol.toLowerCase()}:${hostPort(local.address, local.port)}`
  }

  get isReliable(): boolean {
    return this.protocol !== 'UDP'
  }

  open(receiver: TransportReceiver): Promise<void> {
    this.#network.attach(this)
    this.#receiver = receiver
    return Promise.resolve()
  }

  send(wire: string, flow: Flow): Sent {
    if (!this.isReliable && flow.connection === 0) {
      this.#network.carry(this, flow.address, flow.port, wire)
      return flow
    }
    const own =
      flow.connection === 0
        ? this.#connectionTo(flow.address, flow.port)
        : this.#flows.get(flow.connection)?.flow
    if (own === undefined) return 'gone'
    const { address, port } = own
    if (this.#network.reaches(this.protocol, address, port)) {
      this.#network.carry(this, address, port, wire)
    } else {
      const error = new EnvironmentError('ECONNREFUSED', `nobody listens on ${hostPort(address, port)}`)
      queueMicrotask(() => this.disconnect(address, port, error))
    }
    return own
  }

  /** A stream's peer answers with a pong, at once where nothing delays it. */
  keepAlive(flow: Flow): Sent {
    return this.send(PING, flow)
  }

  /** Over datagrams: a flow that fails where nobody listens, as a connected socket hears of an ICMP port unreachable. */
  sideFlow(flow: Flow): Flow | undefined {
    return this.isReliable ? undefined : this.#connectionTo(flow.address, flow.port)
  }

  connectionOf(flow: Flow): FlowConnection | undefined {
    if (flow.connection !== 0) return this.#flows.get(flow.connection)
    const own = this.isReliable ? this.#connections.get(hostPort(flow.address, flow.port)) : undefined
    return own && this.#flows.get(own.connection)
  }

  /** Loses the connection to an address, if there is one. */
  disconnect(address: string, port: number, error?: EnvironmentError): void {
    const name = hostPort(address, port)
    const flow = this.#connections.get(name)
    if (flow === undefined) return
    this.#connections.delete(name)
    this.#flows.delete(flow.connection)
    this.#receiver?.onFlowFailed(flow, error)
  }

  /** @internal */
  deliver(wire: string, from: TransportAddress): void {
    const receiver = this.#receiver
    if (receiver === undefined) return
    const flow = this.isReliable ? this.#connectionTo(from.address, from.port) : this.#flow(from, 0)
    this.#flows.get(flow.connection)?.heard(this.#network.now())
    if (this.isReliable && wire === PONG) {
      receiver.onPong(flow)
      return
    }
    const bytes = Buffer.from(wire, 'latin1')
    if (!this.isReliable) {
      receiver.onDatagram(bytes, flow)
      return
    }
    const framer = new Framer({
      onMessage: (head, message) => receiver.onFramed(head, message, flow),
      onPing: () => void this.send(PONG, flow),
      onPong() {},
      onBroken: (error, head, broken) => receiver.onBrokenStream(error, flow, head, broken),
    })
    framer.push(bytes)
  }

  close(): Promise<void> {
    this.#receiver = undefined
    this.#network.detach(this)
    return Promise.resolve()
  }

  #connectionTo(address: string, port: number): Flow {
    const name = hostPort(address, port)
    const known = this.#connections.get(name)
    if (known !== undefined) return known
    const flow = this.#flow({ address, port }, ++this.#made)
    this.#connections.set(name, flow)
    this.#flows.set(flow.connection, new MemoryConnection(flow, this.#network.now(), this))
    if (this.isReliable) this.#receiver?.onFlowOpened(flow)
    return flow
  }

  #flow({ address, port }: { readonly address: string; readonly port: number }, connection: number): Flow {
    const { protocol, key: transport } = this
    return { protocol, transport, address, port, connection, serverName: undefined }
  }
}

/** A connection of a {@link MemoryTransport}: whole messages come over it. */
class MemoryConnection implements FlowConnection {
  readonly flow: Flow
  heardAt: number
  readonly isReceiving = false
  readonly #owner: MemoryTransport

  constructor(flow: Flow, now: number, owner: MemoryTransport) {
    this.flow = flow
    this.heardAt = now
    this.#owner = owner
  }

  heard(now: number): void {
    this.heardAt = now
  }

  cutOff(code: string, what: string): void {
    const { address, port } = this.flow
    this.#owner.disconnect(address, port, new EnvironmentError(code, `${hostPort(address, port)}: ${what}`))
  }
}
