import { type Failed, guarded } from '../../util/guard.ts'
import { feed } from '../../util/machine.ts'
import type { Timer, Timers } from '../../util/timers.ts'
import { createInboundSrtp, createOutboundSrtp, keyMaterial } from '../srtp/contexts.ts'
import {
  type InboundSrtp,
  type KeyMaterial,
  keysFit,
  type OutboundSrtp,
  type SrtpKeys,
  type SrtpOptions,
} from '../srtp/keys.ts'
import type { SrtpSuite } from '../srtp/suites.ts'
import { type ProtectionActor, type ProtectionState, protectionMachine } from './protection-machine.ts'

/** @internal Who hears how the protection of a stream goes. */
export interface ProtectionUser {
  /** The peer's first key is there: what was held can be read. */
  onReadable(): void
  /** Keys of both directions are there. */
  onSecured(suite: SrtpSuite): void
  /** Our packets go under a new key; `rolledOver`: past the first 65,536 of the old one. */
  onRekeyed(rolledOver: boolean): void
  readonly failed: Failed
}

interface Installed<T> {
  readonly material: KeyMaterial
  readonly context: T
}

/** Milliseconds until our new key is used, where the peer shows nothing of it. */
const SETTLING = 500
/** Milliseconds that the peer's old key is still heard. */
const RETIRING = 2000
/** Keys that are remembered as used; each took a change of keys. */
const MOST_USED = 256
/** Nobody protects, or there is no key yet. */
const NO_KEYS = -100

/**
 * @internal The SRTP of a stream's components, RTP and RTCP: takes keys and a suite, whoever agreed on them. New keys of the peer's
 * are heard beside the old at once; new keys of ours are used once the peer has shown that it knows the exchange, by a packet
 * under its new key, or after half a second (RFC 4568 §7.1.4).
 */
export class Protection implements ProtectionActor {
  state: ProtectionState = 'plain'
  turn: unknown[] | null = null
  /** Whether the packet that `unprotect` took last is the newest of its source. */
  isNewest = false
  readonly #timers: Timers
  readonly #user: ProtectionUser
  #outbound: Installed<OutboundSrtp> | undefined
  /** Ours that waits. */
  #nextOutbound: Installed<OutboundSrtp> | undefined
  #inbound: Installed<InboundSrtp> | undefined
  /** The peer's that is still heard. */
  #oldInbound: Installed<InboundSrtp> | undefined
  /** Keys that we sent under, the oldest first. */
  readonly #used: KeyMaterial[] = []
  #settling: Timer | undefined
  #retiring: Timer | undefined

  constructor(timers: Timers, user: ProtectionUser) {
    this.#timers = timers
    this.#user = user
  }

  /** Whether packets of the peer's can be read. */
  get hears(): boolean {
    return this.#inbound !== undefined
  }

  /** Octets that our packets grow by. */
  overhead(kind: 'rtp' | 'rtcp'): number {
    return this.#outbound?.context.overhead[kind] ?? 0
  }

  /** Keys are to come: until then plain RTP passes neither way. */
  expect(): void {
    feed(protectionMachine, this, 'expect', {})
  }

  /**
   * False where a key has not the suite's length, where we sent under its octets before, be it with another suite, MKI or
   * lifetime, for its key stream would be sent again (RFC 3711 §9.1), or where protection has failed or is closed. Throws a UsageError for what is none.
   */
  installOutbound(suite: SrtpSuite, keys: SrtpKeys, options: SrtpOptions): boolean {
    if (!this.#takes(suite, keys)) return false
    const material = keyMaterial(suite, keys)
    if (this.#outbound?.material.equals(material)) {
      // taken back before it was used
      this.#nextOutbound?.context.close()
      this.#nextOutbound = undefined
      return true
    }
    if (this.#nextOutbound?.material.equals(material)) return true
    if (this.#used.some(used => used.overlaps(material))) return false
    const { onKeyDue } = options
    const context = createOutboundSrtp(suite, keys, {
      ...options,
      ...(onKeyDue && { onKeyDue: () => guarded(this.#user.failed, undefined, onKeyDue) }),
    })
    this.#nextOutbound?.context.close()
    this.#nextOutbound = { material, context }
    if (this.state !== 'changing') this.#changeOutbound()
    this.#installed()
    return true
  }

  /** False and throwing as `installOutbound`; a key that is still heard may come back. */
  installInbound(suite: SrtpSuite, keys: SrtpKeys, options: SrtpOptions): boolean {
    if (!this.#takes(suite, keys)) return false
    const material = keyMaterial(suite, keys)
    const before = this.#inbound
    if (before?.material.equals(material)) return true
    const old = this.#oldInbound
    if (old?.material.equals(material)) this.#inbound = old
    else {
      const now = (): number => this.#timers.now()
      const after = before && { after: before.context }
      this.#inbound = { material, context: createInboundSrtp(suite, keys, { now, ...after, ...options }) }
      old?.context.close()
    }
    this.#oldInbound = before
    if (before !== undefined) feed(protectionMachine, this, 'new keys', {})
    this.#installed()
    if (before === undefined) this.#user.onReadable()
    return true
  }

  /** In place; the new end, or less than 0 with nothing changed. */
  protect(kind: 'rtp' | 'rtcp', bytes: Buffer, start: number, end: number): number {
    const context = this.#outbound?.context
    if (context === undefined) return NO_KEYS
    return kind === 'rtp' ? context.protect(bytes, start, end) : context.protectRtcp(bytes, start, end)
  }

  /** In place; the new end, or less than 0 with nothing changed. */
  unprotect(kind: 'rtp' | 'rtcp', bytes: Buffer, end: number): number {
    const context = this.#inbound?.context
    if (context === undefined) return NO_KEYS
    const taken = opened(context, kind, bytes, end)
    if (taken >= 0) {
      this.isNewest = context.isNewest
      if (this.state === 'changing') feed(protectionMachine, this, 'settled', {})
      return taken
    }
    const old = this.#oldInbound
    if (old === undefined) return taken
    const late = opened(old.context, kind, bytes, end)
    if (late < 0) return taken
    this.isNewest = old.context.isNewest
    return late
  }

  /** No keys will come any more: nothing passes. */
  fail(): void {
    feed(protectionMachine, this, 'failure', {})
  }

  /** Signalling agreed on plain RTP. */
  stop(): void {
    feed(protectionMachine, this, 'plain agreed', {})
  }

  close(): void {
    feed(protectionMachine, this, 'close', {})
  }

  /** @internal */
  reportSecured(): void {
    if (this.#inbound !== undefined) this.#user.onSecured(this.#inbound.material.suite)
  }

  /** @internal */
  startSettling(): void {
    this.#timers.stop(this.#settling)
    this.#timers.stop(this.#retiring)
    this.#settling = this.#timers.after(SETTLING, () => feed(protectionMachine, this, 'settled', {}))
  }

  /** @internal */
  settle(): void {
    this.#timers.stop(this.#settling)
    this.startRetiring()
    this.#changeOutbound()
  }

  /** @internal */
  startRetiring(): void {
    this.#timers.stop(this.#retiring)
    this.#retiring = this.#timers.after(RETIRING, () => {
      this.#oldInbound?.context.close()
      this.#oldInbound = undefined
    })
  }

  /** @internal */
  forgetKeys(): void {
    this.#timers.stop(this.#settling)
    this.#timers.stop(this.#retiring)
    for (const held of [this.#outbound, this.#nextOutbound, this.#inbound]) held?.context.close()
    this.#oldInbound?.context.close()
    this.#outbound = undefined
    this.#nextOutbound = undefined
    this.#inbound = undefined
    this.#oldInbound = undefined
  }

  #takes(suite: SrtpSuite, keys: SrtpKeys): boolean {
    return this.state !== 'failed' && this.state !== 'closed' && keysFit(suite, keys)
  }

  #installed(): void {
    feed(protectionMachine, this, 'expect', {})
    if (this.#inbound !== undefined && this.#outbound !== undefined) feed(protectionMachine, this, 'keys', {})
  }

  #changeOutbound(): void {
    const next = this.#nextOutbound
    if (next === undefined) return
    const before = this.#outbound?.context
    this.#nextOutbound = undefined
    this.#outbound = next
    this.#used.push(next.material)
    if (this.#used.length > MOST_USED) this.#used.shift()
    if (before === undefined) return
    const { rolledOver } = before
    before.close()
    this.#user.onRekeyed(rolledOver)
  }
}

function opened(context: InboundSrtp, kind: 'rtp' | 'rtcp', bytes: Buffer, end: number): number {
  return kind === 'rtp' ? context.unprotect(bytes, 0, end) : context.unprotectRtcp(bytes, 0, end)
}
