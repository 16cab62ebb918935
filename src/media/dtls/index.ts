/** DTLS-SRTP after RFC 6347, 5764 and 5763: keys for media from certificates that signalling vouches for. */
export type { DtlsCounters } from './counters.ts'
export type { DtlsCrypto } from './crypto.ts'
export type { DtlsEndpoint, DtlsState } from './endpoint.ts'
export { createDtlsFactory, type DtlsFactory, type DtlsFactoryOptions } from './factory.ts'
export { type Fingerprint, type FingerprintHash, parseFingerprint } from './fingerprint.ts'
export { nodeCrypto } from './io/node-crypto.ts'
export type { DtlsKeys, DtlsOptions, DtlsUser } from './options.ts'
export type { DtlsProfile } from './suites.ts'
