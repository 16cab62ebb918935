import { DtlsError } from '../alert.ts'
import { type Extensions, encodeExtensions, offeredExtensions, readExtensions } from '../extensions.ts'
import { OctetReader, uint8, uint16, vector } from '../octets.ts'

const RANDOM = 32
const MOST_SESSION_ID = 32
const NO_COMPRESSION = 0

/** RFC 5246 §7.4.1.3; no session is ever resumed, so ours have no identifier. */
export interface ServerHello {
  readonly version: number
  readonly random: Buffer
  readonly cipherSuite: number
  readonly extensions: Extensions
}

export function encodeServerHello({ version, random, cipherSuite, extensions }: ServerHello): Buffer {
  return Buffer.concat([
    uint16(version),
    random,
    vector(1),
    uint16(cipherSuite),
    uint8(NO_COMPRESSION),
    encodeExtensions(extensions),
  ])
}

/** @throws DtlsError, also for what a client of ours never asked for */
export function readServerHello(body: Buffer): ServerHello {
  const reader = new OctetReader(body)
  const version = reader.uint16()
  const random = reader.octets(RANDOM)
  reader.vector(1, 0, MOST_SESSION_ID)
  const cipherSuite = reader.uint16()
  if (reader.uint8() !== NO_COMPRESSION) {
    throw new DtlsError('DTLS: the server compresses, which was not offered', 'illegal_parameter')
  }
  const { extensions, types } = readExtensions(reader)
  for (const type of types) {
    if (!offeredExtensions.has(type)) {
      throw new DtlsError(
        `DTLS: the server answers extension ${type}, which was not sent`,
        'unsupported_extension',
      )
    }
  }
  return { version, random, cipherSuite, extensions }
}
