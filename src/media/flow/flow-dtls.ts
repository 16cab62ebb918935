import type { Remote } from '../../util/address.ts'
import { type ResipError, UsageError } from '../../util/errors.ts'
import type { RandomSource } from '../../util/random.ts'
import type { Timers } from '../../util/timers.ts'
import type { DtlsEndpoint } from '../dtls/endpoint.ts'
import type { DtlsFactory } from '../dtls/factory.ts'
import { type Fingerprint, parseFingerprint } from '../dtls/fingerprint.ts'
import type { DtlsKeys } from '../dtls/options.ts'
import type { HeldPacket } from './held-packets.ts'
import type { ProtectionState } from './protection-machine.ts'

const HANDSHAKE = 22
const CLIENT_HELLO = 1
const HEADER = 13

/** @internal What a flow's DTLS needs of its stream. */
export interface FlowDtlsSetup {
  /** That of the manager, once it has one. */
  readonly factory: () => DtlsFactory | undefined
  readonly timers: Timers
  readonly random: RandomSource
  /** Keys are to come, or have come, or nothing will. */
  readonly expect: () => void
  readonly protection: () => ProtectionState
  readonly onKeys: (keys: DtlsKeys) => void
  readonly onFailure: (error: ResipError) => void
  readonly send: (datagram: Buffer, to: Remote) => void
  readonly release: () => readonly HeldPacket[]
}

/**
 * @internal The DTLS association of a flow (RFC 5764): active by `startClient`, passive by the first ClientHello once keys are
 * expected; for else a stranger's hello would silence a stream that was agreed to be plain, and his broken handshake would end
 * one that has its keys.
 */
export class FlowDtls {
  readonly #setup: FlowDtlsSetup
  #endpoint: DtlsEndpoint | undefined
  #fingerprint: Fingerprint | undefined
  /** Signalling has begun another association, which has not given keys yet. */
  #isNew = false

  constructor(setup: FlowDtlsSetup) {
    this.#setup = setup
  }

  get fingerprint(): Fingerprint | undefined {
    return this.#fingerprint
  }

  /** @throws UsageError without a factory, or where an association stands */
  startClient(to: Remote): void {
    if (this.#endpoint !== undefined) {
      throw new UsageError(
        'ERR_FLOW_DTLS',
        'flow: it has a DTLS association; another begins with another fingerprint of the peer (RFC 8842 §3.1)',
      )
    }
    const endpoint = this.#make('client')
    this.#setup.expect()
    endpoint.start(to)
    this.#takeHeld()
  }

  /** Another one than before is another association: the next hello begins it, and the old keys go on until it has its own. */
  setFingerprint(text: string): void {
    const fingerprint = parseFingerprint(text)
    const before = this.#fingerprint
    this.#fingerprint = fingerprint
    const isSame =
      before?.hash === fingerprint.hash && before.value.toUpperCase() === fingerprint.value.toUpperCase()
    if (this.#endpoint !== undefined && (before === undefined || isSame)) {
      this.#endpoint.setRemoteFingerprints([fingerprint])
      return
    }
    this.close()
    this.#isNew = true
    this.#setup.expect()
    this.takeExpected()
  }

  /** Keys are expected from now on: hellos that were early are read. */
  takeExpected(): void {
    if (this.#setup.factory() !== undefined) this.#takeHeld()
  }

  /** A record; false where nobody reads it yet. */
  take(bytes: Buffer, from: Remote): boolean {
    if (this.#endpoint === undefined) {
      if (!isClientHello(bytes) || !this.#isExpected() || this.#setup.factory() === undefined) return false
      this.#make('server')
    }
    this.#endpoint?.receive(bytes, from)
    return true
  }

  /** The association ends, and what comes is not answered; the fingerprint stays. */
  close(): void {
    this.#isNew = false
    this.#endpoint?.close()
    this.#endpoint = undefined
  }

  /** Signalling wants no keys of DTLS any more: what it says next is another association. */
  stop(): void {
    this.close()
    this.#fingerprint = undefined
  }

  #isExpected(): boolean {
    const state = this.#setup.protection()
    return state === 'pending' || (this.#isNew && (state === 'on' || state === 'changing'))
  }

  #make(role: 'client' | 'server'): DtlsEndpoint {
    const { factory, timers, random, onKeys, onFailure, send } = this.#setup
    const made = factory()
    if (made === undefined) {
      throw new UsageError(
        'ERR_FLOW_DTLS',
        'flow: no certificate yet: await initializeDtlsFactory of the FlowManager',
      )
    }
    const fingerprints = this.#fingerprint && { fingerprints: [this.#fingerprint] }
    const endpoint = made.endpoint(
      { role, proven: false, timers, random, ...fingerprints },
      {
        send: (datagram, to) => to && send(datagram, to),
        onKeys: keys => {
          this.#isNew = false
          onKeys(keys)
        },
        onEnd: error => {
          if (this.#endpoint === endpoint) this.#endpoint = undefined
          if (error !== undefined) onFailure(error)
        },
      },
    )
    this.#endpoint = endpoint
    return endpoint
  }

  #takeHeld(): void {
    for (const { bytes, from } of this.#setup.release()) this.take(bytes, from)
  }
}

function isClientHello(bytes: Buffer): boolean {
  return bytes[0] === HANDSHAKE && bytes[HEADER] === CLIENT_HELLO
}
