import { expect, it } from 'vitest'
import { PacketSlab } from '../../../src/media/socket/packet-slab.ts'

it('hands no octet out twice, and what is larger than its chunks by itself', () => {
  const slab = new PacketSlab()
  const taken = Array.from({ length: 2000 }, (_, i) => slab.take(100 + (i % 90)).fill(i & 0xff))
  for (const [i, bytes] of taken.entries()) {
    expect(bytes.length).toBe(100 + (i % 90))
    expect(bytes.every(octet => octet === (i & 0xff))).toBe(true)
  }
  expect(new Set(taken.map(({ buffer }) => buffer)).size).toBeLessThan(8)
  expect(slab.take(70_000).length).toBe(70_000)
})
