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
    const all = Buffer.concat(this.#pieces, this.#length)
    this.#pieces = [all.subarray(end)]
    this.#length -= end
    return all.subarray(2, end)
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
