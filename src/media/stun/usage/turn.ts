import { readAddress, readXoredAddress } from '../../../stun/attributes/address.ts'
import { ErrorCode } from '../../../stun/attributes/general.ts'
import type { StunHash } from '../../../stun/hash.ts'
import { method } from '../../../stun/header.ts'
import { nodeHash } from '../../../stun/io/node-hash.ts'
import type { TransportAddress } from '../../../stun/ip.ts'
import type { StunMessage } from '../../../stun/message.ts'
import { octets, uint32 } from '../../../stun/octets.ts'
import { AgentRequest, exchanged, type StunAgent } from './agent.ts'

/** Which TURN a server speaks: RFC 5766, its ninth draft, Google Talk's, MSN's, Office Communicator 2007's. */
export type TurnCompatibility = 'RFC5766' | 'DRAFT9' | 'GOOGLE' | 'MSN' | 'OC2007'

/** Which port to ask for; only RFC 5766 and its draft can ask. */
export type TurnRequestPorts = 'normal' | 'even' | 'even-and-reserve'

interface TurnCredentials {
  /** Credentials as the agent's flags say; text is taken as UTF-8, nothing is prepared. */
  readonly username?: string | Uint8Array
  readonly password?: string | Uint8Array
  /** The response before this request: realm, nonce and (for `turnCreate`) the reservation token are taken from it. */
  readonly previousResponse?: StunMessage
  readonly hash?: StunHash
}

export interface TurnCreateOptions extends TurnCredentials {
  readonly requestPorts?: TurnRequestPorts
  /** Kilobits a second; left out when negative or not given. */
  readonly bandwidth?: number
  /** Seconds; left out when negative or not given. */
  readonly lifetime?: number
}

export interface TurnRefreshOptions extends TurnCredentials {
  /** Seconds, 0 to end the allocation; left out when negative or not given. */
  readonly lifetime?: number
}

export type TurnVerdict = 'relay-success' | 'mapped-success' | 'error' | 'invalid' | 'alternate-server'

/** What an Allocate response says; fields are there where the message has them. */
export interface TurnProcessed {
  readonly verdict: TurnVerdict
  readonly relay?: TransportAddress
  /** Our own address as the server saw it. */
  readonly mapped?: TransportAddress
  readonly alternateServer?: TransportAddress
  readonly bandwidth?: number
  readonly lifetime?: number
}

type Found = { -readonly [field in keyof TurnProcessed]: TurnProcessed[field] }

export interface TurnRefreshProcessed {
  readonly verdict: 'relay-success' | 'error' | 'invalid'
  readonly lifetime?: number
}

const TURN_COOKIE = 0x72c64bc6
const UDP = 0x11000000
const EVEN = 0x80000000
const EVEN_AND_RESERVE = 0xc0000000

const attribute = {
  mappedAddress: 0x0001,
  username: 0x0006,
  lifetime: 0x000d,
  microsoftAlternateServer: 0x000e,
  magicCookie: 0x000f,
  bandwidth: 0x0010,
  realm: 0x0014,
  nonce: 0x0015,
  relayAddress: 0x0016,
  requestedPortProps: 0x0018,
  requestedTransport: 0x0019,
  xorMappedAddress: 0x0020,
  reservationToken: 0x0022,
  msnMappedAddress: 0x8000,
  microsoftVersion: 0x8008,
  microsoftXorMappedAddress: 0x8020,
  alternateServer: 0x8023,
} as const

/**
 * An Allocate request, byte for byte what libnice's `stun_usage_turn_create` makes of the same input.
 * `transactionId`: 16 octets; with RFC5389 and MSICE2 agents, whose cookie takes four of them, 12 will do.
 */
export function turnCreate(
  agent: StunAgent,
  transactionId: Uint8Array,
  compatibility: TurnCompatibility,
  options: TurnCreateOptions = {},
): Uint8Array {
  const { bandwidth = -1, lifetime = -1, requestPorts = 'normal', previousResponse } = options
  const request = new AgentRequest(agent, method.Allocate, transactionId)
  if (isStandard(compatibility)) {
    request.add32(attribute.requestedTransport, UDP)
    if (bandwidth >= 0) request.add32(attribute.bandwidth, bandwidth)
  } else request.add32(attribute.magicCookie, TURN_COOKIE)
  if (compatibility === 'OC2007') request.add32(attribute.microsoftVersion, 1)
  if (lifetime >= 0) request.add32(attribute.lifetime, lifetime)
  if (isStandard(compatibility) && requestPorts !== 'normal') {
    request.add32(attribute.requestedPortProps, requestPorts === 'even' ? EVEN : EVEN_AND_RESERVE)
  }
  takeChallenge(agent, request, previousResponse)
  const token = previousResponse && value(previousResponse, attribute.reservationToken)
  if (token?.length === 8) request.add(attribute.reservationToken, token)
  return finished(agent, request, options)
}

/**
 * A Refresh request as libnice's `stun_usage_turn_create_refresh` makes it; the servers that know none (GOOGLE, MSN,
 * OC2007) get an Allocate.
 */
export function turnCreateRefresh(
  agent: StunAgent,
  transactionId: Uint8Array,
  compatibility: TurnCompatibility,
  options: TurnRefreshOptions = {},
): Uint8Array {
  const { lifetime = -1, previousResponse } = options
  if (!isStandard(compatibility)) return turnCreate(agent, transactionId, compatibility, options)
  const request = new AgentRequest(agent, method.Refresh, transactionId)
  if (lifetime >= 0) request.add32(attribute.lifetime, lifetime)
  takeChallenge(agent, request, previousResponse)
  return finished(agent, request, options)
}

/** What an Allocate response means, as libnice's `stun_usage_turn_process` judges it. */
export function turnProcess(message: StunMessage, compatibility: TurnCompatibility): TurnProcessed {
  if (message.method !== method.Allocate) return { verdict: 'invalid' }
  if (message.class === 'success') return granted(message, compatibility)
  const processed: Found = { verdict: 'invalid' }
  if (message.class === 'error') refuse(processed, message, compatibility)
  return processed
}

/** What a Refresh response means, as libnice's `stun_usage_turn_refresh_process` judges it. */
export function turnRefreshProcess(
  message: StunMessage,
  compatibility: TurnCompatibility,
): TurnRefreshProcessed {
  const expected = isStandard(compatibility) ? method.Refresh : method.Allocate
  if (message.method !== expected) return { verdict: 'invalid' }
  if (message.class === 'error')
    return { verdict: message.get(ErrorCode) === undefined ? 'invalid' : 'error' }
  if (message.class !== 'success') return { verdict: 'invalid' }
  const lifetime = number(message, attribute.lifetime)
  return lifetime === undefined ? { verdict: 'relay-success' } : { verdict: 'relay-success', lifetime }
}

function isStandard(compatibility: TurnCompatibility): boolean {
  return compatibility === 'RFC5766' || compatibility === 'DRAFT9'
}

function takeChallenge(agent: StunAgent, request: AgentRequest, previous: StunMessage | undefined): void {
  if (previous === undefined) return
  for (const type of [attribute.realm, attribute.nonce]) {
    const given = value(previous, exchanged(agent, type))
    if (given !== undefined) request.add(type, given)
  }
}

function finished(agent: StunAgent, request: AgentRequest, options: TurnCredentials): Uint8Array {
  const username = encoded(options.username)
  if (username?.length && (agent.shortTermCredentials || options.previousResponse !== undefined)) {
    request.add(attribute.username, username)
  }
  return request.finish(encoded(options.password), options.hash ?? nodeHash)
}

function encoded(text: string | Uint8Array | undefined): Uint8Array | undefined {
  return typeof text === 'string' ? Buffer.from(text) : text
}

function granted(message: StunMessage, compatibility: TurnCompatibility): TurnProcessed {
  const processed: Found = { verdict: 'error' }
  const mapped = mappedOf(message, compatibility)
  tell(processed, 'mapped', mapped)
  const relay = relayOf(message, compatibility)
  if (relay === undefined) return processed
  processed.verdict = mapped === undefined ? 'relay-success' : 'mapped-success'
  processed.relay = relay
  tell(processed, 'bandwidth', number(message, attribute.bandwidth))
  tell(processed, 'lifetime', number(message, attribute.lifetime))
  return processed
}

function refuse(processed: Found, message: StunMessage, compatibility: TurnCompatibility): void {
  const error = message.get(ErrorCode)
  if (error === undefined) return
  processed.verdict = 'error'
  if (compatibility === 'OC2007')
    tell(processed, 'alternateServer', address(message, attribute.microsoftAlternateServer))
  if (error.code >= 400) return
  const alternateServer = address(message, attribute.alternateServer)
  if (alternateServer === undefined) return
  processed.verdict = 'alternate-server'
  processed.alternateServer = alternateServer
}

function tell<K extends keyof Found>(processed: Found, field: K, found: Found[K] | undefined): void {
  if (found !== undefined) processed[field] = found
}

function relayOf(message: StunMessage, compatibility: TurnCompatibility): TransportAddress | undefined {
  return isStandard(compatibility)
    ? xoredAddress(message, attribute.relayAddress)
    : address(message, attribute.mappedAddress)
}

function mappedOf(message: StunMessage, compatibility: TurnCompatibility): TransportAddress | undefined {
  if (isStandard(compatibility)) return xoredAddress(message, attribute.xorMappedAddress)
  if (compatibility === 'MSN') return address(message, attribute.msnMappedAddress)
  if (compatibility === 'GOOGLE') return undefined
  return xoredAddress(message, attribute.microsoftXorMappedAddress, octets(message.bytes, 4, 4))
}

function address(message: StunMessage, type: number): TransportAddress | undefined {
  const offset = message.find(type)
  return offset < 0 ? undefined : readAddress(message.bytes, offset, message.lengthAt(offset))
}

function xoredAddress(message: StunMessage, type: number, cookie?: Uint8Array): TransportAddress | undefined {
  const offset = message.find(type)
  return offset < 0 ? undefined : readXoredAddress(message.bytes, offset, message.lengthAt(offset), cookie)
}

function number(message: StunMessage, type: number): number | undefined {
  const offset = message.find(type)
  return offset < 0 || message.lengthAt(offset) !== 4 ? undefined : uint32(message.bytes, offset)
}

function value(message: StunMessage, type: number): Uint8Array | undefined {
  const offset = message.find(type)
  return offset < 0 ? undefined : octets(message.bytes, offset, message.lengthAt(offset))
}
