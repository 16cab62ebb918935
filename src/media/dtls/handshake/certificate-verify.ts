import { OctetReader, uint16, vector } from '../octets.ts'

/** RFC 5246 §7.4.8. */
export interface CertificateVerify {
  readonly scheme: number
  readonly signature: Buffer
}

export function encodeCertificateVerify({ scheme, signature }: CertificateVerify): Buffer {
  return Buffer.concat([uint16(scheme), vector(2, signature)])
}

/** @throws DtlsError */
export function readCertificateVerify(body: Buffer): CertificateVerify {
  const reader = new OctetReader(body)
  const scheme = reader.uint16()
  const signature = reader.vector(2)
  reader.end()
  return { scheme, signature }
}
