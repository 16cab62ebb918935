import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { profiles, simulate } from '../../../bench/simulated-network.ts'
import { JitterBuffer, type JitterBufferOptions } from '../../../src/media/rtp/jitter-buffer.ts'
import { encodeRtp, parseRtp, type RtpPacket } from '../../../src/media/rtp/packet.ts'

const FRAME = 160

function packet(sequence: number, timestamp: number, marker = false): RtpPacket {
  const bytes = Buffer.alloc(13)
  const header = { payloadType: 0, marker, sequence: sequence & 0xffff, timestamp: timestamp >>> 0, ssrc: 1 }
  encodeRtp(bytes, 0, header, Buffer.from([sequence & 0xff]))
  const parsed = parseRtp(bytes)
  if (typeof parsed === 'string') throw new Error(parsed)
  return parsed
}

function buffer(options: Partial<JitterBufferOptions> = {}): JitterBuffer {
  return new JitterBuffer({ clockRate: 8000, frame: FRAME, ...options })
}

/** Puts packet `n` (of the n-th 20 ms) when `arrivals` says, plays for `frames` frames, names what was played. */
function play(
  to: JitterBuffer,
  arrivals: readonly (readonly [n: number, at: number])[],
  frames: number,
): string[] {
  const played: string[] = []
  const waiting = [...arrivals]
  for (let frame = 0; frame < frames; frame++) {
    const now = frame * 20 + 1
    for (let next = waiting[0]; next !== undefined && next[1] <= now; next = waiting[0]) {
      to.put(packet(next[0], next[0] * FRAME), next[1])
      waiting.shift()
    }
    const item = to.take(now)
    played.push(typeof item === 'string' ? item : `${item.sequence}`)
  }
  return played
}

const onTime = (count: number, from = 0): [number, number][] =>
  Array.from({ length: count }, (_, i) => [from + i, (from + i) * 20])

describe('JitterBuffer', () => {
  it('plays in order after the initial delay, reordered packets in their place', () => {
    const to = buffer({ initialDelay: 60 })
    const arrivals = onTime(10)
    arrivals[4] = [5, 80]
    arrivals[5] = [4, 90]
    const played = play(to, arrivals, 12)
    expect(played).toEqual(['waiting', 'waiting', 'waiting', '0', '1', '2', '3', '4', '5', '6', '7', '8'])
    expect([to.reordered, to.late, to.lost]).toEqual([1, 0, 0])
  })

  it('conceals what is missing, counts it lost, and late where it comes after all', () => {
    const to = buffer({ maxDelay: 60 })
    const arrivals = onTime(12).filter(([n]) => n !== 3 && n !== 6)
    arrivals.push([6, 200])
    const played = play(
      to,
      arrivals.sort((a, b) => a[1] - b[1]),
      13,
    )
    expect(played.slice(3)).toEqual(['0', '1', '2', 'concealed', '4', '5', 'concealed', '7', '8', '9'])
    expect([to.lost, to.late, to.concealed]).toEqual([1, 1, 2])
  })

  it('begins with the packet that the first one overtook, over the roll-over of numbers', () => {
    const to = buffer()
    to.put(packet(1, FRAME), 0)
    to.put(packet(65_535, -FRAME), 5)
    to.put(packet(0, 0), 6)
    const played = [70, 90, 110].map(now => to.take(now))
    expect(played.map(item => (typeof item === 'string' ? item : item.sequence))).toEqual([65_535, 0, 1])
    expect([to.lost, to.late, to.reordered]).toEqual([0, 0, 2])
  })

  it('drops duplicates, of packets that wait and of packets that were played', () => {
    const to = buffer()
    const arrivals = onTime(10)
    arrivals.push([1, 25], [2, 150], [2, 151])
    play(
      to,
      arrivals.sort((a, b) => a[1] - b[1]),
      12,
    )
    expect([to.duplicates, to.late, to.lost]).toEqual([3, 0, 0])
  })

  it('RFC 3551 §4.1: a hole in time without one in numbers is silence, and the delay is set anew after it', () => {
    const to = buffer()
    const played: string[] = []
    for (let frame = 0; frame < 60; frame++) {
      const now = frame * 20
      // ten frames of speech, twenty of silence, in which no numbers pass
      if (frame % 30 < 10)
        to.put(packet(Math.floor(frame / 30) * 10 + (frame % 30), frame * FRAME, frame % 30 === 0), now)
      const item = to.take(now)
      played.push(typeof item === 'string' ? item : 'played')
    }
    expect(played.filter(each => each === 'played')).toHaveLength(20)
    expect(played.filter(each => each === 'concealed')).toHaveLength(6)
    expect([to.lost, to.late, to.discarded]).toEqual([0, 0, 0])
  })

  it('RFC 4733 §2.5.1.2: packets without audio are no losses', () => {
    const to = buffer()
    const played: string[] = []
    for (let frame = 0; frame < 30; frame++) {
      if (frame >= 10 && frame < 15) to.pass(packet(frame, 10 * FRAME))
      else to.put(packet(frame, frame * FRAME), frame * 20)
      const item = to.take(frame * 20)
      played.push(typeof item === 'string' ? item : `${item.sequence}`)
    }
    expect(to.lost).toBe(0)
    expect(played.slice(-5)).toEqual(['22', '23', '24', '25', '26'])
  })

  it('lengthens its delay where packets come later, until they are in time', () => {
    const to = buffer({ initialDelay: 20 })
    const arrivals = onTime(100)
    for (let n = 100; n < 400; n++) arrivals.push([n, n * 20 + (n % 3) * 30])
    play(to, arrivals, 400)
    const before = to.late
    const more: [number, number][] = []
    for (let n = 400; n < 500; n++) more.push([n, n * 20 + (n % 3) * 30])
    for (const [n, at] of more) {
      to.put(packet(n, n * FRAME), at)
      to.take(n * 20 + 61)
    }
    expect(before).toBeGreaterThan(0)
    expect(to.late).toBe(before)
    expect(to.targetDelay).toBeGreaterThanOrEqual(60)
    expect(to.targetDelay).toBeLessThan(80)
  })

  it('shortens its delay again where the network calms down', () => {
    const to = buffer({ initialDelay: 200, minDelay: 0 })
    play(to, onTime(1500), 1500)
    expect(to.targetDelay).toBeLessThan(10)
    expect(to.discarded).toBeGreaterThanOrEqual(8)
    expect(to.discarded).toBeLessThanOrEqual(10)
  })

  it('begins anew where the time line jumps, forward or back', () => {
    for (const jump of [8000 * 3600, -8000 * 3600]) {
      const to = buffer()
      let played = 0
      for (let n = 0; n < 200; n++) {
        to.put(packet(n, n * FRAME + (n >= 100 ? jump : 0)), n * 20)
        if (typeof to.take(n * 20) !== 'string') played++
      }
      expect(to.resyncs).toBe(1)
      expect(played).toBeGreaterThan(185)
    }
  })

  it('is bounded: a flood without playing keeps the newest, whatever comes', () => {
    const to = buffer({ capacity: 16 })
    for (let n = 0; n < 10_000; n++) to.put(packet(n, n * FRAME), n)
    expect(to.discarded + to.late).toBeGreaterThan(9000)
    let held = 0
    for (let now = 10_000; now < 20_000; now += 20) if (typeof to.take(now) !== 'string') held++
    expect(held).toBeLessThanOrEqual(16)
  })

  it('accounts for every packet, over any order, loss, doubling and delay', () => {
    const step = fc.record({
      sequence: fc.integer({ min: -3, max: 4 }),
      jump: fc.constantFrom(0, 0, 0, 0, 160, -160, 4_000_000),
      wait: fc.integer({ min: 0, max: 60 }),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), steps => {
        const to = buffer({ capacity: 32 })
        let sequence = 65_500
        let offset = 0
        let now = 0
        let put = 0
        let played = 0
        for (const each of steps) {
          sequence += each.sequence
          offset += each.jump
          now += each.wait
          to.put(packet(sequence, sequence * FRAME + offset), now)
          put++
          if (typeof to.take(now) !== 'string') played++
        }
        expect(played).toBe(to.played)
        expect(to.played + to.late + to.duplicates + to.discarded).toBeLessThanOrEqual(put)
        expect(to.lost).toBeGreaterThanOrEqual(0)
      }),
    )
  })

  it('refuses options that cannot be', () => {
    expect(() => buffer({ minDelay: 100, maxDelay: 50 })).toThrow(/minDelay ≤ maxDelay/)
  })

  it('makes no objects of its own for a packet', () => {
    const to = buffer()
    const round = 10_000
    const packets = Array.from({ length: 12 * round }, (_, n) => packet(n, n * FRAME))
    let least = Number.POSITIVE_INFINITY
    for (let from = 0; from < packets.length; from += round) {
      globalThis.gc?.()
      const before = process.memoryUsage().heapUsed
      for (let n = from; n < from + round; n++) {
        const each = packets[n]
        if (each !== undefined) to.put(each, n * 20)
        to.take(n * 20)
      }
      // rounds before the engine has compiled the code box every number on their way
      const used = process.memoryUsage().heapUsed - before
      if (used > 0) least = Math.min(least, used / round)
    }
    expect(least).toBeLessThan(48)
    expect(to.played).toBeGreaterThan(packets.length - 10)
  })
})

describe('JitterBuffer on simulated networks', () => {
  const limits: Record<string, [delay: number, late: number]> = {
    clean: [30, 0.001],
    office: [45, 0.005],
    internet: [60, 0.015],
    'internet, silences, 200 ppm': [60, 0.015],
    wireless: [120, 0.015],
    'bad radio': [220, 0.02],
  }

  it.each(profiles)(
    '$name: delay and late loss stay within bounds, and every packet is accounted for',
    profile => {
      const result = simulate(profile, {}, 300, 11)
      const [delay, late] = limits[profile.name] ?? [0, 0]
      expect(result.averageDelay).toBeLessThan(delay)
      expect(result.lateShare).toBeLessThan(late)
      const unsettled = result.sent - result.played - result.late - result.discarded - result.lost
      expect(Math.abs(unsettled)).toBeLessThanOrEqual(3)
      expect(Math.abs(result.lost - result.networkLost)).toBeLessThanOrEqual(3)
    },
  )

  it('is repeatable by its seed', () => {
    const profile = profiles[4]
    if (profile === undefined) throw new Error('no profile')
    expect(simulate(profile, {}, 30, 3)).toEqual(simulate(profile, {}, 30, 3))
    expect(simulate(profile, {}, 30, 3)).not.toEqual(simulate(profile, {}, 30, 4))
  })
})
