import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import type { StunHash } from '../hash.ts'

/** The hashes of `node:crypto`. */
export const nodeHash: StunHash = {
  hmac(algorithm, key, parts) {
    const hmac = createHmac(algorithm, key)
    for (const part of parts) hmac.update(part)
    return hmac.digest()
  },
  digest: (algorithm, data) => createHash(algorithm).update(data).digest(),
  equal: (a, b) => a.length === b.length && timingSafeEqual(a, b),
}
