import type { Flow } from '../stack/message/flow.ts'
import { parseMessage, type SipMessage } from '../stack/message/message.ts'
import type { TransportReceiver } from '../stack/transport/transport.ts'
import type { MemoryTransport } from './memory-network.ts'
import { answerTo, title } from './wire-text.ts'

/** Hears nothing: a base for receivers that listen for one thing. */
export const deafReceiver: TransportReceiver = {
  onDatagram() {},
  onFramed() {},
  onBrokenStream() {},
  onFlowFailed() {},
  onFlowOpened() {},
  onPong() {},
  onStun() {},
}

/** An endpoint without a stack, which hears all and says what it is told to. */
export class ScriptedPeer implements TransportReceiver {
  readonly transport: MemoryTransport
  readonly heard: SipMessage[] = []
  onMessage: (message: SipMessage) => void = () => {}

  constructor(transport: MemoryTransport) {
    this.transport = transport
  }

  /** Sends wire text, right or wrong. */
  send(wire: string, address: string, port: number = 5060): void {
    const { protocol } = this.transport
    this.transport.send(wire, { protocol, transport: this.transport.key, address, port, connection: 0 })
  }

  /** Answers a request the way it came; `extra` are header lines, each with its CR LF. */
  answer(message: SipMessage, status: number, toTag: string = 'peer', extra: string = ''): void {
    const { source } = message
    if (source === undefined) throw new Error('a request from the network expected')
    this.send(answerTo(message, status, toTag, extra), source.address, source.port)
  }

  /** What was heard, in short: `INVITE`, `180`. */
  get titles(): string[] {
    return this.heard.map(message => title(message.toString()))
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
}
