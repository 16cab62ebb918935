import { describe, expect, it } from 'vitest'
import {
  StunClientTransaction,
  type StunTiming,
  stunClientMachine,
  stunTiming,
} from '../../../src/media/stun/index.ts'
import { parseStun } from '../../../src/stun/message.ts'
import { SimulatedClock } from '../../../src/util/clock.ts'
import { openCells } from '../../../src/util/machine.ts'
import { Timers } from '../../../src/util/timers.ts'
import { hex } from './hex.ts'

const request = hex('00010000 2112a442 000102030405060708090a0b')
const response = hex('01010000 2112a442 000102030405060708090a0b')
const server = { address: '192.0.2.1', port: 3478 }

function setUp(reliable = false, timing: Partial<StunTiming> = {}) {
  const clock = new SimulatedClock()
  const timers = new Timers(clock)
  const ladder: string[] = []
  const note = (what: string): number => ladder.push(`${clock.now()} ${what}`)
  const user = {
    transmit: () => note('→'),
    onResponse: () => note('←'),
    onFailure: (_: unknown, failure: string) => note(failure),
  }
  const transaction = new StunClientTransaction(request, server, reliable, user, timers, {
    ...stunTiming,
    ...timing,
  })
  const answer = (): void => {
    const message = parseStun(response)
    if (typeof message !== 'string') transaction.accept(message, server)
  }
  return { clock, timers, ladder, transaction, answer }
}

describe('STUN client transaction', () => {
  it('has a row or a reason for every state and input', () => {
    expect(openCells(stunClientMachine)).toEqual([])
  })

  it('sends at 0, 500, 1500 … 31500 ms and gives up at 39500 (RFC 5389 §7.2.1)', () => {
    const { clock, timers, ladder, transaction } = setUp()
    transaction.start()
    clock.advance(100_000)
    expect(ladder).toEqual([
      '0 →',
      '500 →',
      '1500 →',
      '3500 →',
      '7500 →',
      '15500 →',
      '31500 →',
      '39500 timeout',
    ])
    expect(timers.size).toBe(0)
  })

  it('takes RTO, Rc and Rm as configured', () => {
    const { clock, ladder, transaction } = setUp(false, { rto: 100, requests: 3, lastWait: 4 })
    transaction.start()
    clock.advance(100_000)
    expect(ladder).toEqual(['0 →', '100 →', '300 →', '700 timeout'])
  })

  it('with Rc = 1 sends once and waits Rm · RTO', () => {
    const { clock, ladder, transaction } = setUp(false, { requests: 1 })
    transaction.start()
    clock.advance(100_000)
    expect(ladder).toEqual(['0 →', '8000 timeout'])
  })

  it('sends once over a reliable transport and gives up after Ti (RFC 5389 §7.2.2)', () => {
    const { clock, ladder, transaction } = setUp(true)
    transaction.start()
    clock.advance(100_000)
    expect(ladder).toEqual(['0 →', '39500 timeout'])
  })

  it('ends with the response, and a second one is nothing', () => {
    const { clock, timers, ladder, transaction, answer } = setUp()
    transaction.start()
    clock.advance(600)
    answer()
    answer()
    clock.advance(100_000)
    expect(ladder).toEqual(['0 →', '500 →', '600 ←'])
    expect(timers.size).toBe(0)
  })

  it('goes on retransmitting past a forged response, and says at the end what happened (RFC 8489 §9.1.4)', () => {
    const { clock, ladder, transaction } = setUp(false, { requests: 2, lastWait: 1 })
    transaction.start()
    clock.advance(10)
    transaction.discard()
    clock.advance(100_000)
    expect(ladder).toEqual(['0 →', '500 →', '1000 integrity'])
  })

  it('ends at once on a forged response over a reliable transport (RFC 8489 §9.1.4)', () => {
    const { clock, ladder, transaction } = setUp(true)
    transaction.start()
    clock.advance(10)
    transaction.discard()
    expect(ladder).toEqual(['0 →', '10 integrity'])
  })

  it('fails with the transport (RFC 8489 §6.2.1) and is silent once cancelled', () => {
    const broken = setUp()
    broken.transaction.start()
    broken.transaction.transportFailed(new Error('refused'))
    expect(broken.ladder).toEqual(['0 →', '0 transport'])
    const cancelled = setUp()
    cancelled.transaction.start()
    cancelled.transaction.cancel()
    cancelled.answer()
    cancelled.clock.advance(100_000)
    expect(cancelled.ladder).toEqual(['0 →'])
    expect(cancelled.transaction.terminated).toBe(true)
  })
})
