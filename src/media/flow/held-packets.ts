import type { Remote } from '../../util/address.ts'
import type { PacketKind } from '../socket/packet-kind.ts'

/** A packet that came before anybody could read it. */
export interface HeldPacket {
  readonly kind: PacketKind
  readonly bytes: Buffer
  readonly from: Remote
}

/** Longer ones are no handshake's record and no voice. */
const LONGEST = 1500

/** The newest few packets, in order, until somebody can read them. */
export class HeldPackets {
  readonly #most: number
  #packets: HeldPacket[] = []

  constructor(most: number) {
    this.#most = most
  }

  hold(kind: PacketKind, bytes: Buffer, from: Remote): void {
    if (bytes.length > LONGEST) return
    if (this.#packets.length === this.#most) this.#packets.shift()
    // a view may keep a chunk alive that is many times its size
    const own = bytes.length < bytes.buffer.byteLength ? Buffer.from(bytes) : bytes
    this.#packets.push({ kind, bytes: own, from })
  }

  /** All of them, which are held no longer. */
  release(): readonly HeldPacket[] {
    const packets = this.#packets
    this.#packets = []
    return packets
  }
}
