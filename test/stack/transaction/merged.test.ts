import { MergedRequests, parseMessage, type SipRequest } from 'resip/stack'
import { expect, test } from 'vitest'
import { SimulatedClock } from '../../../src/util/clock.ts'
import { Timers } from '../../../src/util/timers.ts'
import { type RequestTextParts, requestText } from '../world.ts'

function received(parts: RequestTextParts, method = 'INVITE'): SipRequest {
  const message = parseMessage(Buffer.from(requestText(method, parts)))
  if (message instanceof Error || !message.isRequest) throw new Error('no request')
  return message
}

test('RFC 3261 §8.2.2.2 the same From tag, Call-ID and CSeq by another branch is merged, and nothing else is', () => {
  const merged = new MergedRequests(new Timers(new SimulatedClock()))
  const is = (parts: RequestTextParts, method?: string): boolean => merged.isMerged(received(parts, method))
  expect(is({ branch: 'z9hG4bKa' })).toBe(false)
  expect(is({ branch: 'z9hG4bKa' })).toBe(false)
  expect(is({ branch: 'z9hG4bKb' })).toBe(true)
  expect(is({ branch: 'z9hG4bKc' })).toBe(true)
  expect(is({ branch: 'z9hG4bKd', callId: 'other' })).toBe(false)
  expect(is({ branch: 'z9hG4bKe', fromTag: 'other' })).toBe(false)
  expect(is({ branch: 'z9hG4bKf', cseq: 2 })).toBe(false)
  expect(is({ branch: 'z9hG4bKg' }, 'OPTIONS')).toBe(false)
  expect(is({ branch: 'z9hG4bKh', toTag: 'in-dialog' })).toBe(false)
})

test('a request is remembered for its time only', () => {
  const clock = new SimulatedClock()
  const merged = new MergedRequests(new Timers(clock), 1000)
  expect(merged.isMerged(received({ branch: 'z9hG4bKa' }))).toBe(false)
  clock.advance(999)
  expect(merged.isMerged(received({ branch: 'z9hG4bKb' }))).toBe(true)
  clock.advance(1)
  expect(merged.isMerged(received({ branch: 'z9hG4bKb' }))).toBe(false)
  expect(merged.isMerged(received({ branch: 'z9hG4bKa' }))).toBe(true)
})

test('what is remembered is bounded in octets, the oldest goes first, and nothing is left of it', () => {
  const clock = new SimulatedClock()
  const merged = new MergedRequests(new Timers(clock), 1000, 100_000)
  for (let at = 0; at < 1000; at++)
    expect(merged.isMerged(received({ branch: 'z9hG4bKa', callId: `${at}-${'x'.repeat(1000)}` }))).toBe(false)
  expect(merged.bytes).toBeLessThan(102_000)
  expect(merged.evicted).toBeGreaterThan(900)
  expect(merged.isMerged(received({ branch: 'z9hG4bKb', callId: `999-${'x'.repeat(1000)}` }))).toBe(true)
  expect(merged.isMerged(received({ branch: 'z9hG4bKb', callId: `0-${'x'.repeat(1000)}` }))).toBe(false)
  clock.advance(1000)
  const { bytes } = merged
  expect(merged.isMerged(received({ branch: 'z9hG4bKc', callId: 'last' }))).toBe(false)
  expect(merged.bytes).toBeLessThan(Math.min(bytes, 300))
})
