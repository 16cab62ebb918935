import type { StreamConnection } from '../../net/stream.ts'
import { hostPort } from '../../util/address.ts'
import { EnvironmentError } from '../../util/errors.ts'

/** Looked at seldom: a look makes so much room that the next is a quarter of the limit away. */
const KEPT = 0.75

/**
 * What waits to be written on all connections that share it, bounded in bytes. The bytes of a queue that has been read
 * are noticed only when the sum of all that was written comes to the limit; then those that wait longest in bytes go.
 */
export class WriteQueues {
  readonly #limit: number
  readonly #onCut: () => void
  readonly #connections = new Set<StreamConnection>()
  /** What was waiting when it was looked at last, and all that was written since: never less than what waits. */
  #most = 0

  constructor(limit: number, onCut: () => void = () => {}) {
    this.#limit = limit
    this.#onCut = onCut
  }

  add(connection: StreamConnection): void {
    this.#connections.add(connection)
  }

  delete(connection: StreamConnection): void {
    this.#connections.delete(connection)
  }

  /** Whether so many bytes more may be written to one of the connections; they are reckoned as waiting from then on. */
  admit(bytes: number): boolean {
    if (this.#most + bytes > this.#limit) this.#makeRoom(bytes)
    if (this.#most + bytes > this.#limit) return false
    this.#most += bytes
    return true
  }

  /** Closes the connections whose queues are the longest, until three quarters of the limit are not passed. */
  #makeRoom(bytes: number): void {
    this.#most = 0
    const slow: StreamConnection[] = []
    for (const connection of this.#connections) {
      if (connection.bufferedBytes > 0) slow.push(connection)
      this.#most += connection.bufferedBytes
    }
    slow.sort((a, b) => b.bufferedBytes - a.bufferedBytes)
    for (const connection of slow) {
      if (this.#most + bytes <= this.#limit * KEPT) return
      this.#most -= connection.bufferedBytes
      this.#connections.delete(connection)
      this.#onCut()
      connection.destroy(tooMuch(connection, this.#limit))
    }
  }
}

function tooMuch({ protocol, remote, bufferedBytes }: StreamConnection, limit: number): EnvironmentError {
  return new EnvironmentError(
    'ERR_SLOW_READERS',
    `${protocol} ${hostPort(remote.address, remote.port)}: ${bufferedBytes} bytes wait for it, the most of any, and ` +
      `${limit} may wait for all together; the connection was closed`,
  )
}
