import {
  type Flow,
  MemoryNetwork,
  type NetworkConditions,
  nameAddr,
  type Protocol,
  parseMessage,
  type RequestTemplate,
  request,
  type SipMessage,
  SipStack,
  type StackOptions,
} from 'resip/stack'
import { MemoryTransport } from '../../src/stack/transport/memory.ts'
import type { Target } from '../../src/stack/transport/selector.ts'
import type { TransportReceiver } from '../../src/stack/transport/transport.ts'
import { SimulatedClock } from '../../src/util/clock.ts'
import { seededRandom } from '../../src/util/random.ts'
import { Timers } from '../../src/util/timers.ts'

/** A network in memory in simulated time, with a ladder of what passed it: `500 → INVITE`, `520 ← 180`. */
export class World {
  readonly clock: SimulatedClock = new SimulatedClock()
  readonly timers: Timers = new Timers(this.clock)
  readonly network: MemoryNetwork
  readonly ladder: string[] = []
  /** Everything that was sent, as text, lost or not. */
  readonly wires: string[] = []
  /** Who sent what to whom. */
  readonly passages: { readonly from: string; readonly to: string; readonly what: string }[] = []
  readonly #stacks: SipStack[] = []
  #left = ''

  constructor(conditions: NetworkConditions = {}) {
    this.network = new MemoryNetwork(this.timers, conditions)
    this.network.onPassage = ({ time, from, to, wire, lost }) => {
      this.passages.push({ from, to, what: title(wire) })
      this.wires.push(wire)
      const arrow = from.includes(this.#left) ? '→' : '←'
      this.ladder.push(`${time} ${arrow} ${lost ? '✗ ' : ''}${title(wire)}`)
    }
  }

  /** The address whose sendings point to the right. */
  drawnFrom(address: string): void {
    this.#left = address
  }

  note(text: string): void {
    this.ladder.push(`${this.clock.now()} ${text}`)
  }

  /** A stack with one transport of each protocol at `address`, port 5060. */
  async stack(
    address: string,
    protocols: readonly Protocol[] = ['UDP'],
    options: StackOptions = {},
  ): Promise<SipStack> {
    const seed = [...address].reduce((sum, character) => sum * 31 + character.charCodeAt(0), 7)
    const stack = new SipStack({ clock: this.clock, random: seededRandom(seed), ...options })
    for (const protocol of protocols)
      await stack.addTransport(this.network.transport(protocol, address, 5060))
    this.#stacks.push(stack)
    return stack
  }

  async peer(address: string, protocol: Protocol = 'UDP', port: number = 5060): Promise<Peer> {
    const peer = new Peer(this.network.transport(protocol, address, port))
    await peer.transport.open(peer)
    return peer
  }

  advance(milliseconds: number): void {
    this.clock.advance(milliseconds)
  }

  async close(): Promise<void> {
    await Promise.all(this.#stacks.map(stack => stack.close()))
  }
}

/** Hears nothing: a base for receivers that listen for one thing. */
export const deaf: TransportReceiver = {
  onDatagram() {},
  onFramed() {},
  onBrokenStream() {},
  onFlowFailed() {},
  onFlowOpened() {},
  onPong() {},
  onStun() {},
}

/** An endpoint without a stack, which hears all and says what it is told to. */
export class Peer {
  readonly transport: MemoryTransport
  readonly heard: SipMessage[] = []
  onMessage: (message: SipMessage) => void = () => {}

  constructor(transport: MemoryTransport) {
    this.transport = transport
  }

  send(wire: string, address: string, port: number = 5060): void {
    const { protocol } = this.transport
    this.transport.send(wire, { protocol, transport: this.transport.key, address, port, connection: 0 })
  }

  /** Answers a request the way it came. */
  answer(message: SipMessage, status: number, toTag: string = 'peer', extra: string = ''): void {
    const { source } = message
    if (source === undefined) throw new Error('not from the network')
    this.send(answerTo(message, status, toTag, extra), source.address, source.port)
  }

  onDatagram(bytes: Buffer, flow: Flow): void {
    const message = parseMessage(bytes, flow)
    if (message instanceof Error) throw message
    this.heard.push(message)
    this.onMessage(message)
  }

  onFramed(_head: unknown, bytes: Buffer, flow: Flow): void {
    this.onDatagram(bytes, flow)
  }

  onBrokenStream(): void {}

  onFlowFailed(): void {}

  onFlowOpened(): void {}

  onPong(): void {}

  onStun(): void {}

  get titles(): string[] {
    return this.heard.map(message => title(message.toString()))
  }
}

/** `INVITE` or `180`. */
export function title(wire: string): string {
  const words = wire.slice(0, wire.indexOf('\r\n')).split(' ')
  return (wire.startsWith('SIP/2.0 ') ? words[1] : words[0]) ?? ''
}

/** All lines of a header, without its name. */
export function lines(wire: string, name: string): string[] {
  const wanted = `${name.toLowerCase()}:`
  return wire
    .slice(0, wire.indexOf('\r\n\r\n'))
    .split('\r\n')
    .filter(line => line.toLowerCase().startsWith(wanted))
    .map(line => line.slice(wanted.length).trim())
}

export interface RequestTextParts {
  readonly uri?: string
  readonly via?: string
  readonly branch?: string
  readonly fromTag?: string
  readonly toTag?: string
  readonly callId?: string
  readonly cseq?: number
  readonly cseqMethod?: string
  readonly extra?: string
  readonly body?: string
}

/** A request as text, to be sent by a {@link Peer}. */
export function requestText(method: string, parts: RequestTextParts = {}): string {
  const { uri = 'sip:192.0.2.2', branch = 'z9hG4bKtest', fromTag = 'alice', callId = 'call-1' } = parts
  const via = parts.via ?? `SIP/2.0/UDP 192.0.2.1:5060;branch=${branch}`
  const to = parts.toTag === undefined ? '<sip:bob@example.com>' : `<sip:bob@example.com>;tag=${parts.toTag}`
  const body = parts.body ?? ''
  return (
    `${method} ${uri} SIP/2.0\r\nVia: ${via}\r\nMax-Forwards: 70\r\n` +
    `From: <sip:alice@example.com>;tag=${fromTag}\r\nTo: ${to}\r\nCall-ID: ${callId}\r\n` +
    `CSeq: ${parts.cseq ?? 1} ${parts.cseqMethod ?? method}\r\n${parts.extra ?? ''}` +
    `Content-Length: ${body.length}\r\n\r\n${body}`
  )
}

/** A response to a request, as text. */
export function answerTo(
  message: SipMessage,
  status: number,
  toTag: string = 'peer',
  extra: string = '',
): string {
  const text = message.toString()
  const copied = ['Via', 'From', 'To', 'Call-ID', 'CSeq'].flatMap(name =>
    lines(text, name).map(value => {
      const tag = name === 'To' && status > 100 && !value.includes(';tag=') ? `;tag=${toTag}` : ''
      return `${name}: ${value}${tag}\r\n`
    }),
  )
  return `SIP/2.0 ${status} Reason\r\n${copied.join('')}${extra}Content-Length: 0\r\n\r\n`
}

export function invite(target: string = 'sip:bob@192.0.2.2'): RequestTemplate {
  return request('INVITE', target, {
    from: '<sip:alice@example.com>',
    contact: nameAddr('<sip:alice@192.0.2.1>'),
  })
}

export function options(target: string = 'sip:bob@192.0.2.2'): RequestTemplate {
  return request('OPTIONS', target, { from: '<sip:alice@example.com>' })
}

export function targets(protocol: Protocol, ...addresses: readonly string[]): Target[] {
  return addresses.map(address => ({ protocol, address, port: 5060 }))
}

/** The transport of a stack that lives on a memory network: the first, or the one of a protocol. */
export function memoryOf(stack: SipStack, protocol?: Protocol): MemoryTransport {
  for (const transport of stack.transports) {
    if (transport instanceof MemoryTransport && (protocol ?? transport.protocol) === transport.protocol)
      return transport
  }
  throw new Error('a memory transport expected')
}

/** Lets promises that are settled be heard. */
export function settled(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve))
}
