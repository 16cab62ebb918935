import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { createSecureContext } from 'node:tls'
import { UsageError } from '../util/errors.ts'
import { printable } from '../util/log.ts'
import { certificateNames, sipDomains } from './tls-identity.ts'

/** A certificate of ours with its key. */
export interface TlsCertificate {
  /** The certificate as PEM, and those between it and its authority below it. */
  readonly certificate: string | Buffer
  /** Its key as PEM, RSA or EC. */
  readonly key: string | Buffer
  readonly passphrase?: string
}

/** A certificate that was read and can be used. */
export interface CertificateReading {
  readonly certificate: string
  readonly key: string
  /** The names by which a client may ask for it, in small letters. */
  readonly names: readonly string[]
  /** Of its key: `rsa`, `ec`. */
  readonly kind: string
  /** Its subject, safe to print. */
  readonly subject: string
  /** Milliseconds since 1970. */
  readonly notBefore: number
  readonly notAfter: number
}

/** @throws UsageError where either cannot be read, or they do not belong together; the key is never told */
export function readCertificate({ certificate, key, passphrase }: TlsCertificate): CertificateReading {
  const pem = certificate.toString()
  const leaf = readLeaf(pem)
  const secret = readKey(key, passphrase, leaf)
  checkUse(pem, secret, leaf)
  const { uris, dns, ...rest } = certificateNames(leaf)
  const names = [...new Set([...sipDomains({ uris, dns, ...rest }), ...dns.map(name => name.toLowerCase())])]
  const [notBefore, notAfter] = [Date.parse(leaf.validFrom), Date.parse(leaf.validTo)]
  const kind = secret.asymmetricKeyType ?? ''
  return { certificate: pem, key: pemOf(secret), names, kind, subject: nameOf(leaf), notBefore, notAfter }
}

function readLeaf(pem: string): X509Certificate {
  try {
    return new X509Certificate(pem)
  } catch (cause) {
    throw new UsageError(
      'ERR_TLS_CERTIFICATE',
      'a certificate cannot be read; PEM is expected, which begins with -----BEGIN CERTIFICATE-----',
      { cause },
    )
  }
}

/** OpenSSL may refuse what can be read: a key too short, a chain that is damaged. */
function checkUse(cert: string, secret: KeyObject, leaf: X509Certificate): void {
  try {
    createSecureContext({ cert, key: pemOf(secret) })
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new UsageError(
      'ERR_TLS_CERTIFICATE',
      `the certificate of ${nameOf(leaf)} cannot be used: ${printable(reason)}; have one made with RSA of 2,048 bits or P-256`,
    )
  }
}

function pemOf(secret: KeyObject): string {
  return secret.export({ type: 'pkcs8', format: 'pem' }).toString()
}

function nameOf({ subject }: X509Certificate): string {
  // one without a subject has none, whatever the types say
  return printable((subject ?? '').replaceAll('\n', ', '))
}

function readKey(key: string | Buffer, passphrase: string | undefined, leaf: X509Certificate): KeyObject {
  const whose = nameOf(leaf)
  let secret: KeyObject
  try {
    secret = createPrivateKey({ key, ...(passphrase !== undefined && { passphrase }) })
  } catch {
    // what OpenSSL says of a key may hold some of it
    throw new UsageError(
      'ERR_TLS_KEY',
      `the key of the certificate of ${whose} cannot be read; PEM is expected, with its passphrase where it has one`,
    )
  }
  if (leaf.checkPrivateKey(secret)) return secret
  throw new UsageError(
    'ERR_TLS_KEY_MISMATCH',
    `the key does not fit the certificate of ${whose}; give the key that it was made with`,
  )
}
