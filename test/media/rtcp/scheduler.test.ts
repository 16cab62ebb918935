import { describe, expect, it } from 'vitest'
import { deterministicInterval, transmissionInterval } from '../../../src/media/rtcp/interval.ts'
import { MemberTable } from '../../../src/media/rtcp/members.ts'
import { RtcpScheduler } from '../../../src/media/rtcp/scheduler.ts'
import { SimulatedClock } from '../../../src/util/clock.ts'
import { type RandomSource, seededRandom } from '../../../src/util/random.ts'
import { Timers } from '../../../src/util/timers.ts'

/** Always the same draw: 0.5 makes T = Td / 1.21828. */
function always(value: number): RandomSource {
  return {
    fill(bytes) {
      Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).writeUInt32BE(Math.floor(value * 2 ** 32))
      return bytes
    },
  }
}

interface Setup {
  clock: SimulatedClock
  user: { members: number; senders: number; weSent: boolean }
  ladder: string[]
  scheduler: RtcpScheduler
}

function setup(random: RandomSource, bandwidth = 400): Setup {
  const clock = new SimulatedClock()
  const ladder: string[] = []
  const user = {
    members: 2,
    senders: 0,
    weSent: false,
    expireMembers() {},
    sendReport() {
      ladder.push(`${clock.now()} report`)
      return 100
    },
    sendBye() {
      ladder.push(`${clock.now()} BYE`)
    },
  }
  const scheduler = new RtcpScheduler(user, { timers: new Timers(clock), random, bandwidth })
  return { clock, user, ladder, scheduler }
}

describe('the RTCP transmission interval', () => {
  const state = { members: 2, senders: 1, weSent: true, bandwidth: 400, averageSize: 100, initial: false }

  it('RFC 3550 §6.3.1: five seconds at least, half of it before the first packet', () => {
    expect(deterministicInterval(state)).toBe(5000)
    expect(deterministicInterval({ ...state, initial: true })).toBe(2500)
    expect(deterministicInterval({ ...state, minimum: 1000 })).toBe(1000)
  })

  it('RFC 3550 §6.3.1: few senders share a quarter of the bandwidth, receivers the rest', () => {
    const many = { ...state, members: 1000, senders: 10 }
    expect(deterministicInterval(many)).toBe((1000 * 100 * 10) / 100)
    expect(deterministicInterval({ ...many, weSent: false })).toBe((1000 * 100 * 990) / 300)
    expect(deterministicInterval({ ...many, senders: 300 })).toBe((1000 * 100 * 1000) / 400)
  })

  it('RFC 3550 §6.3.1: T is 0.5 to 1.5 times Td, over e − 3/2', () => {
    expect(transmissionInterval(state, 0)).toBeCloseTo(2500 / 1.21828, 1)
    expect(transmissionInterval(state, 0.5)).toBeCloseTo(5000 / 1.21828, 1)
  })
})

describe('RtcpScheduler', () => {
  it('RFC 3550 §6.3.2, §6.3.6: the first report after half the minimum, then at the full one', () => {
    const { clock, ladder, scheduler } = setup(always(0.5))
    scheduler.start()
    clock.advance(15_000)
    // 2500 / 1.21828; the next is drawn while `initial` still holds (appendix A.7), then reconsidered
    expect(ladder).toEqual(['2053 report', '6158 report', '10263 report', '14368 report'])
  })

  it('RFC 3550 §6.3.3: timer reconsideration puts a report off where members came', () => {
    const { clock, user, ladder, scheduler } = setup(always(0.5))
    scheduler.start()
    clock.advance(2000)
    user.members = 50
    clock.advance(100)
    expect(ladder).toEqual([])
    // 108 octets · 50 receivers at 300 octets a second is 18 s
    expect(scheduler.next).toBeCloseTo(18_000 / (Math.E - 1.5), 0)
  })

  it('RFC 3550 §6.3.4: reverse reconsideration brings a report forward where members left', () => {
    const { clock, user, scheduler } = setup(always(0.5))
    user.members = 50
    scheduler.start()
    clock.advance(scheduler.next + 1)
    const planned = scheduler.next
    clock.advance(1000)
    user.members = 25
    scheduler.onBye(60)
    const now = clock.now()
    expect(scheduler.next).toBeCloseTo(now + (25 / 50) * (planned - now), 6)
  })

  it('RFC 3550 §6.3.3: the average size follows what is sent and received', () => {
    const { scheduler } = setup(always(0.5))
    scheduler.start()
    scheduler.onReport(108 + 160 - 28)
    expect(scheduler.averageSize).toBe(108 + (240 + 28 - 108) / 16)
  })

  it('RFC 3550 §6.3.7: in a small session BYE goes at once and is the last', () => {
    const { clock, ladder, scheduler } = setup(always(0.5))
    scheduler.start()
    clock.advance(2100)
    scheduler.leave(60, true)
    scheduler.leave(60, true)
    clock.advance(60_000)
    expect(ladder).toEqual(['2053 report', '2100 BYE'])
  })

  it('RFC 3550 §6.3.7: who never sent anything sends no BYE', () => {
    const { clock, ladder, scheduler } = setup(always(0.5))
    scheduler.start()
    scheduler.leave(60, false)
    clock.advance(60_000)
    expect(ladder).toEqual([])
  })

  it('RFC 3550 §6.3.7: in a large session BYE backs off, the more BYEs are heard', () => {
    const { clock, user, ladder, scheduler } = setup(always(0.5), 50)
    user.members = 1000
    scheduler.start()
    scheduler.leave(60, true)
    const alone = scheduler.next
    expect(alone).toBeCloseTo(2500 / (Math.E - 1.5), 0)
    for (let i = 0; i < 99; i++) scheduler.onBye(60)
    clock.advance(alone + 1)
    expect(ladder).toEqual([])
    expect(scheduler.next).toBeCloseTo((1000 * 88 * 100) / (0.75 * 50) / (Math.E - 1.5), 0)
    clock.advance(scheduler.next)
    expect(ladder).toHaveLength(1)
  })

  it('RFC 3550 §6.2: 60 members together stay near the RTCP bandwidth', () => {
    const clock = new SimulatedClock()
    const timers = new Timers(clock)
    const members = 60
    let octets = 0
    const schedulers = Array.from({ length: members }, (_, i) => {
      const user = {
        members,
        senders: 0,
        weSent: false,
        expireMembers() {},
        sendReport: () => 0,
        sendBye() {},
      }
      const made = new RtcpScheduler(
        {
          ...user,
          sendReport() {
            octets += 128
            for (const other of schedulers) if (other !== made) other.onReport(100)
            return 100
          },
        },
        { timers, random: seededRandom(i), bandwidth: 200 },
      )
      return made
    })
    for (const scheduler of schedulers) scheduler.start()
    clock.advance(200_000)
    octets = 0
    clock.advance(1_000_000)
    // receivers have three quarters; T is on average a little off Td, which the compensation makes good (§6.3.1)
    expect(octets / 1000).toBeGreaterThan(0.85 * 150)
    expect(octets / 1000).toBeLessThan(1.15 * 150)
  })

  it('RFC 3550 §6.2: no bandwidth is the caller’s error', () => {
    expect(() => setup(always(0), 0)).toThrow(/0 octets a second/)
  })
})

describe('MemberTable', () => {
  it('RFC 3550 §6.3.5: senders fall back to receivers, silent members are removed', () => {
    const table = new MemberTable()
    table.hear(1, 0, true)
    table.hear(2, 0, false)
    table.hear(1, 5000, false)
    expect(table.senders).toBe(1)
    expect(table.expire(1000, 1000).map(({ ssrc }) => ssrc)).toEqual([2])
    expect(table.senders).toBe(0)
    expect(table.size).toBe(1)
    table.hear(1, 6000, true)
    expect(table.remove(1)).toBe(true)
    expect([table.size, table.senders]).toEqual([0, 0])
  })

  it('RFC 3550 §6.2: strangers beyond the limit are counted, not kept', () => {
    const table = new MemberTable(2)
    for (let ssrc = 0; ssrc < 5; ssrc++) table.hear(ssrc, 0, true)
    expect([table.size, table.senders, table.overflow]).toEqual([2, 2, 3])
  })
})
