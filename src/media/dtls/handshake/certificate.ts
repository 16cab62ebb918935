import { OctetReader, vector } from '../octets.ts'

/** RFC 5246 §7.4.2: the certificate alone, for nobody follows a chain (RFC 8122 §6.2). */
export function encodeCertificate(certificate: Uint8Array): Buffer {
  return vector(3, vector(3, certificate))
}

/**
 * The first certificate, as a copy; undefined where the peer has none.
 * @throws DtlsError
 */
export function readCertificate(body: Buffer): Buffer | undefined {
  const reader = new OctetReader(body)
  const list = new OctetReader(reader.vector(3))
  reader.end()
  let first: Buffer | undefined
  while (list.left > 0) {
    const certificate = list.vector(3, 1)
    first ??= Buffer.from(certificate)
  }
  return first
}
