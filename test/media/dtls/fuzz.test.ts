import { expect, test } from 'vitest'
import { fuzzDtlsHandshakes, fuzzDtlsRecords } from '../../fuzz/dtls.ts'

test('RFC 6347 §4.1.2.7: mutated records end in counters and typed errors', async () => {
  const report = await fuzzDtlsRecords(4000, 1)
  expect(report.secured).toBeGreaterThan(0)
  expect(report.ended).toBeGreaterThan(0)
  expect(report.dropped).toBeGreaterThan(1000)
})

test('RFC 5246 §7.4: mutated handshake messages end in counters and typed errors', async () => {
  const report = await fuzzDtlsHandshakes(4000, 1)
  expect(report.secured).toBeGreaterThan(0)
  expect(report.ended).toBeGreaterThan(100)
})
