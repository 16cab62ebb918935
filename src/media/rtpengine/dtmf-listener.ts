import { type DatagramReceiver, UdpSocket } from '../../net/udp.ts'
import { sameAddress, type TransportAddress } from '../../util/address.ts'
import type { EnvironmentError } from '../../util/errors.ts'
import { asNumber, numberAt, textAt, textsAt } from './fields.ts'
import { decodeNgJson } from './json.ts'

/** A DTMF event that a party of a call sent, told by the engine when it has ended. */
export interface DtmfEvent {
  readonly callId: string
  readonly sourceTag: string
  readonly sourceLabel: string | undefined
  /** All parties' tags. */
  readonly tags: readonly string[]
  /** Seconds since 1970. */
  readonly timestamp: number | undefined
  readonly sourceIp: string | undefined
  /** RFC 4733 §3.2: 0 to 15 for `digit`, others for further events. */
  readonly event: number
  /** One of `0123456789*#ABCD`, where the event is one of them. */
  readonly digit: string | undefined
  /** Milliseconds. */
  readonly duration: number | undefined
  /** Decibels below full scale. */
  readonly volume: number | undefined
}

export interface DtmfListenerOptions {
  /** A numeric address of this host that the engine reaches. */
  readonly address: string
  readonly port: number
  /** The engines' addresses; what comes from elsewhere is counted and dropped. All are heard when absent. */
  readonly from?: readonly string[]
}

export interface DtmfHandler {
  onDtmf(event: DtmfEvent): void
  /** The socket failed. */
  onDtmfError?(error: EnvironmentError): void
}

const DIGITS = '0123456789*#ABCD'
/** An event is a few hundred bytes, its tags apart. */
const LIMITS = { maxLength: 16_384, maxDepth: 4, maxItems: 1_024 }

/**
 * Hears the DTMF log of engines that were started with `--dtmf-log-dest` pointing here, or were given this address
 * with the option `dtmfLogDest`.
 */
export class DtmfListener implements DatagramReceiver {
  /** Datagrams that were no DTMF event. */
  malformed: number = 0
  /** Datagrams from others than the engines. */
  foreign: number = 0
  readonly #handler: DtmfHandler
  readonly #from: readonly string[] | undefined
  #socket: UdpSocket | undefined
  #closed = false

  /** Binds. Throws and rejects as `UdpSocket.bind` does. */
  static async bind(options: DtmfListenerOptions, handler: DtmfHandler): Promise<DtmfListener> {
    const listener = new DtmfListener(handler, options.from)
    listener.#socket = await UdpSocket.bind({ address: options.address, port: options.port }, listener)
    return listener
  }

  private constructor(handler: DtmfHandler, from: readonly string[] | undefined) {
    this.#handler = handler
    this.#from = from
  }

  get local(): TransportAddress | undefined {
    return this.#socket?.local
  }

  /** May be called again; the handler hears nothing more. */
  async close(): Promise<void> {
    this.#closed = true
    await this.#socket?.close()
  }

  onDatagram(bytes: Buffer, address: string): void {
    if (this.#closed) return
    if (this.#from && !this.#from.some(engine => sameAddress(engine, address))) {
      this.foreign++
      return
    }
    const event = parseDtmfEvent(bytes)
    if (event === undefined) this.malformed++
    else this.#handler.onDtmf(event)
  }

  onSocketError(error: EnvironmentError): void {
    if (!this.#closed) this.#handler.onDtmfError?.(error)
  }
}

/** Reads one datagram of the DTMF log; undefined for anything else. */
export function parseDtmfEvent(bytes: Uint8Array): DtmfEvent | undefined {
  const log = readJson(bytes)
  if (!(log instanceof Map) || textAt(log, 'type') !== 'DTMF') return undefined
  const callId = textAt(log, 'callid')
  const sourceTag = textAt(log, 'source_tag')
  const event = asNumber(log.get('event'))
  if (callId === undefined || sourceTag === undefined || event === undefined) return undefined
  return {
    callId,
    sourceTag,
    sourceLabel: textAt(log, 'source_label'),
    tags: textsAt(log, 'tags'),
    timestamp: numberAt(log, 'timestamp'),
    sourceIp: textAt(log, 'source_ip'),
    event,
    digit: DIGITS[event],
    duration: numberAt(log, 'duration'),
    volume: numberAt(log, 'volume'),
  }
}

function readJson(bytes: Uint8Array): ReturnType<typeof decodeNgJson> | undefined {
  try {
    return decodeNgJson(bytes, LIMITS)
  } catch {
    // whatever it was, it is no event
    return undefined
  }
}
