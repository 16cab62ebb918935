import { setTimeout as after } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { RtpEnginePool } from '../../src/media/rtpengine/pool/pool.ts'
import { sdpOf } from './peers/rtp-party.ts'
import { type CarrierName, RtpEngineProcess } from './peers/rtpengine.ts'

const FIRST = '127.61.0.3'
const SECOND = '127.61.0.4'
const SDP = sdpOf(40000, 'RTP/AVP')

const running: RtpEngineProcess[] = []

async function start(address: string, ...options: string[]): Promise<RtpEngineProcess> {
  const engine = await RtpEngineProcess.start({ address, options })
  running.push(engine)
  return engine
}

afterEach(async () => {
  for (const engine of running.splice(0)) await engine.stop()
})

describe.each<[CarrierName]>([['udp'], ['tcp'], ['http'], ['ws']])(
  'a pool of two engines over %s',
  carrier => {
    it('loses no new call when one of them is killed under load, and uses it again when it is back', async () => {
      const first = await start(FIRST)
      const second = await start(SECOND)
      const pool = new RtpEnginePool([first.url(carrier), second.url(carrier)], {
        attemptTimeout: 500,
        health: { interval: 500, timeout: 300 },
        retransmission: { initial: 100 },
      })
      try {
        const offers: Promise<string>[] = []
        const calls: string[] = []
        for (let i = 0; i < 300; i++) {
          if (i === 100) await first.stop('SIGKILL')
          const call = `call${i}@example.com`
          calls.push(call)
          offers.push(pool.offer(SDP, call, 'alice').then(result => result.sdp))
          await after(5)
        }
        const sdps = await Promise.all(offers)
        expect(sdps).toHaveLength(300)
        expect(sdps.slice(0, 50).some(sdp => sdp.includes(FIRST))).toBe(true)
        expect(sdps.slice(100).every(sdp => sdp.includes(SECOND))).toBe(true)
        await expect.poll(() => pool.engines.map(engine => engine.healthy)).toEqual([false, true])

        const answers = calls.slice(100).map(call => pool.answer(SDP, call, 'alice', 'bob'))
        for (const { sdp } of await Promise.all(answers)) expect(sdp).toContain(SECOND)

        await start(FIRST)
        await expect
          .poll(() => pool.engines.map(engine => engine.healthy), { timeout: 5_000 })
          .toEqual([true, true])
        const again = await Promise.all(
          Array.from({ length: 40 }, (_, i) =>
            pool.offer(SDP, `again${i}`, 'alice').then(result => result.sdp),
          ),
        )
        expect(again.some(sdp => sdp.includes(FIRST))).toBe(true)
        expect(again.some(sdp => sdp.includes(SECOND))).toBe(true)
        expect(pool.metrics).toMatchObject({ calls: 340, withoutEngine: 0 })
        expect(pool.metrics.engines[0]).toMatchObject({ healthy: true, downs: 1 })
      } finally {
        await pool.close()
      }
    })
  },
)

describe.each<[CarrierName]>([['udp'], ['tcp'], ['http'], ['ws']])(
  'a pool one of whose engines stands still for a while, over %s',
  carrier => {
    it('deletes there what was given to the other meanwhile, and only that', async () => {
      const first = await start(FIRST)
      const second = await start(SECOND)
      const pool = new RtpEnginePool([first.url(carrier), second.url(carrier)], {
        attemptTimeout: 300,
        health: { interval: 500, timeout: 200 },
        retransmission: { initial: 100 },
      })
      try {
        const before = await Promise.all(
          Array.from({ length: 20 }, (_, i) => pool.offer(SDP, `before${i}`, 'alice').then(({ sdp }) => sdp)),
        )
        first.pause()
        const meanwhile = await Promise.all(
          Array.from({ length: 40 }, (_, i) =>
            pool.offer(SDP, `meanwhile${i}`, 'alice').then(({ sdp }) => sdp),
          ),
        )
        expect(meanwhile.every(sdp => sdp.includes(SECOND))).toBe(true)
        const abandoned = pool.metrics.engines[0]?.abandoned ?? 0
        expect(abandoned).toBeGreaterThan(5)
        first.resume()
        await expect.poll(() => pool.engines[0]?.healthy, { timeout: 5_000 }).toBe(true)
        await expect.poll(() => pool.metrics.engines[0]?.abandoned, { timeout: 5_000 }).toBe(0)
        const stayed = before.filter(sdp => sdp.includes(FIRST)).length
        await expect
          .poll(async () => (await pool.engines[0]?.client.list(1000))?.length, { timeout: 5_000 })
          .toBe(stayed)
        expect(await pool.engines[1]?.client.list(1000)).toHaveLength(60 - stayed)
        expect(pool.metrics.engines[0]?.abandonedDeleted).toBeGreaterThanOrEqual(abandoned)
      } finally {
        first.resume()
        await pool.close()
      }
    })
  },
)

describe('a pool whose first choice is full', () => {
  it('gives the call to the next engine, and tells when all are full', async () => {
    const first = await start(FIRST, '--max-sessions=2')
    const second = await start(SECOND, '--max-sessions=2')
    const pool = new RtpEnginePool([first.url('udp'), second.url('udp')])
    try {
      const opened: string[] = []
      for (let i = 0; i < 4; i++) {
        const { sdp } = await pool.offer(SDP, `full${i}`, 'alice', { loadLimit: true })
        opened.push(sdp.includes(FIRST) ? FIRST : SECOND)
      }
      expect(opened.sort()).toEqual([FIRST, FIRST, SECOND, SECOND])
      await expect(pool.offer(SDP, 'toomany', 'alice', { loadLimit: true })).rejects.toMatchObject({
        code: 'ERR_RTPENGINE_LOAD_LIMIT',
      })
      expect(pool.engines.map(engine => engine.healthy)).toEqual([true, true])
      await pool.delete('full0', 'alice')
      expect((await pool.offer(SDP, 'another', 'alice', { loadLimit: true })).sdp).toContain('127.61.0.')
    } finally {
      await pool.close()
    }
  })
})
