import { type IntegrityKey, integrityKey, type StunHash } from '../../../stun/hash.ts'
import { octet, octets } from '../../../stun/octets.ts'
import { StunWriter } from '../../../stun/writer.ts'

/**
 * Which STUN an agent speaks, as libnice has it: RFC 3489; RFC 5389; `MSICE2` (Microsoft's mix of the two); `OC2007`
 * (RFC 3489 with REALM and NONCE exchanged).
 */
export type StunCompatibility = 'RFC3489' | 'RFC5389' | 'MSICE2' | 'OC2007'

/** An agent of the STUN usages: a plain value, the same for all its requests. */
export interface StunAgent {
  readonly compatibility: StunCompatibility
  /** Adds USERNAME and integrity to the first request already. */
  readonly shortTermCredentials?: boolean
  /** The integrity key is the MD5 of user name, realm and password; no integrity without a realm. */
  readonly longTermCredentials?: boolean
  readonly useFingerprint?: boolean
  /** Adds SOFTWARE even where `software` is not given. */
  readonly addSoftware?: boolean
  readonly software?: string
  /** Attributes are not padded. */
  readonly noAlignedAttributes?: boolean
}

const REALM = 0x0014
const NONCE = 0x0015
const SPACE = 0x20
const DEFAULT_SOFTWARE = 'libnice'

/** A request in the making as libnice's agent makes it: padding of spaces, attribute by attribute from octets. */
export class AgentRequest {
  readonly #agent: StunAgent
  readonly #writer: StunWriter
  #realm: Uint8Array | undefined
  #username: Uint8Array | undefined

  /** `transactionId`: 16 octets, of which RFC 5389 and MSICE2 agents overwrite four with the cookie; they take 12 too. */
  constructor(agent: StunAgent, method: number, transactionId: Uint8Array) {
    this.#agent = agent
    const cookie = hasCookie(agent)
    const id = cookie && transactionId.length === 16 ? transactionId.subarray(4) : transactionId
    const alignment = agent.noAlignedAttributes ? 1 : 4
    this.#writer = new StunWriter(method, 'request', id, { alignment, padding: SPACE })
    if (cookie && (agent.addSoftware || agent.software !== undefined)) {
      const software = [...(agent.software ?? DEFAULT_SOFTWARE)].slice(0, 128).join('')
      this.#writer.addOctets(0x8022, Buffer.from(software))
    }
  }

  /** 32 bits, the sign lost as in C. */
  add32(type: number, value: number): void {
    const octets = Buffer.alloc(4)
    octets.writeInt32BE(value | 0)
    this.add(type, octets)
  }

  add(type: number, value: Uint8Array): void {
    const written = this.#lengthened(value)
    if (type === REALM) this.#realm = written
    if (type === 0x0006) this.#username = written
    this.#writer.addOctets(this.#exchanged(type), written)
  }

  /** Adds what the agent vouches with, and gives the octets. */
  finish(password: Uint8Array | undefined, hash: StunHash): Uint8Array {
    const { longTermCredentials, useFingerprint } = this.#agent
    const key = longTermCredentials ? this.#longTermKey(password, hash) : password
    if (key !== undefined) this.#sign(integrityKey(key, hash))
    if (useFingerprint && hasCookie(this.#agent)) this.#writer.fingerprint()
    return this.#writer.finish()
  }

  #sign(key: IntegrityKey): void {
    const { compatibility, useFingerprint } = this.#agent
    if (compatibility === 'RFC5389') this.#writer.integrity(key)
    else this.#writer.classicIntegrity(key, compatibility === 'MSICE2' && useFingerprint ? 8 : 0)
  }

  #longTermKey(password: Uint8Array | undefined, hash: StunHash): Uint8Array | undefined {
    if (password === undefined || this.#username === undefined || this.#realm === undefined) return undefined
    const parts = [this.#username, this.#realm, password].map(trimmed)
    const colon = Buffer.from(':')
    return hash.digest('md5', Buffer.concat(parts.flatMap((part, i) => (i === 0 ? [part] : [colon, part]))))
  }

  /** Without a cookie the padding is part of the value: RFC 3489 knows multiples of four only. */
  #lengthened(value: Uint8Array): Uint8Array {
    if (hasCookie(this.#agent) || this.#agent.noAlignedAttributes || value.length % 4 === 0)
      return octets(value, 0, value.length)
    const padded = new Uint8Array((value.length + 3) & ~3).fill(SPACE)
    padded.set(value)
    return padded
  }

  #exchanged(type: number): number {
    return exchanged(this.#agent, type)
  }
}

/** @internal the type of REALM or NONCE as this agent writes and reads it */
export function exchanged(agent: StunAgent, type: number): number {
  if (agent.compatibility !== 'OC2007' || (type !== REALM && type !== NONCE)) return type
  return type === REALM ? NONCE : REALM
}

function hasCookie(agent: StunAgent): boolean {
  return agent.compatibility === 'RFC5389' || agent.compatibility === 'MSICE2'
}

/** Without quotation marks around it and nulls behind it. */
function trimmed(value: Uint8Array): Uint8Array {
  let start = 0
  let end = value.length
  while (start < end && octet(value, start) === 0x22) start++
  while (end > start && (octet(value, end - 1) === 0x22 || octet(value, end - 1) === 0)) end--
  return value.subarray(start, end)
}
