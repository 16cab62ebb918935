/** A chunk serves a few hundred packets of audio. */
const CHUNK = 64 * 1024

/**
 * Memory to send packets from: views cut off one chunk after the other. No octet is ever handed out twice, for a full socket may
 * keep a packet for long, and memory that is used again would then carry one call's audio to another's peer.
 */
export class PacketSlab {
  #chunk: Buffer = Buffer.alloc(0)
  #used = 0

  /** Octets of the caller's own, of any content. */
  take(octets: number): Buffer {
    if (octets > CHUNK) return Buffer.allocUnsafeSlow(octets)
    if (this.#used + octets > this.#chunk.length) {
      this.#chunk = Buffer.allocUnsafeSlow(CHUNK)
      this.#used = 0
    }
    const at = this.#used
    this.#used += octets
    return this.#chunk.subarray(at, this.#used)
  }
}
