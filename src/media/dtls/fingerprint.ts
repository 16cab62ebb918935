import type { Fingerprint } from '../../sdp/index.ts'
import { UsageError } from '../../util/errors.ts'
import type { DtlsCrypto } from './crypto.ts'
import type { HashName } from './suites.ts'

export type { Fingerprint }

/** The hash functions of RFC 8122 §5 that are taken, the strongest first; MD5 and SHA-1 are not. */
const hashes = [
  { name: 'sha-512', hash: 'sha512', length: 64 },
  { name: 'sha-384', hash: 'sha384', length: 48 },
  { name: 'sha-256', hash: 'sha256', length: 32 },
] as const

export type FingerprintHash = (typeof hashes)[number]['name']

/** The fingerprint of a certificate, as SDP has it. */
export function fingerprintOf(
  crypto: DtlsCrypto,
  certificate: Uint8Array,
  hash: FingerprintHash,
): Fingerprint {
  const algorithm: HashName = hashes.find(({ name }) => name === hash)?.hash ?? 'sha256'
  const digest = crypto.hash(algorithm, [certificate]).toString('hex').toUpperCase()
  return { hash, value: digest.replaceAll(/..(?!$)/g, '$&:') }
}

/**
 * Reads `sha-256 12:AB:…` as it stands in SDP, or hexadecimal alone, whose hash its length tells.
 * @throws UsageError for another hash, and where the digest has another length
 */
export function parseFingerprint(text: string): Fingerprint {
  const [first = '', second] = text.trim().split(/\s+/, 2)
  const value = second ?? first
  const length = digestOf(value)?.length
  const hash = second === undefined ? hashes.find(known => known.length === length)?.name : first
  const fingerprint = { hash: hash ?? '', value }
  checkFingerprints([fingerprint])
  return fingerprint
}

/** Fingerprints that can be checked. @throws UsageError where there is none such, or where one is malformed */
export function checkFingerprints(fingerprints: readonly Fingerprint[]): void {
  let usable = 0
  for (const { hash, value } of fingerprints) {
    const known = hashes.find(({ name }) => name === hash.toLowerCase())
    if (known === undefined) continue
    usable++
    if (digestOf(value)?.length !== known.length) {
      throw new UsageError(
        'ERR_DTLS_FINGERPRINT_SYNTAX',
        `${JSON.stringify(value)} is no ${known.name} fingerprint: it has ${known.length} pairs of hexadecimal digits`,
      )
    }
  }
  if (usable === 0) {
    throw new UsageError(
      'ERR_DTLS_FINGERPRINT_SYNTAX',
      `no fingerprint that can be checked (${fingerprints.map(({ hash }) => JSON.stringify(hash)).join(', ')}): one of sha-256, sha-384 or sha-512 is needed`,
    )
  }
}

/** Whether the certificate is one of those named: of the strongest hash there is, any may fit (RFC 8122 §5). */
export function fits(
  crypto: DtlsCrypto,
  certificate: Uint8Array,
  fingerprints: readonly Fingerprint[],
): boolean {
  for (const { name, hash } of hashes) {
    const named = fingerprints.filter(fingerprint => fingerprint.hash.toLowerCase() === name)
    if (named.length === 0) continue
    const digest = crypto.hash(hash, [certificate])
    return named.some(({ value }) => crypto.equal(digest, digestOf(value) ?? Buffer.alloc(0)))
  }
  return false
}

function digestOf(value: string): Buffer | undefined {
  if (!/^[0-9a-f]{2}(?::?[0-9a-f]{2})*$/i.test(value)) return undefined
  return Buffer.from(value.replaceAll(':', ''), 'hex')
}
