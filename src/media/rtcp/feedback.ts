import { UsageError } from '../../util/errors.ts'
import type { Feedback } from './packet.ts'

/** FMT values of RFC 4585 §6.2 and §6.3. */
export const GENERIC_NACK = 1
export const PICTURE_LOSS = 1

/** A generic NACK for lost sequence numbers, in rising order (RFC 4585 §6.2.1). */
export function genericNack(sender: number, media: number, lost: readonly number[]): Feedback {
  const pairs: { first: number; mask: number }[] = []
  for (const sequence of lost) {
    if (!(Number.isInteger(sequence) && sequence >= 0 && sequence <= 0xffff)) {
      throw new UsageError(
        'ERR_RTP_FIELD',
        `sequence number ${sequence} is not a whole number from 0 to 65535`,
      )
    }
    const last = pairs.at(-1)
    const distance = last === undefined ? 0 : (sequence - last.first) & 0xffff
    if (last !== undefined && distance >= 1 && distance <= 16) last.mask |= 1 << (distance - 1)
    else pairs.push({ first: sequence, mask: 0 })
  }
  const fci = Buffer.alloc(4 * pairs.length)
  pairs.forEach(({ first, mask }, index) => {
    fci.writeUInt16BE(first, 4 * index)
    fci.writeUInt16BE(mask, 4 * index + 2)
  })
  return { type: 'rtpfb', format: GENERIC_NACK, sender, media, fci }
}

/** The sequence numbers that a generic NACK names. */
export function lostSequences(nack: Feedback): number[] {
  const lost: number[] = []
  for (let at = 0; at + 4 <= nack.fci.length; at += 4) {
    const first = nack.fci.readUInt16BE(at)
    const mask = nack.fci.readUInt16BE(at + 2)
    lost.push(first)
    for (let bit = 0; bit < 16; bit++) if ((mask >> bit) & 1) lost.push((first + bit + 1) & 0xffff)
  }
  return lost
}

/** A picture loss indication (RFC 4585 §6.3.1): passed through for video that is not decoded here. */
export function pictureLoss(sender: number, media: number): Feedback {
  return { type: 'psfb', format: PICTURE_LOSS, sender, media, fci: Buffer.alloc(0) }
}
