/** What is negotiated, in the order in which we prefer it. */

export type HashName = 'sha256' | 'sha384' | 'sha512'
export type KeyType = 'ecdsa' | 'rsa'

/** RFC 5289 §3.2: ephemeral keys and AES-GCM, nothing else. */
export interface CipherSuite {
  readonly code: number
  readonly name: string
  readonly authentication: KeyType
  readonly keyLength: 16 | 32
  /** Of the PRF and the transcript. */
  readonly hash: 'sha256' | 'sha384'
}

export const cipherSuites: readonly CipherSuite[] = [
  {
    code: 0xc02b,
    name: 'TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256',
    authentication: 'ecdsa',
    keyLength: 16,
    hash: 'sha256',
  },
  {
    code: 0xc02f,
    name: 'TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256',
    authentication: 'rsa',
    keyLength: 16,
    hash: 'sha256',
  },
  {
    code: 0xc02c,
    name: 'TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384',
    authentication: 'ecdsa',
    keyLength: 32,
    hash: 'sha384',
  },
  {
    code: 0xc030,
    name: 'TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384',
    authentication: 'rsa',
    keyLength: 32,
    hash: 'sha384',
  },
]

/** A named curve (RFC 8422 §5.1.1). P-256 leads: a key and a secret cost less than half of X25519's in node:crypto. */
export interface Group {
  readonly code: number
  readonly name: 'P-256' | 'X25519' | 'P-384'
}

const p256: Group = { code: 23, name: 'P-256' }
export const groups: readonly Group[] = [p256, { code: 29, name: 'X25519' }, { code: 24, name: 'P-384' }]

/** What a client means that names no groups (RFC 8422 §5.1.1 leaves it to the server). */
export const unnamedGroup: Group = p256

/** A hash and a signature (RFC 5246 §7.4.1.4.1), or a scheme of RFC 8446 §4.2.3 where it is RSASSA-PSS. */
export interface SignatureScheme {
  readonly code: number
  readonly key: KeyType
  readonly hash: HashName
  readonly pss: boolean
}

/** No SHA-1: a peer that knows nothing else is refused. */
export const signatureSchemes: readonly SignatureScheme[] = [
  { code: 0x0403, key: 'ecdsa', hash: 'sha256', pss: false },
  { code: 0x0804, key: 'rsa', hash: 'sha256', pss: true },
  { code: 0x0401, key: 'rsa', hash: 'sha256', pss: false },
  { code: 0x0503, key: 'ecdsa', hash: 'sha384', pss: false },
  { code: 0x0603, key: 'ecdsa', hash: 'sha512', pss: false },
  { code: 0x0805, key: 'rsa', hash: 'sha384', pss: true },
  { code: 0x0806, key: 'rsa', hash: 'sha512', pss: true },
  { code: 0x0501, key: 'rsa', hash: 'sha384', pss: false },
  { code: 0x0601, key: 'rsa', hash: 'sha512', pss: false },
]

/** The SRTP suites that `use_srtp` can name (RFC 5764 §4.1.2, RFC 7714 §14.2), by their names in SDP. */
export type DtlsProfile = `AES_CM_128_HMAC_SHA1_${80 | 32}` | `AEAD_AES_${128 | 256}_GCM`

export interface SrtpProfile {
  readonly code: number
  readonly suite: DtlsProfile
  readonly keyLength: 16 | 32
  readonly saltLength: 14 | 12
}

/** Ours by default: the ten-octet tag leads for its speed, the four-octet one is last. */
export const srtpProfiles: readonly SrtpProfile[] = [
  { code: 0x0001, suite: 'AES_CM_128_HMAC_SHA1_80', keyLength: 16, saltLength: 14 },
  { code: 0x0007, suite: 'AEAD_AES_128_GCM', keyLength: 16, saltLength: 12 },
  { code: 0x0008, suite: 'AEAD_AES_256_GCM', keyLength: 32, saltLength: 12 },
  { code: 0x0002, suite: 'AES_CM_128_HMAC_SHA1_32', keyLength: 16, saltLength: 14 },
]
