import { createCipheriv, createHmac } from 'node:crypto'

/** SRTP as its formulas stand in RFC 3711, one node:crypto call after the other: what ours is held against. */
export interface Reference {
  readonly key: Buffer
  /** 14 octets. */
  readonly salt: Buffer
  readonly tag: number
  readonly rate?: number
  readonly mki?: Buffer
}

/** RFC 3711 §4.1.1, §4.2.1: RTP with a header of 12 octets. */
export function referenceRtp(with_: Reference, packet: Buffer, index: number): Buffer {
  const { key, mki = Buffer.alloc(0), tag, rate = 0 } = with_
  const r = rate === 0 ? 0 : Math.floor(index / rate)
  const session = (label: number, length: number): Buffer => derived(with_, label, r, length)
  const iv = ivOf(session(2, 14), packet.subarray(8, 12), index)
  const body = counterMode(session(0, key.length), iv, packet.subarray(12))
  const sent = Buffer.concat([packet.subarray(0, 12), body])
  const roc = Buffer.alloc(4)
  roc.writeUInt32BE(Math.floor(index / 65_536))
  const mac = createHmac('sha1', session(1, 20)).update(sent).update(roc).digest()
  return Buffer.concat([sent, mki, mac.subarray(0, tag)])
}

/** RFC 3711 §3.4. */
export function referenceRtcp(with_: Reference, packet: Buffer, index: number): Buffer {
  const { key, mki = Buffer.alloc(0), rate = 0 } = with_
  const r = rate === 0 ? 0 : Math.floor(index / rate)
  const session = (label: number, length: number): Buffer => derived(with_, label, r, length)
  const iv = ivOf(session(5, 14), packet.subarray(4, 8), index)
  const body = counterMode(session(3, key.length), iv, packet.subarray(8))
  const word = Buffer.alloc(4)
  word.writeUInt32BE(0x80000000 + index)
  const sent = Buffer.concat([packet.subarray(0, 8), body, word])
  const mac = createHmac('sha1', session(4, 20)).update(sent).digest()
  return Buffer.concat([sent, mki, mac.subarray(0, 10)])
}

/** RFC 7714 §8.1, §11: RTP with a header of 12 octets; `salt` is of 12, and counts as followed by two of zero. */
export function referenceGcm(
  { key, salt }: Pick<Reference, 'key' | 'salt'>,
  packet: Buffer,
  index: number,
): Buffer {
  const master = { key, salt: Buffer.concat([salt, Buffer.alloc(2)]), tag: 16 }
  const iv = Buffer.alloc(12)
  packet.copy(iv, 2, 8, 12)
  iv.writeUIntBE(index, 6, 6)
  const sessionSalt = derived(master, 2, 0, 12)
  const cipher = createCipheriv(
    key.length === 16 ? 'aes-128-gcm' : 'aes-256-gcm',
    derived(master, 0, 0, key.length),
    iv.map((octet, at) => octet ^ (sessionSalt[at] ?? 0)),
  )
  cipher.setAAD(packet.subarray(0, 12))
  const body = cipher.update(packet.subarray(12))
  cipher.final()
  return Buffer.concat([packet.subarray(0, 12), body, cipher.getAuthTag()])
}

function derived({ key, salt }: Reference, label: number, r: number, length: number): Buffer {
  const x = (BigInt(`0x${salt.toString('hex')}`) ^ ((BigInt(label) << 48n) | BigInt(r))) << 16n
  return counterMode(key, Buffer.from(x.toString(16).padStart(32, '0'), 'hex'), Buffer.alloc(length))
}

function ivOf(salt: Buffer, ssrc: Buffer, index: number): Buffer {
  const iv =
    (BigInt(`0x${salt.toString('hex')}`) << 16n) ^
    (BigInt(`0x${ssrc.toString('hex')}`) << 64n) ^
    (BigInt(index) << 16n)
  return Buffer.from(iv.toString(16).padStart(32, '0'), 'hex')
}

function counterMode(key: Buffer, iv: Buffer, bytes: Buffer): Buffer {
  return createCipheriv(`aes-${8 * key.length}-ctr`, key, iv).update(bytes)
}
