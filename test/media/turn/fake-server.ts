import {
  AlternateServer,
  ChannelNumber,
  Data,
  ErrorCode,
  isChannelData,
  Lifetime,
  LongTermServerAuthentication,
  method,
  nodeHash,
  Password,
  parseStun,
  ReservationToken,
  reasonPhrase,
  type StunMessage,
  StunWriter,
  type TransportAddress,
  Username,
  XorMappedAddress,
  XorPeerAddress,
  XorRelayedAddress,
} from '../../../src/media/stun/index.ts'
import type { CarrierUser, TurnNetwork } from '../../../src/media/turn/index.ts'
import type { Timers } from '../../../src/util/timers.ts'

export const serverAddress: TransportAddress = { address: '192.0.2.1', port: 3478 }
export const clientAddress: TransportAddress = { address: '198.51.100.7', port: 40_000 }
export const relayAddress: TransportAddress = { address: '192.0.2.1', port: 50_000 }
export const peer: TransportAddress = { address: '203.0.113.9', port: 7000 }
const LATENCY = 10
const names = new Map<number, string>(Object.entries(method).map(([name, number]) => [number, name]))

/** A TURN server of one client in simulated time, 10 ms away; what it gets is told as a ladder. */
export class FakeServer {
  readonly ladder: string[] = []
  /** When Binding indications came. */
  readonly keepAlives: number[] = []
  /** Refusals to come, by method: each is used once, one of `stubborn` always. */
  readonly refusals: Map<number, number> = new Map()
  readonly stubborn: Map<number, number> = new Map()
  /** Addresses of the server where nobody answers. */
  readonly dead: Set<string> = new Set()
  /** What an Allocate asked for. */
  readonly allocates: StunMessage[] = []
  alternate: TransportAddress = { address: '192.0.2.2', port: 3478 }
  lifetime: number = 600
  mute: boolean = false
  /** Ports given out, in turn. */
  relayPort: number = relayAddress.port
  #token: Uint8Array | undefined
  #channels = new Map<number, TransportAddress>()
  readonly #timers: Timers
  readonly #authentication: LongTermServerAuthentication
  #reply: ((bytes: Buffer) => void) | undefined

  constructor(timers: Timers, nonceLifetime: number = 3_600_000) {
    this.#timers = timers
    this.#authentication = new LongTermServerAuthentication({
      realm: 'turn.test',
      users: new Map([['alice', 'secret']]),
      hash: nodeHash,
      secret: new Uint8Array(32),
      now: () => timers.now(),
      nonceLifetime,
    })
  }

  /** What a client sends reaches us later. */
  receive(bytes: Uint8Array, reply: (bytes: Buffer) => void): void {
    const copy = new Uint8Array(bytes)
    this.#timers.after(LATENCY, () =>
      this.#take(copy, bytes => this.#timers.after(LATENCY, () => reply(bytes))),
    )
  }

  /** A peer's packet, as a Data indication. */
  indicate(data: Uint8Array, from: TransportAddress): void {
    const writer = new StunWriter(method.Data, 'indication', new Uint8Array(12))
    this.#reply?.(writer.add(XorPeerAddress, from).add(Data, data).finish())
  }

  /** As a client's network: over a stream or datagrams. */
  network(
    reliable: boolean,
    picksPorts: boolean = true,
  ): TurnNetwork & { user: CarrierUser | undefined; opened: string[] } {
    const network: TurnNetwork & { user: CarrierUser | undefined; opened: string[] } = {
      reliable,
      picksPorts,
      user: undefined,
      opened: [],
      open: async (server, domain, user) => {
        network.user = user
        network.opened.push(`${server.address}:${server.port} ${domain}`)
        let closed = false
        return {
          reliable,
          local: clientAddress,
          send: (bytes, to) => {
            const from = reliable ? server : to
            if (this.dead.has(from.address)) return
            this.receive(bytes, answer => {
              if (!closed) user.onMessage(answer, from.address, from.port)
            })
          },
          close: async () => {
            closed = true
          },
        }
      },
    }
    return network
  }

  #take(bytes: Uint8Array, reply: (bytes: Buffer) => void): void {
    this.#reply = reply
    if (isChannelData(bytes)) {
      const number = (bytes[0] ?? 0) * 256 + (bytes[1] ?? 0)
      const size = (bytes[2] ?? 0) * 256 + (bytes[3] ?? 0)
      const to = this.#channels.get(number)
      this.#note(
        `channel ${number} ${Buffer.from(bytes.subarray(4, 4 + size))} to ${to?.port}, ${bytes.length} octets`,
      )
      return
    }
    const message = parseStun(bytes)
    if (typeof message === 'string') throw new Error(message)
    if (message.class === 'indication' && message.method === method.Binding) {
      this.keepAlives.push(this.#timers.now())
      return
    }
    if (message.class === 'indication') {
      this.#note(
        `Send ${Buffer.from(message.get(Data) ?? []).toString()} to ${message.get(XorPeerAddress)?.port}`,
      )
      return
    }
    this.#note(names.get(message.method) ?? 'unknown')
    if (!this.mute) reply(this.#answer(message))
  }

  #answer(request: StunMessage): Buffer {
    if (request.method === method.Binding) {
      return StunWriter.responseTo(request, 'success').add(XorMappedAddress, clientAddress).finish()
    }
    if (request.method === method.SharedSecret) {
      return StunWriter.responseTo(request, 'success').add(Username, 'once').add(Password, 'only').finish()
    }
    const verdict = this.#authentication.check(request, clientAddress)
    if (verdict.accepted && request.method === method.Allocate) this.allocates.push(request)
    const scripted = this.refusals.get(request.method) ?? this.stubborn.get(request.method)
    const refusal = verdict.accepted ? scripted : verdict.code
    if (refusal !== undefined) {
      this.ladder.push(`${this.ladder.pop()} ${refusal}`)
      const response = StunWriter.responseTo(request, 'error')
      response.add(ErrorCode, { code: refusal, reason: reasonPhrase(refusal) })
      if (!verdict.accepted) return response.addAll(verdict.attributes).finish()
      this.refusals.delete(request.method)
      if (refusal === 300) response.add(AlternateServer, this.alternate)
      verdict.sign(response)
      return response.finish()
    }
    const response = StunWriter.responseTo(request, 'success')
    this.#grant(request, response)
    if (verdict.accepted) verdict.sign(response)
    return response.finish()
  }

  #grant(request: StunMessage, response: StunWriter): void {
    const lifetime = request.get(Lifetime) ?? this.lifetime
    if (request.method === method.Allocate) {
      const relay = { address: relayAddress.address, port: this.relayPort }
      response.add(XorRelayedAddress, relay).add(XorMappedAddress, clientAddress).add(Lifetime, lifetime)
      this.relayPort += 1
      this.#token = new Uint8Array(8).fill(7)
      response.add(ReservationToken, this.#token)
      this.#channels.clear()
    } else if (request.method === method.Refresh) response.add(Lifetime, lifetime)
    else if (request.method === method.ChannelBind) {
      const to = request.get(XorPeerAddress)
      if (to !== undefined) this.#channels.set(request.get(ChannelNumber) ?? 0, to)
    }
  }

  #note(what: string): void {
    this.ladder.push(`${this.#timers.now()} ${what}`)
  }
}
