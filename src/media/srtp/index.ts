export { createInboundSrtp, createOutboundSrtp } from './contexts.ts'
export { type SrtpFault, srtpFault, srtpFaults } from './faults.ts'
export type { InboundSrtp, OutboundSrtp, SrtpCounters, SrtpKey, SrtpKeys, SrtpOptions } from './keys.ts'
export { keySaltLength, type SrtpSuite, type SuiteParameters, srtpSuites } from './suites.ts'
