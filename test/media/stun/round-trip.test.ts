import { describe, expect, it } from 'vitest'
import { RoundTrips } from '../../../src/media/stun/index.ts'

describe('RTO (RFC 8489 §6.2.1, RFC 6298 §2)', () => {
  it('begins at 500 ms, follows the round trips, and is not below its floor', () => {
    const trips = new RoundTrips()
    expect(trips.rto('192.0.2.1', 0)).toBe(500)
    trips.measured('192.0.2.1', 400, 0)
    // SRTT = R, RTTVAR = R/2, RTO = SRTT + 4·RTTVAR
    expect(trips.rto('192.0.2.1', 0)).toBe(1200)
    // RTTVAR = 3/4·200 + 1/4·|400 − 480| = 170, SRTT = 7/8·400 + 1/8·480 = 410
    trips.measured('192.0.2.1', 480, 0)
    expect(trips.rto('192.0.2.1', 0)).toBe(1090)
    trips.measured('192.0.2.2', 10, 0)
    expect(trips.rto('192.0.2.2', 0)).toBe(500)
  })

  it('is forgotten after ten minutes without a transaction', () => {
    const trips = new RoundTrips()
    trips.measured('192.0.2.1', 400, 0)
    expect(trips.rto('192.0.2.1', 600_000)).toBe(1200)
    expect(trips.rto('192.0.2.1', 600_001)).toBe(500)
  })

  it('keeps a bounded number of servers', () => {
    const trips = new RoundTrips()
    for (let i = 0; i <= 256; i++) trips.measured(`192.0.2.${i}`, 400, 0)
    expect([trips.rto('192.0.2.0', 0), trips.rto('192.0.2.256', 0)]).toEqual([500, 1200])
  })
})
