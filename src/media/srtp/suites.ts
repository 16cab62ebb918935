/** Crypto-suites by their names in SDP: RFC 4568 §6.2, RFC 6188 §4, RFC 7714 §14.1. */
export type SrtpSuite =
  | `AES_CM_128_HMAC_SHA1_${80 | 32}`
  | `AES_256_CM_HMAC_SHA1_${80 | 32}`
  | `AEAD_AES_${128 | 256}_GCM`

/** What a suite is made of; lengths in octets. */
export interface SuiteParameters {
  readonly cipher: 'counter' | 'galois'
  readonly keyLength: 16 | 32
  readonly saltLength: 14 | 12
  readonly rtpTag: 4 | 10 | 16
  /** 80 bits in the `_32` suites too (RFC 4568 §6.2.2, RFC 6188 §4). */
  readonly rtcpTag: 10 | 16
}

export const srtpSuites: Readonly<Record<SrtpSuite, SuiteParameters>> = {
  AES_CM_128_HMAC_SHA1_80: { cipher: 'counter', keyLength: 16, saltLength: 14, rtpTag: 10, rtcpTag: 10 },
  AES_CM_128_HMAC_SHA1_32: { cipher: 'counter', keyLength: 16, saltLength: 14, rtpTag: 4, rtcpTag: 10 },
  AES_256_CM_HMAC_SHA1_80: { cipher: 'counter', keyLength: 32, saltLength: 14, rtpTag: 10, rtcpTag: 10 },
  AES_256_CM_HMAC_SHA1_32: { cipher: 'counter', keyLength: 32, saltLength: 14, rtpTag: 4, rtcpTag: 10 },
  AEAD_AES_128_GCM: { cipher: 'galois', keyLength: 16, saltLength: 12, rtpTag: 16, rtcpTag: 16 },
  AEAD_AES_256_GCM: { cipher: 'galois', keyLength: 32, saltLength: 12, rtpTag: 16, rtcpTag: 16 },
}

/** Octets of a suite's master key and master salt together, as `inline:` carries them (RFC 4568 §6.1). */
export function keySaltLength(suite: SrtpSuite): number {
  const { keyLength, saltLength } = srtpSuites[suite]
  return keyLength + saltLength
}
