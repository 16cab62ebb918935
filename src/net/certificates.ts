import { generateKeyPair, randomBytes } from 'node:crypto'
import { promisify } from 'node:util'
import forge from 'node-forge'
import { familyOf } from '../util/address.ts'

/** A certificate and its key, as PEM. */
export interface IssuedCertificate {
  readonly certificate: string
  readonly key: string
}

export interface CertificateRequest {
  /** The subject's common name. */
  readonly name: string
  /** Domains and numeric addresses that it proves: DNS and iPAddress of the subjectAltName. */
  readonly hosts?: readonly string[]
  /** URIs of the subjectAltName: `sip:example.com`. */
  readonly uris?: readonly string[]
  /** Milliseconds since 1970. */
  readonly notBefore: number
  readonly notAfter: number
  /** Who signs it; itself unless given. */
  readonly issuer?: IssuedCertificate
  /** It may sign others. Default false. */
  readonly isAuthority?: boolean
}

const KEY_BITS = 2048
const SERIAL_OCTETS = 16

const generate = promisify(generateKeyPair)

/** Makes a certificate with a new RSA key of 2,048 bits, which OpenSSL makes beside the event loop. */
export async function issueCertificate(request: CertificateRequest): Promise<IssuedCertificate> {
  const { publicKey, privateKey: key } = await generate('rsa', {
    modulusLength: KEY_BITS,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  })
  const { issuer, notBefore, notAfter } = request
  const certificate = forge.pki.createCertificate()
  certificate.publicKey = forge.pki.publicKeyFromPem(publicKey)
  certificate.serialNumber = serialNumber()
  certificate.validity.notBefore = new Date(notBefore)
  certificate.validity.notAfter = new Date(notAfter)
  const subject = [{ name: 'commonName', value: request.name }]
  const authority = issuer && forge.pki.certificateFromPem(issuer.certificate)
  certificate.setSubject(subject)
  certificate.setIssuer(authority ? authority.subject.attributes : subject)
  certificate.setExtensions(extensions(request, authority ?? certificate))
  certificate.sign(forge.pki.privateKeyFromPem(issuer?.key ?? key), forge.md.sha256.create())
  return { certificate: forge.pki.certificateToPem(certificate), key }
}

function extensions(
  { hosts = [], uris = [], isAuthority = false }: CertificateRequest,
  authority: forge.pki.Certificate,
): object[] {
  const altNames = [
    ...uris.map(value => ({ type: 6, value })),
    ...hosts.map(host => (familyOf(host) === undefined ? { type: 2, value: host } : { type: 7, ip: host })),
  ]
  return [
    { name: 'basicConstraints', critical: true, cA: isAuthority },
    isAuthority
      ? { name: 'keyUsage', critical: true, keyCertSign: true, cRLSign: true }
      : { name: 'keyUsage', critical: true, digitalSignature: true, keyEncipherment: true },
    // SIP peers are servers and clients of each other with one certificate
    ...(isAuthority ? [] : [{ name: 'extKeyUsage', serverAuth: true, clientAuth: true }]),
    { name: 'subjectKeyIdentifier' },
    { name: 'authorityKeyIdentifier', keyIdentifier: authority.generateSubjectKeyIdentifier().getBytes() },
    ...(altNames.length > 0 ? [{ name: 'subjectAltName', altNames }] : []),
  ]
}

/** Positive and unlike any other (RFC 5280 §4.1.2.2). */
function serialNumber(): string {
  const bytes = randomBytes(SERIAL_OCTETS)
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40
  return bytes.toString('hex')
}
