import { canonicalAddress } from './address.ts'
import { EnvironmentError } from './errors.ts'
import { type Failed, guarded } from './guard.ts'
import type { Timer, Timers } from './timers.ts'

/** A datagram and where it came from. */
export interface Received<Data extends Uint8Array = Uint8Array> {
  readonly data: Data
  readonly source: { readonly address: string; readonly port: number }
}

export interface ReceiveOptions {
  /** Milliseconds to wait; for ever when absent. */
  readonly timeout?: number
}

/** The callback form: an error or a datagram, once. */
export type ReceiveCallback<Data extends Uint8Array = Uint8Array> = (
  error: EnvironmentError | undefined,
  received: Received<Data> | undefined,
) => void

/** What may wait by default, in bytes. */
const MOST_BYTES = 4 * 1024 * 1024

interface Waiter {
  readonly from: { readonly address: string; readonly port: number } | undefined
  readonly done: ReceiveCallback<Buffer>
  timer: Timer | undefined
}

/** Datagrams that wait for `receive`, and `receive`s that wait for datagrams. */
export class Inbox {
  /** Datagrams dropped because too many waited; the oldest go first. */
  dropped: number = 0
  readonly #timers: Timers
  readonly #limit: number
  readonly #maxBytes: number
  readonly #failed: Failed
  readonly #waiting: Received<Buffer>[] = []
  readonly #waiters: Waiter[] = []
  #bytes = 0
  #end: EnvironmentError | undefined
  #down: EnvironmentError | undefined

  /** At most `limit` datagrams wait, of at most `maxBytes` together. `failed` hears what callbacks throw. */
  constructor(timers: Timers, limit: number, maxBytes: number = MOST_BYTES, failed: Failed = () => {}) {
    this.#timers = timers
    this.#limit = limit
    this.#maxBytes = maxBytes
    this.#failed = failed
  }

  /** Datagrams that wait. */
  get size(): number {
    return this.#waiting.length
  }

  push(data: Buffer, address: string, port: number): void {
    if (this.#end !== undefined) return
    const source = { address, port }
    const received = { data, source }
    const at = this.#waiters.findIndex(({ from }) => from === undefined || isFrom(received, from))
    const waiter = this.#waiters[at]
    if (waiter !== undefined) {
      this.#waiters.splice(at, 1)
      this.#timers.stop(waiter.timer)
      guarded(this.#failed, undefined, waiter.done, undefined, received)
      return
    }
    this.#waiting.push({ data: owned(data), source })
    this.#bytes += data.length
    while (this.#waiting.length > this.#limit || this.#bytes > this.#maxBytes) {
      this.#bytes -= this.#waiting.shift()?.data.length ?? 0
      this.dropped++
    }
  }

  /**
   * The oldest datagram, or the next one; of one source only where `source` is given: then those of others go on
   * waiting. Ends with ERR_TIMEOUT, with ERR_CLOSED where the inbox is closed, or with why it was interrupted.
   */
  take(source: Waiter['from'], timeout: number | undefined, done: ReceiveCallback<Buffer>): void {
    const from = source && { ...source, address: canonicalAddress(source.address) ?? source.address }
    const at = this.#waiting.findIndex(received => from === undefined || isFrom(received, from))
    const present = this.#waiting[at]
    if (present !== undefined) {
      this.#waiting.splice(at, 1)
      this.#bytes -= present.data.length
      guarded(this.#failed, undefined, done, undefined, present)
      return
    }
    const over = this.#end ?? this.#down
    if (over !== undefined) {
      guarded(this.#failed, undefined, done, over, undefined)
      return
    }
    const waiter: Waiter = { from, done, timer: undefined }
    if (timeout !== undefined)
      waiter.timer = this.#timers.after(timeout, () => this.#timeOut(waiter, timeout))
    this.#waiters.push(waiter)
  }

  /** As `take`, as a promise. */
  receive(from?: Waiter['from'], { timeout }: ReceiveOptions = {}): Promise<Received<Buffer>> {
    return new Promise((resolve, reject) => {
      this.take(from, timeout, (error, received) => {
        if (received !== undefined) resolve(received)
        else reject(error)
      })
    })
  }

  /** Nothing more comes; whoever waits is told. */
  close(): void {
    if (this.#end !== undefined) return
    const end = new EnvironmentError('ERR_CLOSED', 'the socket was closed: nothing more will be received')
    this.#end = end
    this.#waiting.length = 0
    this.#bytes = 0
    this.#tellAll(end)
  }

  /** Nothing comes for now: whoever waits is told why, and whoever asks until `resume`; what waits can be taken. */
  interrupt(reason: EnvironmentError): void {
    this.#down = reason
    this.#tellAll(reason)
  }

  resume(): void {
    this.#down = undefined
  }

  #tellAll(error: EnvironmentError): void {
    for (const waiter of this.#waiters.splice(0)) {
      this.#timers.stop(waiter.timer)
      guarded(this.#failed, undefined, waiter.done, error, undefined)
    }
  }

  #timeOut(waiter: Waiter, timeout: number): void {
    this.#waiters.splice(this.#waiters.indexOf(waiter), 1)
    const error = new EnvironmentError('ERR_TIMEOUT', `nothing was received within ${timeout} ms`)
    guarded(this.#failed, undefined, waiter.done, error, undefined)
  }
}

function isFrom({ source }: Received, from: { address: string; port: number }): boolean {
  return source.port === from.port && source.address === from.address
}

/** A view that keeps more than this many times its own octets alive is copied before it waits. */
const WASTE = 2

/** Of a stream a datagram is a view of its chunk, and a packet that waits would keep all of the chunk in memory. */
function owned(data: Buffer): Buffer {
  if (data.buffer.byteLength <= WASTE * data.length) return data
  const copy = Buffer.allocUnsafeSlow(data.length)
  copy.set(data)
  return copy
}
