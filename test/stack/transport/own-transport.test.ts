import { duplexPair } from 'node:stream'
import {
  type Connect,
  ConnectionTable,
  type Flow,
  request,
  type Sent,
  type SentBy,
  SipStack,
  type StreamConnection,
  type StreamReceiver,
  sentByOf,
  type Timers,
  type Transport,
  type TransportAddress,
  type TransportReceiver,
} from 'resip/stack'
import { expect, test } from 'vitest'

type Duplex = ReturnType<typeof duplexPair>[0]

let lastId = 0

/** A connection over any duplex stream of Node. */
class DuplexConnection implements StreamConnection {
  readonly id: number = ++lastId
  readonly protocol = 'tcp'
  readonly local: undefined
  bytesIn = 0
  bytesOut = 0
  readonly accepted: boolean
  readonly remote: TransportAddress
  readonly #stream: Duplex

  constructor(stream: Duplex, accepted: boolean, remote: TransportAddress, receiver: StreamReceiver) {
    this.accepted = accepted
    this.remote = remote
    this.#stream = stream
    stream.on('data', (bytes: Buffer) => {
      this.bytesIn += bytes.length
      receiver.onBytes(this, bytes)
    })
    stream.on('close', () => receiver.onClosed(this, undefined))
    queueMicrotask(() => receiver.onConnected(this))
  }

  get bufferedBytes(): number {
    return this.#stream.writableLength
  }

  write(bytes: Uint8Array | string): void {
    this.bytesOut += bytes.length
    this.#stream.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes)
  }

  end(): void {
    this.#stream.end()
  }

  destroy(): void {
    this.#stream.destroy()
  }
}

/** SIP over pairs of streams within this process: what connects, what is connected to, and a table between them. */
class PairTransport implements Transport {
  readonly protocol = 'TCP'
  readonly isReliable = true
  readonly local: TransportAddress
  readonly sentBy: SentBy
  readonly key: string
  readonly #timers: Timers
  readonly #places: Map<string, PairTransport>
  #table: ConnectionTable | undefined

  constructor(address: string, timers: Timers, places: Map<string, PairTransport>) {
    this.local = { address, port: 5060, family: 4 }
    this.sentBy = sentByOf(address, 5060)
    this.key = `pair:${address}`
    this.#timers = timers
    this.#places = places
  }

  open(receiver: TransportReceiver): Promise<void> {
    this.#table = new ConnectionTable('TCP', receiver, this.#timers)
    this.#table.transport = this.key
    this.#places.set(this.local.address, this)
    return Promise.resolve()
  }

  get connections(): number {
    return this.#table?.size ?? 0
  }

  send(wire: string, flow: Flow): Sent {
    return this.#table?.send(wire, flow, this.#connect) ?? 'closed'
  }

  keepAlive(flow: Flow): Sent {
    return this.#table?.keepAlive(flow) ?? 'closed'
  }

  close(): Promise<void> {
    this.#table?.close()
    return Promise.resolve()
  }

  readonly #connect: Connect = ({ address, port }, receiver) => {
    const [here, there] = duplexPair()
    this.#places.get(address)?.accept(there, this.local)
    return new DuplexConnection(here, false, { address, port, family: 4 }, receiver)
  }

  accept(stream: Duplex, from: TransportAddress): void {
    if (this.#table) new DuplexConnection(stream, true, { ...from, port: 40_000 }, this.#table)
  }
}

test('an application makes a stream transport of a connection table; each side answers over what the other opened', async () => {
  const [client, server] = [new SipStack(), new SipStack()]
  const places = new Map<string, PairTransport>()
  const [near, far] = [
    new PairTransport('192.0.2.1', client.timers, places),
    new PairTransport('192.0.2.2', server.timers, places),
  ]
  await client.addTransport(near)
  await server.addTransport(far)
  server.onRequest(transaction => transaction.respond(200))
  const options = request('OPTIONS', 'sip:192.0.2.2;transport=tcp', { from: '<sip:a@192.0.2.1>' })
  expect((await client.request(options)).status).toBe(200)
  expect((await client.request(options)).status).toBe(200)
  expect([near.connections, far.connections]).toEqual([1, 1])
  await client.close()
  await server.close()
  expect([near.connections, far.connections]).toEqual([0, 0])
})
