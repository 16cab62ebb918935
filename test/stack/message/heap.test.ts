import { describe, expect, it } from 'vitest'
import { ParseError, parseMessage } from '../../../src/stack/index.ts'
import { flatCopy } from '../../../src/util/bytes.ts'

const KEPT = 10_000
const PADDING = 'p'.repeat(2000)

/** Heap bytes that a kept value of each of many messages costs. */
function keptBytes(keep: (tag: string, callId: string) => string): number {
  const kept: string[] = []
  global.gc?.()
  const before = process.memoryUsage().heapUsed
  for (let n = 0; n < KEPT; n++) {
    const text =
      `INVITE sip:a SIP/2.0\r\nVia: SIP/2.0/UDP c\r\nFrom: <sip:a@b>;tag=a-tag-of-some-length-${n}\r\nTo: <sip:c@d>\r\n` +
      `Call-ID: a-call-id-of-some-length-${n}@example.com\r\nCSeq: 1 INVITE\r\nSubject: ${PADDING}\r\n\r\n`
    const message = parseMessage(Buffer.from(text))
    if (message instanceof ParseError) throw message
    kept.push(keep(message.from.tag ?? '', message.callId))
  }
  global.gc?.()
  const after = process.memoryUsage().heapUsed
  expect(kept).toHaveLength(KEPT)
  return (after - before) / KEPT
}

describe.runIf(global.gc !== undefined)('what outlives a message', () => {
  it('keeps no head alive where it was copied flat', () => {
    expect(keptBytes(tag => flatCopy(tag))).toBeLessThan(200)
    expect(keptBytes((_, callId) => flatCopy(callId))).toBeLessThan(200)
  })

  it('would keep it otherwise: the test can tell', () => {
    expect(keptBytes((_, callId) => callId)).toBeGreaterThan(PADDING.length)
  })
})
