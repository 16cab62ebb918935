import {
  ErrorCode,
  Lifetime,
  LongTermServerAuthentication,
  nodeHash,
  parseStun,
  StunMessage,
  StunWriter,
  type TransportAddress,
  XorMappedAddress,
  XorRelayedAddress,
} from '../../../src/media/stun/index.ts'
import { UdpSocket } from '../../../src/net/udp.ts'

/** What the script says to a request: a response, nothing, or `undefined` for what a good server says. */
export type Script = (request: StunMessage, from: TransportAddress) => StunWriter | 'silence' | undefined

/** A TURN server over a real socket on loopback that says what a test wants; it keeps what it heard. */
export class ScriptedServer {
  readonly heard: { readonly request: StunMessage; readonly from: TransportAddress }[] = []
  /** Datagrams of any kind. */
  received: number = 0
  script: Script = () => undefined
  readonly #socket: UdpSocket
  readonly #authentication: LongTermServerAuthentication | undefined
  #waiting: (() => void)[] = []

  static async start(address: string = '127.0.0.1', signed: boolean = true): Promise<ScriptedServer> {
    const socket: UdpSocket = await UdpSocket.bind(
      { address, port: 0 },
      {
        onDatagram: (bytes, from, port) => server.#take(bytes, { address: from, port }),
        onSocketError() {},
      },
    )
    const server: ScriptedServer = new ScriptedServer(socket, signed)
    return server
  }

  private constructor(socket: UdpSocket, signed: boolean) {
    this.#socket = socket
    this.#authentication = signed
      ? new LongTermServerAuthentication({
          realm: 'turn.test',
          users: new Map([['alice', 'secret']]),
          hash: nodeHash,
          secret: new Uint8Array(32),
          now: () => 0,
        })
      : undefined
  }

  get address(): TransportAddress {
    return this.#socket.local
  }

  /** When so many requests of `method` were heard. */
  async until(method: number, count: number = 1): Promise<void> {
    while (this.of(method).length < count) await new Promise<void>(resolve => this.#waiting.push(resolve))
  }

  of(method: number): { readonly request: StunMessage; readonly from: TransportAddress }[] {
    return this.heard.filter(({ request }) => request.method === method)
  }

  send(bytes: Uint8Array, to: TransportAddress): void {
    this.#socket.send(bytes, to.port, to.address)
  }

  close(): Promise<void> {
    return this.#socket.close()
  }

  #take(bytes: Buffer, from: TransportAddress): void {
    this.received++
    const request = parseStun(bytes)
    if (!(request instanceof StunMessage)) return
    this.heard.push({ request, from })
    if (request.class === 'request') this.#answer(request, from)
    for (const wake of this.#waiting.splice(0)) wake()
  }

  #answer(request: StunMessage, from: TransportAddress): void {
    const scripted = this.script(request, from)
    if (scripted === 'silence') return
    if (scripted !== undefined) {
      this.send(scripted.finish(), from)
      return
    }
    const verdict = this.#authentication?.check(request, from)
    if (verdict !== undefined && !verdict.accepted) {
      this.send(refused(request, verdict.code).addAll(verdict.attributes).finish(), from)
      return
    }
    const response = granted(request, from, this.address)
    verdict?.sign(response)
    this.send(response.finish(), from)
  }
}

/** An error response, unsigned. */
export function refused(request: StunMessage, code: number): StunWriter {
  return StunWriter.responseTo(request, 'error').add(ErrorCode, { code, reason: 'scripted' })
}

/** A success with all that an Allocate, a Refresh or a Binding asks for. */
export function granted(request: StunMessage, from: TransportAddress, relay: TransportAddress): StunWriter {
  return StunWriter.responseTo(request, 'success')
    .add(XorMappedAddress, from)
    .add(XorRelayedAddress, { ...relay, port: 50_000 })
    .add(Lifetime, request.get(Lifetime) ?? 600)
}
