import { expect, test } from 'vitest'
import { fuzzWebSocket } from '../fuzz/websocket.ts'

test('RFC 6455 mutated hand-shakes and frames end in messages, refusals and typed errors, never otherwise', async () => {
  const { refused, messages, pings, broken } = await fuzzWebSocket(4_000, 1)
  for (const seen of [refused, messages, pings, broken]) expect(seen).toBeGreaterThan(0)
})
