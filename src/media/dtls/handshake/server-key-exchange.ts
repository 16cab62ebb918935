import { DtlsError } from '../alert.ts'
import { OctetReader, uint8, uint16, vector } from '../octets.ts'

const NAMED_CURVE = 3

/** RFC 8422 §5.4. */
export interface ServerKeyExchange {
  readonly group: number
  readonly point: Buffer
  /** What the signature covers, after both randoms. */
  readonly parameters: Buffer
  readonly scheme: number
  readonly signature: Buffer
}

export function encodeParameters(group: number, point: Uint8Array): Buffer {
  return Buffer.concat([uint8(NAMED_CURVE), uint16(group), vector(1, point)])
}

export function encodeServerKeyExchange(
  parameters: Uint8Array,
  scheme: number,
  signature: Uint8Array,
): Buffer {
  return Buffer.concat([parameters, uint16(scheme), vector(2, signature)])
}

/** @throws DtlsError */
export function readServerKeyExchange(body: Buffer): ServerKeyExchange {
  const reader = new OctetReader(body)
  if (reader.uint8() !== NAMED_CURVE) {
    throw new DtlsError('DTLS: the server has no named curve', 'illegal_parameter')
  }
  const group = reader.uint16()
  const point = reader.vector(1, 1)
  const parameters = body.subarray(0, body.length - reader.left)
  const scheme = reader.uint16()
  const signature = reader.vector(2)
  reader.end()
  return { group, point, parameters, scheme, signature }
}
