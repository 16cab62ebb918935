import { OctetReader, vector } from '../octets.ts'

/** RFC 8422 §5.7. */
export function encodeClientKeyExchange(point: Uint8Array): Buffer {
  return vector(1, point)
}

/**
 * The client's point.
 * @throws DtlsError
 */
export function readClientKeyExchange(body: Buffer): Buffer {
  const reader = new OctetReader(body)
  const point = reader.vector(1, 1)
  reader.end()
  return point
}
