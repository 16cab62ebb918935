import { familyOf, hostPort } from '../../util/address.ts'
import { EnvironmentError, UsageError } from '../../util/errors.ts'
import { guarded } from '../../util/guard.ts'
import { type Log, printableError } from '../../util/log.ts'
import type { Hop } from '../message/encode.ts'
import type { Flow } from '../message/flow.ts'
import type { Counters } from '../statistics.ts'
import { Names } from './names.ts'
import { Reception, type ReceptionOptions } from './reception.ts'
import { ResponseHops } from './response-hops.ts'
import { type Interfaces, type Routes, type Target, TransportSelector } from './selector.ts'
import { TcpRefusals } from './tcp-refusals.ts'
import type { FlowConnection, SendFailure, Sent, Transport } from './transport.ts'

export interface TransportLayerOptions extends ReceptionOptions {
  readonly routes: Routes
  readonly now: () => number
  readonly interfaces: Interfaces
}

/** RFC 5626 §3.5.1. */
const PING = '\r\n\r\n'

/** All transports of a stack: takes them in and lets them go, and sends wire text where it is told to. */
export class TransportLayer {
  /** What the transports receive goes through it. */
  readonly reception: Reception
  readonly #transports = new Map<string, Transport>()
  /** Those whose `open` is under way. */
  readonly #opening = new Set<Transport>()
  readonly #hops = new Map<string, ResponseHops>()
  readonly #ordinals = new WeakMap<Transport, number>()
  readonly #byOrdinal = new Map<number, Transport>()
  #added = 0
  #closed = false
  readonly #names = new Names()
  readonly #counters: Counters
  readonly #log: Log
  readonly #selector: TransportSelector
  readonly #refusals: TcpRefusals

  constructor(options: TransportLayerOptions) {
    this.#counters = options.counters
    this.#log = options.log
    this.#selector = new TransportSelector(options.routes, options.interfaces)
    this.#refusals = new TcpRefusals(options.now)
    const isOurs = this.isOurs.bind(this)
    this.reception = new Reception(options, isOurs, this.#refusals)
  }

  get transports(): Iterable<Transport> {
    return this.#transports.values()
  }

  /** The same, iterated anew each time: for who keeps it. */
  readonly open: Iterable<Transport> = { [Symbol.iterator]: () => this.#transports.values() }

  get isClosed(): boolean {
    return this.#closed
  }

  /** Opens a transport and takes it in. Rejects as `Transport.open` does. */
  async add(transport: Transport): Promise<void> {
    if (this.#opening.has(transport) || this.#transports.get(keyOf(transport)) === transport)
      throw new UsageError('ERR_SIP_TRANSPORT', `${keyOf(transport)} was added already`)
    this.#opening.add(transport)
    try {
      await transport.open(this.reception)
    } finally {
      this.#opening.delete(transport)
    }
    if (this.#closed) {
      await this.#shut(transport)
      throw new UsageError('ERR_SIP_CLOSED', `${transport.key} was opened after the stack was closed`)
    }
    if (this.#transports.has(transport.key)) {
      await this.#shut(transport)
      throw new UsageError('ERR_SIP_TRANSPORT', `there is a transport ${transport.key} already`)
    }
    const unfit = unfitness(transport)
    if (unfit !== undefined) {
      await this.#shut(transport)
      throw unfit
    }
    this.#transports.set(transport.key, transport)
    this.#ordinals.set(transport, this.#added)
    this.#byOrdinal.set(this.#added++, transport)
    this.#hops.set(transport.key, new ResponseHops(transport))
    this.#names.follow(this.transports)
    this.#selector.follow(this.transports)
    this.reception.onTransportAdded(transport)
  }

  /** Closes a transport, and tells who waits on one of its flows before this returns; answers whether it was there. */
  async remove(transport: Transport): Promise<boolean> {
    const { key } = transport
    if (this.#transports.get(key) !== transport) return false
    this.#transports.delete(key)
    this.#hops.delete(key)
    this.#byOrdinal.delete(this.ordinalOf(transport))
    this.#names.follow(this.transports)
    this.#selector.follow(this.transports)
    this.reception.onTransportRemoved(transport)
    await this.#shut(transport)
    return true
  }

  /** Lets the stack be known by a name besides its addresses: `proxy.example.com`, or with a port. */
  addName(host: string, port?: number): void {
    this.#names.add(host, port)
  }

  /** Whether a sent-by, as it stands in a Via, is one that we write into ours; addresses are compared by value. */
  isOurSentBy(sentBy: string): boolean {
    return this.#names.hasSentBy(sentBy)
  }

  /**
   * Whether a host and port, as in a URI or a sent-by, are ours. A port left out stands for 5060, or 5061 of sips; IPv6
   * addresses are compared by value (RFC 5954 §4.2).
   */
  isOurs(host: string, port: number | undefined, secure: boolean = false): boolean {
    return this.#names.has(host, port, secure ? 5061 : 5060)
  }

  /** What an answer to what came by a flow needs filled in; one object for all that are told the same name. */
  responseHop({ transport, address }: Flow): Hop | undefined {
    return this.#hops.get(transport)?.towards(address)
  }

  /** A transport's place among all that were ever added; it never changes. */
  ordinalOf(transport: Transport): number {
    return this.#ordinals.get(transport) ?? -1
  }

  byOrdinal(ordinal: number): Transport | undefined {
    return this.#byOrdinal.get(ordinal)
  }

  /**
   * The way over TCP for what is too large for UDP (RFC 3261 §18.1.1); `undefined` where it fits, where there is none, or
   * where it was refused there lately.
   */
  widerWay(
    flow: Flow,
    octets: number,
    maxDatagram: number,
    forced?: string,
  ): { transport: Transport; flow: Flow } | undefined {
    if (flow.protocol !== 'UDP' || octets <= maxDatagram || this.#refusals.has(flow)) return undefined
    const narrow = this.#transports.get(flow.transport)
    const transport = narrow && this.#selector.tcpBeside(narrow, forced)
    return (
      transport && { transport, flow: { ...flow, protocol: 'TCP', transport: transport.key, connection: 0 } }
    )
  }

  byKey(key: string): Transport | undefined {
    return this.#transports.get(key)
  }

  /** The transport for a target, of all or of a key or interface. @throws EnvironmentError where there is none */
  select(target: Target, forced?: string): Transport | Promise<Transport> {
    return this.#selector.select(target, forced)
  }

  /** Whether there is a transport for a target, of all or of a key or interface. */
  reaches(target: Target, forced?: string): boolean {
    return this.#selector.reaches(target, forced)
  }

  /** Whether the transport of a key is the one, or bound to the interface, that `forced` names. */
  isOf(key: string, forced: string): boolean {
    return this.#selector.isOf(key, forced)
  }

  /** @throws EnvironmentError where there is no transport of a key or interface */
  check(forced: string): void {
    this.#selector.check(forced)
  }

  /** Sends wire text; see {@link Transport.send}. */
  send(wire: string, flow: Flow): Sent {
    const transport = this.#transports.get(flow.transport)
    if (transport === undefined) return 'closed'
    try {
      const sent = transport.send(wire, flow)
      return sent === flow || typeof sent === 'string' ? sent : this.#checked(sent, flow)
    } catch (error) {
      return this.#onTransportThrew(error)
    }
  }

  /** Pings a flow; see {@link Transport.keepAlive}. */
  keepAlive(flow: Flow): Sent {
    const transport = this.#transports.get(flow.transport)
    if (transport === undefined) return 'closed'
    if (transport.keepAlive === undefined) return this.send(PING, flow)
    try {
      return this.#checked(transport.keepAlive(flow), flow)
    } catch (error) {
      return this.#onTransportThrew(error)
    }
  }

  /** A flow on which a refusal is noticed, the given one where there is none to have; see {@link Transport.sideFlow}. */
  sideFlow(flow: Flow): Flow {
    try {
      return this.#transports.get(flow.transport)?.sideFlow?.(flow) ?? flow
    } catch (error) {
      this.#onThrew(error)
      return flow
    }
  }

  /** The open connection of a flow; see {@link Transport.connectionOf}. */
  connectionOf(flow: Flow): FlowConnection | undefined {
    try {
      return this.#transports.get(flow.transport)?.connectionOf?.(flow)
    } catch (error) {
      this.#onThrew(error)
      return undefined
    }
  }

  /** Whether it is known that nothing can be sent on a flow any more. */
  isGone(flow: Flow): boolean {
    const transport = this.#transports.get(flow.transport)
    if (transport === undefined) return true
    return flow.connection !== 0 && !!transport.connectionOf && this.connectionOf(flow) === undefined
  }

  /** Ends a flow for a reason of ours: its connection is closed, and who waits on it is told. */
  failFlow(flow: Flow, code: string, what: string): EnvironmentError {
    const where = `${flow.protocol.toLowerCase()} ${hostPort(flow.address, flow.port)}`
    const error = new EnvironmentError(code, `${where}: ${what}; the flow is given up`)
    const connection = this.connectionOf(flow)
    if (connection !== undefined) connection.cutOff(code, what)
    else this.reception.onFlowFailed(flow, error)
    return error
  }

  /** What the peer of a flow proved to be; see {@link Transport.peerIdentity}. */
  peerIdentity(flow: Flow): string | undefined {
    return this.#transports.get(flow.transport)?.peerIdentity?.(flow)
  }

  /** All that it proved; see {@link Transport.peerDomains}. */
  peerDomains(flow: Flow): readonly string[] {
    return this.#transports.get(flow.transport)?.peerDomains?.(flow) ?? []
  }

  async close(): Promise<void> {
    this.#closed = true
    const transports = [...this.#transports.values()]
    this.#transports.clear()
    this.#names.clear()
    this.#selector.follow([])
    await Promise.all(transports.map(transport => this.#shut(transport)))
  }

  /** What an application's transport answered, which may be no more than a promise of its own. */
  #checked(sent: Sent, flow: Flow): Sent {
    if (typeof sent === 'string' || (typeof sent === 'object' && sent !== null && 'connection' in sent))
      return sent
    guarded(this.#onThrew, undefined, () => sent)
    return flow
  }

  #onTransportThrew(error: unknown): SendFailure {
    this.#onThrew(error)
    return 'closed'
  }

  /** Closes a transport, which may fail: there is nothing more to do about it then. */
  async #shut(transport: Transport): Promise<void> {
    try {
      await transport.close()
    } catch (error) {
      this.#onThrew(error)
    }
  }

  readonly #onThrew = (error: unknown): void => {
    this.#counters.handlerErrors++
    if (this.#log.enabled('error'))
      this.#log.write('error', 'transport', `a transport threw: ${printableError(error)}`)
  }
}

/** An application's transport may not know its key before it is open. */
function keyOf(transport: Transport): string {
  try {
    return String(transport.key)
  } catch {
    return ''
  }
}

/** What keeps an application's transport from being used, once it is open; half of one would hurt the others. */
function unfitness(transport: Transport): UsageError | undefined {
  let what: string
  try {
    const { key, local, sentBy } = transport
    if (typeof key === 'string' && familyOf(local.address) === local.family && sentBy.text !== '')
      return undefined
    what = 'it has no key, no numeric local address of its family, or no sent-by'
  } catch (error) {
    what = printableError(error)
  }
  return new UsageError('ERR_SIP_TRANSPORT', `an open transport cannot tell what it is: ${what}`)
}
