import { familyOf, hostPort } from '../../util/address.ts'
import { type EnvironmentError, UsageError } from '../../util/errors.ts'
import { guarded } from '../../util/guard.ts'
import { type Log, printable, printableError } from '../../util/log.ts'
import { ParseError } from '../grammar/parse-error.ts'
import { answerableHead } from '../message/answerable.ts'
import type { Hop } from '../message/encode.ts'
import type { Flow } from '../message/flow.ts'
import type { FrameLimits, Head } from '../message/head.ts'
import { messageOf, parseMessage, type SipMessage, SipRequest } from '../message/message.ts'
import { validate } from '../message/validate.ts'
import type { Counters } from '../statistics.ts'
import { Names } from './names.ts'
import { localUri } from './placement.ts'
import { type SourceAddress, type Target, TransportSelector } from './selector.ts'
import type { SendFailure, Sent, Transport, TransportReceiver } from './transport.ts'

/** Who gets what the transports received. */
export interface MessageReceiver {
  /** A message that has all that every message needs. */
  onMessage(message: SipMessage): void
  /** A request that can be answered but not handled; `error.status` is the answer. */
  onMalformed(request: SipRequest, error: ParseError): void
  onFlowFailed(flow: Flow, error: EnvironmentError | undefined): void
  onFlowOpened(flow: Flow): void
  onPong(flow: Flow): void
  onStun(bytes: Buffer, flow: Flow): void
}

export interface TransportLayerOptions {
  readonly receiver: MessageReceiver
  readonly counters: Counters
  readonly log: Log
  readonly source: SourceAddress
  readonly limits: FrameLimits
}

const STUN_HEADER = 20
const STUN_COOKIE = 0x2112a442

/** RFC 5626 §3.5.1. */
const PING = '\r\n\r\n'

/** All transports of a stack: reads and checks what comes in, and sends wire text where it is told to. */
export class TransportLayer implements TransportReceiver {
  readonly #transports = new Map<string, Transport>()
  readonly #hops = new Map<string, Hop>()
  readonly #ordinals = new WeakMap<Transport, number>()
  readonly #byOrdinal = new Map<number, Transport>()
  #added = 0
  #closed = false
  readonly #names = new Names()
  readonly #receiver: MessageReceiver
  readonly #counters: Counters
  readonly #log: Log
  readonly #selector: TransportSelector
  readonly #limits: FrameLimits

  constructor(options: TransportLayerOptions) {
    this.#receiver = options.receiver
    this.#counters = options.counters
    this.#log = options.log
    this.#selector = new TransportSelector(options.source)
    this.#limits = options.limits
  }

  get transports(): Iterable<Transport> {
    return this.#transports.values()
  }

  get isClosed(): boolean {
    return this.#closed
  }

  /** Opens a transport and takes it in. Rejects as `Transport.open` does. */
  async add(transport: Transport): Promise<void> {
    await transport.open(this)
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
    this.#hops.set(transport.key, { via: '', localUri: uri => localUri(transport, uri) })
    this.#names.follow(this.transports)
    this.#selector.follow(this.transports)
  }

  async remove(key: string): Promise<void> {
    const transport = this.#transports.get(key)
    this.#transports.delete(key)
    this.#hops.delete(key)
    if (transport === undefined) return
    this.#byOrdinal.delete(this.ordinalOf(transport))
    this.#names.follow(this.transports)
    this.#selector.follow(this.transports)
    await this.#shut(transport)
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

  /** What an answer sent over a transport needs filled in; one object a transport. */
  responseHop(key: string): Hop | undefined {
    return this.#hops.get(key)
  }

  /** A transport's place among all that were ever added; it never changes. */
  ordinalOf(transport: Transport): number {
    return this.#ordinals.get(transport) ?? -1
  }

  byOrdinal(ordinal: number): Transport | undefined {
    return this.#byOrdinal.get(ordinal)
  }

  /** The way over TCP for what is too large for UDP (RFC 3261 §18.1.1); `undefined` where it fits, or there is none. */
  widerWay(
    flow: Flow,
    octets: number,
    maxDatagram: number,
  ): { transport: Transport; flow: Flow } | undefined {
    if (flow.protocol !== 'UDP' || octets <= maxDatagram) return undefined
    const narrow = this.#transports.get(flow.transport)
    const transport = narrow && this.tcpBeside(narrow)
    return (
      transport && { transport, flow: { ...flow, protocol: 'TCP', transport: transport.key, connection: 0 } }
    )
  }

  /** A TCP transport for what is too large for a UDP one: of the same family, at the same address if there is one. */
  tcpBeside(transport: Transport): Transport | undefined {
    const { address, family } = transport.local
    let beside: Transport | undefined
    for (const other of this.transports) {
      if (other.protocol !== 'TCP' || other.local.family !== family) continue
      if (other.local.address === address) return other
      beside ??= other
    }
    return beside
  }

  byKey(key: string): Transport | undefined {
    return this.#transports.get(key)
  }

  /** The transport for a target. @throws EnvironmentError where there is none */
  select(target: Target): Transport | Promise<Transport> {
    return this.#selector.select(target)
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

  onDatagram(bytes: Buffer, flow: Flow): void {
    const first = bytes[0]
    // blank lines keep a NAT open; a byte below 4 begins STUN (RFC 7983)
    if (bytes.length <= 4 || first === undefined) this.#counters.keepAlives++
    else if (first < 4) this.#onBinary(bytes, flow)
    else {
      const message = parseMessage(bytes, flow, this.#limits)
      this.#receive(message, flow)
      if (message instanceof ParseError) this.#refuse(answerableHead(bytes, this.#limits), message, flow)
    }
  }

  onStun(bytes: Buffer, flow: Flow): void {
    this.#receiver.onStun(bytes, flow)
  }

  onFlowOpened(flow: Flow): void {
    this.#receiver.onFlowOpened(flow)
  }

  onPong(flow: Flow): void {
    this.#receiver.onPong(flow)
  }

  onFramed(head: Head, bytes: Buffer, flow: Flow): void {
    this.#receive(messageOf(head, bytes, flow), flow)
  }

  onBrokenStream(error: ParseError, flow: Flow, head?: Head, bytes?: Buffer): void {
    this.#drop('brokenStreams', error, flow)
    if (bytes !== undefined) this.#refuse(head ?? answerableHead(bytes, this.#limits), error, flow, bytes)
  }

  onFlowFailed(flow: Flow, error: EnvironmentError | undefined): void {
    if (error !== undefined) {
      this.#counters.flowFailures++
      if (this.#log.enabled('info')) this.#log.write('info', 'transport', error.message)
    }
    this.#receiver.onFlowFailed(flow, error)
  }

  /** STUN has its cookie (RFC 8489 §5); anything else that begins so is somebody's keep-alive. */
  #onBinary(bytes: Buffer, flow: Flow): void {
    this.#counters.keepAlives++
    if (bytes.length >= STUN_HEADER && bytes.readUInt32BE(4) === STUN_COOKIE)
      this.#receiver.onStun(bytes, flow)
  }

  /** Has a request answered that cannot be handled, as far as it could be read. */
  #refuse(head: Head | undefined, error: ParseError, flow: Flow, bytes?: Buffer): void {
    if (head === undefined) return
    const message = messageOf(head, bytes ?? head.bytes, flow)
    if (message instanceof SipRequest && message.method !== 'ACK') this.#receiver.onMalformed(message, error)
  }

  #receive(message: SipMessage | ParseError, flow: Flow): void {
    if (message instanceof ParseError) {
      this.#drop('malformed', message, flow)
      return
    }
    const error = validate(message)
    if (message.isResponse) {
      if (error !== undefined) this.#drop('malformed', error, flow)
      else if (!this.isOurs(message.via.host, message.via.port, flow.protocol === 'TLS')) {
        this.#drop('strayResponses', undefined, flow)
      } else this.#receiver.onMessage(message)
    } else if (error === undefined) {
      this.#receiver.onMessage(message)
    } else {
      this.#drop('malformed', error, flow)
      if (message.method !== 'ACK') this.#receiver.onMalformed(message, error)
    }
  }

  #drop(
    counter: 'malformed' | 'brokenStreams' | 'strayResponses',
    error: ParseError | undefined,
    flow: Flow,
  ): void {
    this.#counters[counter]++
    if (!this.#log.enabled('info')) return
    const where = `${flow.protocol.toLowerCase()} ${hostPort(flow.address, flow.port)}`
    this.#log.write(
      'info',
      'transport',
      `${counter} from ${where}${error ? `: ${printable(error.message, 400)}` : ''}`,
    )
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
