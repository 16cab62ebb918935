import { type Extensions, encodeExtensions, readExtensions } from '../extensions.ts'
import { numbers, OctetReader, uint16, vector } from '../octets.ts'

const RANDOM = 32
const MOST_SESSION_ID = 32
/** Says what the empty extension says (RFC 5746 §3.3). */
const NO_RENEGOTIATION = 0x00ff

/** RFC 6347 §4.2.1. */
export interface ClientHello {
  readonly version: number
  readonly random: Buffer
  readonly sessionId: Buffer
  readonly cookie: Buffer
  readonly cipherSuites: readonly number[]
  readonly compressionMethods: Buffer
  readonly extensions: Extensions
}

export function encodeClientHello(hello: ClientHello): Buffer {
  return Buffer.concat([
    uint16(hello.version),
    hello.random,
    vector(1, hello.sessionId),
    vector(1, hello.cookie),
    numbers(hello.cipherSuites),
    vector(1, hello.compressionMethods),
    encodeExtensions(hello.extensions),
  ])
}

/** @throws DtlsError */
export function readClientHello(body: Buffer): ClientHello {
  const reader = new OctetReader(body)
  const version = reader.uint16()
  const random = reader.octets(RANDOM)
  const sessionId = reader.vector(1, 0, MOST_SESSION_ID)
  const cookie = reader.vector(1)
  const cipherSuites = reader.numbers()
  const compressionMethods = reader.vector(1, 1)
  const { extensions } = readExtensions(reader)
  const renegotiationInfo = extensions.renegotiationInfo || cipherSuites.includes(NO_RENEGOTIATION)
  return {
    version,
    random,
    sessionId,
    cookie,
    cipherSuites,
    compressionMethods,
    extensions: { ...extensions, renegotiationInfo },
  }
}
