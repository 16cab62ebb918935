import type { EnvironmentError } from '../../util/errors.ts'
import type { TransportAddress } from '../stun/ip.ts'
import type { TurnNetwork } from '../turn/network.ts'
import type { AllocationRequest } from '../turn/request.ts'
import { TurnSession, type TurnSessionOptions, type TurnSessionUser } from '../turn/session.ts'
import { packetKind } from './demux.ts'
import type { FlowPath, PathUser } from './path.ts'

/** Through an allocation on a TURN server, over UDP, TCP or TLS. */
export class TurnPath implements FlowPath {
  readonly entry = 'connect server'
  readonly next = 'allocate'
  reservationToken: Uint8Array | undefined
  readonly #network: TurnNetwork
  readonly #defaultPort: number
  readonly #options: TurnSessionOptions
  readonly #request: () => AllocationRequest
  #session: TurnSession | undefined
  #user: PathUser | undefined
  #active: { readonly address: string; readonly port: number } | undefined

  /** `request`: asked for anew with each allocation. */
  constructor(
    network: TurnNetwork,
    defaultPort: number,
    options: TurnSessionOptions,
    request: () => AllocationRequest,
  ) {
    this.#network = network
    this.#defaultPort = defaultPort
    this.#options = options
    this.#request = request
  }

  get local(): TransportAddress | undefined {
    return this.#session?.local
  }
  get reflexive(): TransportAddress | undefined {
    return this.#session?.present?.allocation?.reflexive
  }
  get relay(): TransportAddress | undefined {
    return this.#session?.present?.allocation?.relay
  }
  get session(): TransportAddress | undefined {
    return this.relay
  }

  async open(user: PathUser): Promise<void> {
    this.#user = user
    const before = this.#session
    const session = new TurnSession(this.#network, this.#defaultPort, this.#options, this.#sessionUser(user))
    this.#session = session
    await before?.close()
    await session.connect()
  }

  establish(): void {
    this.#session?.allocate({ anyPort: true, ...this.#request() })
  }

  send(data: Uint8Array, address: string, port: number): void {
    this.#session?.present?.sendTo(data, address, port)
  }

  activate(address: string, port: number): void {
    this.#active = { address, port }
    if (this.relay !== undefined) this.#session?.present?.setActiveDestination({ address, port })
  }

  deactivate(): void {
    this.#active = undefined
    this.#session?.present?.clearActiveDestination()
  }

  /** The allocation is given back, as far as one message can; the server's answer is not awaited. */
  async close(): Promise<void> {
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
        if (this.#active !== undefined) this.activate(this.#active.address, this.#active.port)
        user.onEstablished()
      },
      onAllocationFailure: failure => user.onFailure(failure),
      onRefreshed() {},
      // the allocation tries again until it has expired
      onRefreshFailure() {},
      onAllocationLost: () => user.onLost(),
      onReleased() {},
      onChannelBound() {},
      // without a channel, indications carry what is sent
      onChannelFailure() {},
      onPermissionFailure() {},
      onData: (data, address, port) => user.onPacket(packetKind(data), data, address, port),
      onIcmp() {},
      onConnectionAttempt() {},
      onServerChanged() {},
      onDisconnected: (_: EnvironmentError) => this.#user?.onDisconnected(),
    }
  }
}
