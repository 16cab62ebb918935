import type { StreamConnection } from '../../../src/net/stream.ts'
import type { Flow, Protocol } from '../../../src/stack/message/flow.ts'
import { parseMessage } from '../../../src/stack/message/message.ts'
import { type Connect, ConnectionTable } from '../../../src/stack/transport/connection-table.ts'
import { type SentBy, sentByOf } from '../../../src/stack/transport/sent-by.ts'
import type { Sent, Transport, TransportReceiver } from '../../../src/stack/transport/transport.ts'
import { answerTo, title } from '../../../src/testing/wire-text.ts'
import { familyOf, type TransportAddress } from '../../../src/util/address.ts'
import { EnvironmentError } from '../../../src/util/errors.ts'
import type { Timers } from '../../../src/util/timers.ts'

/** How an address takes a connection: after so many milliseconds, with an error code after some, or never. */
export type Manner = number | { readonly after: number; readonly code: string } | 'silent'

let ids = 1_000_000

/** Streams in simulated time whose connections come up, fail or hang as the test says; every request is answered 200. */
export class ScriptedStreams implements Transport {
  readonly isReliable = true
  readonly protocol: Protocol
  readonly local: TransportAddress
  readonly sentBy: SentBy
  readonly key: string
  /** `250 connect 192.0.2.2`, `300 INVITE 192.0.2.2`, `300 close 192.0.2.3`. */
  readonly ladder: string[]
  readonly #timers: Timers
  readonly #manners: Readonly<Record<string, Manner>>
  #table: ConnectionTable | undefined

  constructor(
    timers: Timers,
    address: string,
    manners: Readonly<Record<string, Manner>>,
    ladder: string[],
    protocol: Protocol = 'TCP',
  ) {
    this.#timers = timers
    this.#manners = manners
    this.ladder = ladder
    this.protocol = protocol
    this.local = { address, port: 5060, family: familyOf(address) ?? 4 }
    this.sentBy = sentByOf(address, 5060)
    this.key = `${protocol.toLowerCase()}:${address}:5060`
  }

  get connections(): number {
    return this.#open.size
  }

  open(receiver: TransportReceiver): Promise<void> {
    this.#table = new ConnectionTable(this.protocol, receiver, this.#timers)
    this.#table.transport = this.key
    return Promise.resolve()
  }

  send(wire: string, flow: Flow): Sent {
    return this.#open.send(wire, flow, this.#connect)
  }

  connect(flow: Flow): Sent {
    return this.#open.connect(flow, this.#connect)
  }

  isUp(flow: Flow): boolean {
    return this.#open.isUp(flow)
  }

  discard(flow: Flow): void {
    this.#open.discard(flow)
  }

  close(): Promise<void> {
    this.#table?.close()
    return Promise.resolve()
  }

  readonly #connect: Connect = ({ address, port }, table) => {
    const note = (what: string): void => void this.ladder.push(`${this.#timers.now()} ${what} ${address}`)
    note('connect')
    const connection = new ScriptedConnection(
      { address, port, family: familyOf(address) ?? 4 },
      this.local,
      table,
      note,
    )
    const manner = this.#manners[address] ?? 'silent'
    if (typeof manner === 'number') this.#timers.after(manner, () => connection.comeUp())
    else if (manner !== 'silent')
      this.#timers.after(manner.after, () =>
        connection.destroy(new EnvironmentError(manner.code, `${address}: ${manner.code}`)),
      )
    return connection
  }

  get #open(): ConnectionTable {
    if (this.#table === undefined) throw new Error('not open')
    return this.#table
  }
}

class ScriptedConnection implements StreamConnection {
  readonly id: number = ++ids
  readonly protocol = 'tcp'
  readonly accepted = false
  local: TransportAddress | undefined
  readonly remote: TransportAddress
  bytesIn = 0
  bytesOut = 0
  bufferedBytes = 0
  readonly #own: TransportAddress
  readonly #table: ConnectionTable
  readonly #note: (what: string) => void
  #isClosed = false

  constructor(
    remote: TransportAddress,
    own: TransportAddress,
    table: ConnectionTable,
    note: (what: string) => void,
  ) {
    this.remote = remote
    this.#own = own
    this.#table = table
    this.#note = note
  }

  comeUp(): void {
    if (this.#isClosed) return
    this.local = this.#own
    this.#table.onConnected(this)
  }

  write(bytes: Uint8Array | string): void {
    const wire = String(bytes)
    this.bytesOut += wire.length
    this.#note(title(wire))
    const message = parseMessage(Buffer.from(wire, 'latin1'))
    if (message instanceof Error || !message.isRequest || message.method === 'ACK') return
    const answer = answerTo(message, 200)
    queueMicrotask(() => this.#table.onBytes(this, Buffer.from(answer, 'latin1')))
  }

  end(): void {
    this.destroy()
  }

  destroy(error?: EnvironmentError): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#note(error === undefined ? 'close' : error.code)
    this.#table.onClosed(this, error)
  }
}
