import { createHash, createHmac, createSecretKey, KeyObject, timingSafeEqual } from 'node:crypto'
import { UsageError } from '../../util/errors.ts'
import type { StunHash } from '../hash.ts'

/** The hashes of `node:crypto`; a key is a KeyObject, for each HMAC with raw octets makes one anew. */
export const nodeHash: StunHash = {
  key: bytes => createSecretKey(bytes),
  hmac(algorithm, key, parts) {
    if (!(key instanceof KeyObject)) {
      throw new UsageError('ERR_STUN_KEY', 'this key is of another hash: make it with nodeHash.key')
    }
    const hmac = createHmac(algorithm, key)
    for (const part of parts) hmac.update(part)
    return hmac.digest()
  },
  digest: (algorithm, data) => createHash(algorithm).update(data).digest(),
  equal: (a, b) => a.length === b.length && timingSafeEqual(a, b),
}
