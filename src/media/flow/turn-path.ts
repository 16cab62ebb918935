import type { Remote } from '../../util/address.ts'
import type { EnvironmentError } from '../../util/errors.ts'
import type { Base } from '../socket/base.ts'
import { packetKind } from '../socket/packet-kind.ts'
import { Remotes } from '../socket/remotes.ts'
import { StunErrorResponse, type StunFailure } from '../stun/failure.ts'
import type { TurnNetwork } from '../turn/network.ts'
import type { AllocationRequest } from '../turn/request.ts'
import { TurnSession, type TurnSessionOptions, type TurnSessionUser } from '../turn/session.ts'
import type { FlowPath, PathUser } from './path.ts'

/** Through an allocation on a TURN server, over UDP, TCP or TLS. */
export class TurnPath implements FlowPath {
  readonly entry = 'connect server'
  readonly next = 'allocate'
  readonly remotes: Remotes = new Remotes()
  reservationToken: Uint8Array | undefined
  readonly #network: TurnNetwork
  readonly #options: TurnSessionOptions
  readonly #request: () => AllocationRequest
  readonly #base: Base
  #session: TurnSession | undefined
  #user: PathUser | undefined
  #active: Remote | undefined
  #closing: Promise<void> | undefined

  /** `request`: asked for anew with each allocation. */
  constructor(network: TurnNetwork, options: TurnSessionOptions, request: () => AllocationRequest) {
    this.#network = network
    this.#options = options
    this.#request = request
    const path = this
    this.#base = {
      type: 'relay',
      get local() {
        return path.relay ?? NOWHERE
      },
      send: (bytes, to) => this.send(bytes, to),
    }
  }

  get local(): Remote | undefined {
    return this.#session?.local
  }
  get reflexive(): Remote | undefined {
    return this.#session?.present?.allocation?.reflexive
  }
  /** The server that is asked, one of those that its name led to. */
  get server(): Remote | undefined {
    return this.#session?.present?.server
  }
  get relay(): Remote | undefined {
    return this.#session?.present?.allocation?.relay
  }
  get session(): Remote | undefined {
    return this.relay
  }
  get receiveBufferSize(): number {
    return this.#session?.receiveBufferSize ?? 0
  }

  async open(user: PathUser): Promise<void> {
    this.#user = user
    const before = this.#session
    const session = new TurnSession(this.#network, this.#options, this.#sessionUser(user))
    this.#session = session
    const closing = this.#closing
    this.#closing = undefined
    await Promise.all([before?.close(), closing])
    await session.connect()
  }

  establish(): void {
    this.#session?.allocate({ anyPort: true, ...this.#request() })
  }

  send(bytes: Uint8Array, to: Remote): boolean {
    return this.#session?.present?.sendTo(bytes, to.address, to.port) ?? false
  }

  activate(to: Remote): void {
    this.#active = to
    if (this.relay !== undefined) this.#session?.present?.setActiveDestination(to)
  }

  deactivate(): void {
    this.#active = undefined
    this.#session?.present?.clearActiveDestination()
  }

  /** The allocation is given back, as far as one message can; the server's answer is not awaited. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    const session = this.#session
    this.#session = undefined
    this.#user = undefined
    if (session?.present?.allocation !== undefined && session.local !== undefined) session.present.release()
    await session?.close()
  }

  #sessionUser(user: PathUser): TurnSessionUser {
    return {
      onAllocated: ({ reservationToken }) => {
        this.reservationToken = reservationToken
        if (this.#active !== undefined) this.activate(this.#active)
        user.onEstablished()
      },
      onAllocationFailure: failure => user.onFailure(failure),
      onRefreshed() {},
      // the allocation tries again until it has expired
      onRefreshFailure() {},
      onAllocationLost: () => user.onLost(),
      onReleased() {},
      onChannelBound() {},
      onChannelFailure: ({ address }, failure, unsent: number = 0) => refused(user, address, failure, unsent),
      onPermissionFailure: (address, failure, unsent: number = 0) => refused(user, address, failure, unsent),
      onData: (data, address, port) =>
        user.onPacket(packetKind(data), bufferOf(data), this.remotes.find(address, port), this.#base),
      onIcmp() {},
      onConnectionAttempt() {},
      onServerChanged() {},
      onDisconnected: (error: EnvironmentError) => this.#user?.onDisconnected(error),
    }
  }
}

const FORBIDDEN = 403
const FAMILY_MISMATCH = 443

/** Other failures pass: what is lost is counted, and the next packet asks again. */
function refused(user: PathUser, address: string, failure: StunFailure, unsent: number): void {
  const status = failure instanceof StunErrorResponse ? failure.status : undefined
  user.onUnsent(unsent)
  if (status === FORBIDDEN || status === FAMILY_MISMATCH) user.onRefused(address, failure)
}

const NOWHERE: Remote = { address: '0.0.0.0', port: 0 }

/** The same octets, not a copy. */
function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
