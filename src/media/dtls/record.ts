import type { Aead, DtlsCrypto } from './crypto.ts'
import { HandshakeType } from './handshake/message.ts'
import type { DirectionKeys } from './key-schedule.ts'
import { ReplayWindow } from './replay-window.ts'

export const ContentType = { changeCipherSpec: 20, alert: 21, handshake: 22, applicationData: 23 } as const

export const DTLS_1_2 = 0xfefd
/** What hellos are sent in, for peers that may know nothing newer (RFC 6347 §4.2.1). */
export const DTLS_1_0 = 0xfeff

const helloTypes: ReadonlySet<number> = new Set([
  HandshakeType.clientHello,
  HandshakeType.serverHello,
  HandshakeType.helloVerifyRequest,
])

export const RECORD_HEADER = 13
/** Explicit nonce and tag (RFC 5288 §3). */
export const SEALED_OVERHEAD = 24
const NONCE = 8
const MOST_PLAINTEXT = 2 ** 14
const MOST_SEQUENCE = 2 ** 48

/** Where the handshake is in the clear, and where it is not; there is no third, for nothing is renegotiated. */
export type Epoch = 0 | 1

/** A record as it came; `fragment` is a view of the datagram. */
export interface DtlsRecord {
  readonly type: number
  readonly version: number
  readonly epoch: number
  readonly sequence: number
  readonly fragment: Buffer
}

/** The records of a datagram up to the first that is not whole (RFC 6347 §4.1); `rest` counts the octets behind them. */
export function readRecords(datagram: Buffer): { readonly records: DtlsRecord[]; readonly rest: number } {
  const records: DtlsRecord[] = []
  let at = 0
  while (datagram.length - at >= RECORD_HEADER) {
    const start = at + RECORD_HEADER
    const end = start + datagram.readUInt16BE(at + 11)
    if (end > datagram.length) break
    records.push({
      type: datagram.readUInt8(at),
      version: datagram.readUInt16BE(at + 1),
      epoch: datagram.readUInt16BE(at + 3),
      sequence: datagram.readUIntBE(at + 5, 6),
      fragment: datagram.subarray(start, end),
    })
    at = end
  }
  return { records, rest: datagram.length - at }
}

/** RFC 6347 §4.2.1: hellos may come as of DTLS 1.0, and so may the alert of who knows nothing newer. */
export function isTakenVersion({ version, epoch, type, fragment }: DtlsRecord): boolean {
  if (version === DTLS_1_2) return true
  if (version !== DTLS_1_0 || epoch !== 0) return false
  const [message = -1] = fragment
  return type === ContentType.alert || (type === ContentType.handshake && helloTypes.has(message))
}

/** Why a record is not taken: RFC 6347 §4.1.2.7 has it dropped without a word. */
export type RecordFault = 'malformed' | 'replayed' | 'unauthentic' | 'epoch' | 'early'

interface Protection {
  readonly reading: Aead
  readonly writing: Aead
  readonly readingSalt: Buffer
  readonly writingSalt: Buffer
}

/**
 * Both directions of the record layer (RFC 6347 §4.1): plain in epoch 0, AES-GCM in epoch 1. Each record that is sent
 * has a number of its own. Epoch 0 has no replay window: one forged record would move it past all genuine ones, and its
 * messages are told apart by their own numbers.
 */
export class RecordLayer {
  readonly #crypto: DtlsCrypto
  readonly #next: [number, number] = [0, 0]
  #protection: Protection | undefined
  #window = new ReplayWindow()

  constructor(crypto: DtlsCrypto) {
    this.#crypto = crypto
  }

  get isProtected(): boolean {
    return this.#protection !== undefined
  }

  /** Epoch 1 begins, both ways. */
  protect(reading: DirectionKeys, writing: DirectionKeys): void {
    this.#next[1] = 0
    this.#window = new ReplayWindow()
    this.#protection = {
      reading: this.#crypto.aead(reading.key),
      writing: this.#crypto.aead(writing.key),
      readingSalt: Buffer.from(reading.salt),
      writingSalt: Buffer.from(writing.salt),
    }
    for (const octets of [reading.key, reading.salt, writing.key, writing.salt]) octets.fill(0)
  }

  /** The handshake begins anew, in the clear. */
  unprotect(): void {
    this.#protection?.readingSalt.fill(0)
    this.#protection?.writingSalt.fill(0)
    this.#protection = undefined
  }

  /** The next record of epoch 0 has this number (RFC 6347 §4.2.1), unless one of ours went with it or a later one. */
  continueFrom(sequence: number): void {
    this.#next[0] = Math.max(this.#next[0], sequence)
  }

  /** The plaintext of a record, or why it is not taken. */
  open(record: DtlsRecord): Buffer | RecordFault {
    if (record.epoch === 0) return record.fragment.length <= MOST_PLAINTEXT ? record.fragment : 'malformed'
    if (record.epoch !== 1) return 'epoch'
    return this.#protection === undefined ? 'early' : this.#unseal(record, this.#protection)
  }

  /** A whole record; nothing is sent once the numbers are used up. */
  seal(type: number, version: number, epoch: Epoch, payload: Uint8Array): Buffer {
    const sequence = this.#next[epoch]
    if (sequence >= MOST_SEQUENCE) return Buffer.alloc(0)
    this.#next[epoch] = sequence + 1
    if (epoch === 0) return plainRecord(type, version, sequence, payload)
    const protection = this.#protection
    if (protection === undefined) return Buffer.alloc(0)
    const associated = associatedData(type, version, epoch, sequence, payload.length)
    const explicit = associated.subarray(0, NONCE)
    const nonce = Buffer.concat([protection.writingSalt, explicit])
    const sealed = protection.writing.seal(nonce, associated, payload)
    return Buffer.concat([header(type, version, epoch, sequence, NONCE + sealed.length), explicit, sealed])
  }

  #unseal(
    { type, version, epoch, sequence, fragment }: DtlsRecord,
    protection: Protection,
  ): Buffer | RecordFault {
    const length = fragment.length - SEALED_OVERHEAD
    if (length < 0 || length > MOST_PLAINTEXT) return 'malformed'
    if (!this.#window.isFresh(sequence)) return 'replayed'
    const nonce = Buffer.concat([protection.readingSalt, fragment.subarray(0, NONCE)])
    const associated = associatedData(type, version, epoch, sequence, length)
    const plaintext = protection.reading.open(nonce, associated, fragment.subarray(NONCE))
    if (plaintext === undefined) return 'unauthentic'
    this.#window.take(sequence)
    return plaintext
  }
}

/** A whole record of epoch 0. */
export function plainRecord(type: number, version: number, sequence: number, payload: Uint8Array): Buffer {
  return Buffer.concat([header(type, version, 0, sequence, payload.length), payload])
}

function header(type: number, version: number, epoch: number, sequence: number, length: number): Buffer {
  const bytes = Buffer.alloc(RECORD_HEADER)
  bytes.writeUInt8(type, 0)
  bytes.writeUInt16BE(version, 1)
  bytes.writeUInt16BE(epoch, 3)
  bytes.writeUIntBE(sequence, 5, 6)
  bytes.writeUInt16BE(length, 11)
  return bytes
}

/** RFC 5246 §6.2.3.3; in DTLS the sequence number is epoch and number together. */
function associatedData(
  type: number,
  version: number,
  epoch: number,
  sequence: number,
  length: number,
): Buffer {
  const bytes = Buffer.alloc(RECORD_HEADER)
  bytes.writeUInt16BE(epoch, 0)
  bytes.writeUIntBE(sequence, 2, 6)
  bytes.writeUInt8(type, 8)
  bytes.writeUInt16BE(version, 9)
  bytes.writeUInt16BE(length, 11)
  return bytes
}
