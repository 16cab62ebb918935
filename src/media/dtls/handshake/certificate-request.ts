import { numbers, OctetReader, uint8, vector } from '../octets.ts'
import { signatureSchemes } from '../suites.ts'

/** RFC 5246 §7.4.4, RFC 8422 §5.5. */
const RSA_SIGN = 1
const ECDSA_SIGN = 64

/** Asks for any certificate whose signatures we read; no authority is named, for none is asked. */
export function encodeCertificateRequest(): Buffer {
  return Buffer.concat([
    vector(1, uint8(ECDSA_SIGN), uint8(RSA_SIGN)),
    numbers(signatureSchemes.map(({ code }) => code)),
    vector(2),
  ])
}

/**
 * The signature schemes that the server reads.
 * @throws DtlsError
 */
export function readCertificateRequest(body: Buffer): readonly number[] {
  const reader = new OctetReader(body)
  reader.vector(1, 1)
  const schemes = reader.numbers()
  reader.vector(2)
  reader.end()
  return schemes
}
