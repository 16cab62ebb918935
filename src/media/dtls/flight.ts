import {
  encodeFragment,
  HANDSHAKE_HEADER,
  type HandshakeMessage,
  HandshakeType,
} from './handshake/message.ts'
import {
  ContentType,
  DTLS_1_0,
  DTLS_1_2,
  type Epoch,
  RECORD_HEADER,
  type RecordLayer,
  SEALED_OVERHEAD,
} from './record.ts'

/** Less of a message is not begun at the end of a datagram. */
const LEAST_FRAGMENT = 32
const changeCipherSpec = Buffer.of(1)

/** A flight as messages; Finished goes in epoch 1, after a ChangeCipherSpec, and all before it in epoch 0. */
export type Flight = readonly HandshakeMessage[]

/**
 * A flight as datagrams of at most `mtu` octets. It is encoded anew whenever it is sent, for a record number is never
 * used twice (RFC 6347 §4.2.4), and the size may have changed.
 */
export function encodeFlight(flight: Flight, layer: RecordLayer, mtu: number): Buffer[] {
  const packing = new Packing(layer, mtu)
  for (const message of flight) {
    if (message.type === HandshakeType.finished)
      packing.add(ContentType.changeCipherSpec, 0, changeCipherSpec)
    packing.addMessage(message)
  }
  return packing.end()
}

class Packing {
  readonly #layer: RecordLayer
  readonly #mtu: number
  readonly #datagrams: Buffer[] = []
  #records: Buffer[] = []
  #used = 0

  constructor(layer: RecordLayer, mtu: number) {
    this.#layer = layer
    this.#mtu = mtu
  }

  addMessage(message: HandshakeMessage): void {
    const { type, body } = message
    const epoch: Epoch = type === HandshakeType.finished ? 1 : 0
    const version = type === HandshakeType.clientHello ? DTLS_1_0 : DTLS_1_2
    let offset = 0
    do {
      const left = body.length - offset
      if (this.#room(epoch) < Math.min(left, LEAST_FRAGMENT)) this.#flush()
      const length = Math.min(left, this.#room(epoch))
      this.add(ContentType.handshake, epoch, encodeFragment(message, offset, length), version)
      offset += length
    } while (offset < body.length)
  }

  add(type: number, epoch: Epoch, payload: Uint8Array, version: number = DTLS_1_2): void {
    const record = this.#layer.seal(type, version, epoch, payload)
    if (this.#used + record.length > this.#mtu) this.#flush()
    this.#records.push(record)
    this.#used += record.length
  }

  end(): Buffer[] {
    this.#flush()
    return this.#datagrams
  }

  /** What of a message the datagram still takes. */
  #room(epoch: Epoch): number {
    const overhead = RECORD_HEADER + HANDSHAKE_HEADER + (epoch === 0 ? 0 : SEALED_OVERHEAD)
    return Math.max(0, this.#mtu - this.#used - overhead)
  }

  #flush(): void {
    if (this.#used > 0) this.#datagrams.push(Buffer.concat(this.#records, this.#used))
    this.#records = []
    this.#used = 0
  }
}
