import { expect, it } from 'vitest'
import { fuzzCertificates } from '../fuzz/certificate.ts'

it('takes damaged certificates, keys and names without any error but typed ones', () => {
  const { runs, read, refused, proving } = fuzzCertificates(3000, 7)
  expect(runs).toBe(read + refused)
  for (const seen of [read, refused, proving]) expect(seen).toBeGreaterThan(100)
})
