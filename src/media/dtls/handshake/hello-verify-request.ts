import { OctetReader, uint16, vector } from '../octets.ts'
import { DTLS_1_0 } from '../record.ts'

/** RFC 6347 §4.2.1: the version says nothing of what will be negotiated. */
export function encodeHelloVerifyRequest(cookie: Uint8Array): Buffer {
  return Buffer.concat([uint16(DTLS_1_0), vector(1, cookie)])
}

/**
 * The cookie.
 * @throws DtlsError
 */
export function readHelloVerifyRequest(body: Buffer): Buffer {
  const reader = new OctetReader(body)
  reader.uint16()
  const cookie = reader.vector(1)
  reader.end()
  return Buffer.from(cookie)
}
