import { expect, it } from 'vitest'
import { fuzzDns } from '../../fuzz/dns.ts'

it('mutated answers end each question by an answer or a typed error, within all bounds', async () => {
  const report = await fuzzDns(3000, 8)
  for (const seen of Object.values(report)) expect(seen).toBeGreaterThan(10)
})
