export { type StunAttribute, type StunAttributeValue, valued } from '../../stun/attribute.ts'
export * from '../../stun/attributes/index.ts'
export { reasonPhrase } from '../../stun/error-codes.ts'
export { isChannelData, type StunFrame, StunFramer } from '../../stun/framer.ts'
export { type HashKey, type IntegrityKey, integrityKey, type StunHash } from '../../stun/hash.ts'
export { magicCookie, method, type StunClass } from '../../stun/header.ts'
export {
  checkClassicIntegrity,
  checkFingerprint,
  checkIntegrity,
  checkIntegritySha256,
  type Verdict,
} from '../../stun/integrity.ts'
export { nodeHash } from '../../stun/io/node-hash.ts'
export { addressText, isIPv6, type TransportAddress } from '../../stun/ip.ts'
export {
  looksLikeStun,
  parseStun,
  type StunFault,
  type StunLimits,
  StunMessage,
  stunLimits,
} from '../../stun/message.ts'
export { knownAttributes, malformedAttribute, unknownRequired } from '../../stun/registry.ts'
export { StunWriter, type StunWriterOptions } from '../../stun/writer.ts'
export {
  noAuthentication,
  type ResponseVerdict,
  type StunAuthentication,
  type StunSignature,
} from './authentication.ts'
export { StunClient } from './client.ts'
export type { StunClientOptions, StunTransport } from './client-options.ts'
export { type StunCounters, stunCounters } from './counters.ts'
export {
  longTermKey,
  nonceWith,
  type SecurityFeatures,
  type StunCredentials,
  securityFeatures,
  shortTermKey,
  userhash,
} from './credentials.ts'
export type { Exchange as StunExchange, StunRequest, StunRequestUser } from './exchange.ts'
export { StunErrorResponse, type StunFailure } from './failure.ts'
export { locateServer } from './locate-server.ts'
export { LongTermAuthentication, type LongTermOptions } from './long-term.ts'
export {
  type NatBehavior,
  NatBehaviorDiscovery,
  type NatBehaviorOptions,
  type NatDependence,
  natBehaviorMachine,
} from './nat-behavior.ts'
export { opaqueString, type Preparation, saslPrep } from './prepare.ts'
export { RoundTrips } from './round-trip.ts'
export {
  openServer,
  type RequestVerdict,
  type StunServerAuthentication,
} from './server/authentication.ts'
export {
  type BindingAnswer,
  type BindingResult,
  BindingServer,
  type BindingServerOptions,
} from './server/binding-server.ts'
export { LongTermServerAuthentication, type LongTermServerOptions } from './server/long-term.ts'
export { ShortTermServerAuthentication } from './server/short-term.ts'
export type { ServerLookupOptions, StunServerLocation } from './server-lookup.ts'
export { parseServerName, type ServerTransport, type StunServerName } from './server-name.ts'
export { ShortTermAuthentication, type ShortTermOptions } from './short-term.ts'
export {
  StunClientTransaction,
  type StunTiming,
  type StunTransactionUser,
  stunClientMachine,
  stunTiming,
} from './transaction.ts'
export type { StunAgent, StunCompatibility } from './usage/agent.ts'
export {
  type TurnCompatibility,
  type TurnCreateOptions,
  type TurnProcessed,
  type TurnRefreshOptions,
  type TurnRefreshProcessed,
  type TurnRequestPorts,
  type TurnVerdict,
  turnCreate,
  turnCreateRefresh,
  turnProcess,
  turnRefreshProcess,
} from './usage/turn.ts'
