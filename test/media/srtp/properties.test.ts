import { expect, it } from 'vitest'
import { fuzzSrtp } from '../../fuzz/srtp.ts'
import { fuzzPads } from '../../fuzz/srtp-pads.ts'

// `npm run fuzz -- 1000000` takes a million steps of both

it('RFC 3711 §9.1: no block of key stream is ever used twice under a key, in 20,000 random steps', () => {
  const told = fuzzPads(20_000, 7)
  expect(told.sent).toBeGreaterThan(10_000)
  expect(told.refused).toBeGreaterThan(500)
  expect(told.wraps).toBeGreaterThan(5)
  expect(told.blocks).toBeGreaterThan(80_000)
})

it('RFC 3711 §3.3: of 20,000 packets, mutated, cut, replayed or good, the good ones are taken and no other', () => {
  const told = fuzzSrtp(20_000, 7)
  expect(told.taken).toBeGreaterThan(3500)
  for (const fault of ['failed', 'malformed', 'replayed', 'mki', 'unencrypted']) {
    expect(told[fault], fault).toBeGreaterThan(20)
  }
})
