import { hostPort } from '../../util/address.ts'
import { EnvironmentError } from '../../util/errors.ts'
import { type Log, printable } from '../../util/log.ts'
import { ParseError } from '../grammar/parse-error.ts'
import { answerableHead } from '../message/answerable.ts'
import type { Flow } from '../message/flow.ts'
import type { FrameLimits, Head } from '../message/head.ts'
import { messageOf, parseMessage, type SipMessage, SipRequest } from '../message/message.ts'
import { validate } from '../message/validate.ts'
import type { Counters } from '../statistics.ts'
import { ConnectionRaces } from './connection-race.ts'
import type { TcpRefusals } from './tcp-refusals.ts'
import type { Transport, TransportReceiver } from './transport.ts'

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
  onTransportAdded(transport: Transport): void
  /** It is closed: nothing more comes or goes on any flow of it. */
  onTransportRemoved(transport: Transport, error: EnvironmentError): void
  /** A datagram has come, whatever it holds. */
  onHeard(flow: Flow): void
}

export interface ReceptionOptions {
  readonly receiver: MessageReceiver
  readonly counters: Counters
  readonly log: Log
  readonly limits: FrameLimits
}

/** Whether a host and port of a Via mean us. */
type IsOurs = (host: string, port: number | undefined, secure: boolean) => boolean

const STUN_HEADER = 20
const STUN_COOKIE = 0x2112a442

/** Reads and checks what the transports of a stack receive, and gives it to who handles messages. */
export class Reception implements TransportReceiver {
  /** Those who wait for one of several connections. */
  readonly races: ConnectionRaces = new ConnectionRaces()
  readonly #receiver: MessageReceiver
  readonly #counters: Counters
  readonly #log: Log
  readonly #limits: FrameLimits
  readonly #isOurs: IsOurs
  readonly #refusals: TcpRefusals

  constructor(options: ReceptionOptions, isOurs: IsOurs, refusals: TcpRefusals) {
    const { receiver, counters, log, limits } = options
    this.#receiver = receiver
    this.#counters = counters
    this.#log = log
    this.#limits = limits
    this.#isOurs = isOurs
    this.#refusals = refusals
  }

  onDatagram(bytes: Buffer, flow: Flow): void {
    this.#receiver.onHeard(flow)
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
    this.races.onFlowOpened(flow)
    this.#receiver.onFlowOpened(flow)
  }

  onPong(flow: Flow): void {
    this.#receiver.onPong(flow)
  }

  onTransportAdded(transport: Transport): void {
    this.#receiver.onTransportAdded(transport)
  }

  onTransportRemoved(transport: Transport): void {
    const error = new EnvironmentError('ERR_SIP_CLOSED', `the transport ${transport.key} was closed`)
    this.races.onTransportRemoved(transport, error)
    this.#receiver.onTransportRemoved(transport, error)
  }

  onFramed(head: Head, bytes: Buffer, flow: Flow): void {
    this.#receive(messageOf(head, bytes, flow), flow)
  }

  onBrokenStream(error: ParseError, flow: Flow, head?: Head, bytes?: Buffer): void {
    this.#drop('brokenStreams', error, flow)
    if (bytes !== undefined) this.#refuse(head ?? answerableHead(bytes, this.#limits), error, flow, bytes)
  }

  onFlowFailed(flow: Flow, error: EnvironmentError | undefined): void {
    this.#refusals.note(flow, error)
    this.races.onFlowFailed(flow, error)
    if (error !== undefined) {
      this.#counters.flowFailures++
      if (this.#log.enabled('info')) this.#log.write('info', 'transport', printable(error.message, 1000))
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
      else if (!this.#isOurs(message.via.host, message.via.port, flow.protocol === 'TLS')) {
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
