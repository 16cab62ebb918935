/** The first and the last port of several. */
export type PortRange = readonly [first: number, last: number]

/**
 * Gives the ports that connections are made from, each in its turn: so one is used again as late as can be, for the
 * system keeps that of a closed connection for a while (TIME-WAIT, RFC 9293 §3.3.2).
 */
export class ConnectPorts {
  readonly #first: number
  readonly #last: number
  #next: number

  constructor([first, last]: PortRange) {
    this.#first = first
    this.#last = last
    this.#next = first
  }

  next(): number {
    const port = this.#next
    this.#next = port === this.#last ? this.#first : port + 1
    return port
  }
}
