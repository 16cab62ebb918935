/** A message with its length before it, as it travels over TCP (RFC 1035 §4.2.2). */
export function withLength(message: Uint8Array): Buffer {
  const framed = Buffer.allocUnsafe(2 + message.length)
  framed.writeUInt16BE(message.length)
  framed.set(message, 2)
  return framed
}

/** Cuts a stream into messages (RFC 1035 §4.2.2); keeps no more than one of them, 64 KB, besides what came last. */
export class LengthFramer {
  #pieces: Buffer[] = []
  #length = 0

  push(bytes: Buffer): void {
    this.#pieces.push(bytes)
    this.#length += bytes.length
  }

  /** The next whole message, with octets of its own. To be asked until it answers undefined, after each push. */
  next(): Buffer | undefined {
    if (this.#length < 2) return undefined
    const end = 2 + this.#lengthField()
    if (this.#length < end) return undefined
    const whole = this.#joined(end)
    this.#pieces = whole.length > end ? [whole.subarray(end)] : []
    this.#length -= end
    return Buffer.from(whole.subarray(2, end))
  }

  /** What there is in one piece, put together where the first is too short: once a push, however many messages it ends. */
  #joined(end: number): Buffer {
    const [first] = this.#pieces
    const isWhole = first !== undefined && this.#pieces.length === 1 && first.length >= end
    return isWhole ? first : Buffer.concat(this.#pieces, this.#length)
  }

  /** May be split over two pieces, some of them empty. */
  #lengthField(): number {
    let value = 0
    let read = 0
    for (const piece of this.#pieces) {
      for (let i = 0; i < piece.length && read < 2; i++, read++) value = value * 256 + (piece[i] ?? 0)
      if (read === 2) break
    }
    return value
  }
}
