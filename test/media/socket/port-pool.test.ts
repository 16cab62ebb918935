import { describe, expect, it } from 'vitest'
import { type BindSocket, PORT_REST, PortPool, type PortRange } from '../../../src/media/socket/index.ts'
import { EnvironmentError } from '../../../src/util/errors.ts'
import { seededRandom } from '../../../src/util/random.ts'

/** A host whose ports are free, but for those that others have; the system gives out the ports of `system` in turn. */
class Host {
  now = 0
  readonly bound = new Set<number>()
  readonly others = new Set<number>()
  system: number[] = []

  readonly bind: BindSocket = async (address, asked) => {
    const port = asked === 0 ? (this.system.shift() ?? 50_000) : asked
    if (this.bound.has(port) || this.others.has(port))
      throw new EnvironmentError('EADDRINUSE', `port ${port}`)
    this.bound.add(port)
    return {
      local: { address, port },
      send() {},
      close: async () => {
        this.bound.delete(port)
      },
    }
  }

  pool(range?: PortRange, seed = 1): PortPool {
    return new PortPool({ range, random: seededRandom(seed), now: () => this.now, bind: this.bind })
  }
}

const address = '192.0.2.1'
const any = { address, port: 0 }

describe('a pool of RTP ports (RFC 3550 §11)', () => {
  it('takes them at random: the next one cannot be told from the last', async () => {
    const orders = await Promise.all(
      [1, 2].map(async seed => {
        const pool = new Host().pool({ min: 10_000, max: 10_099 }, seed)
        const ports: number[] = []
        for (let i = 0; i < 50; i++) ports.push((await pool.open(any, 2))[0]?.local.port ?? 0)
        return ports
      }),
    )
    const all = Array.from({ length: 50 }, (_, i) => 10_000 + 2 * i)
    for (const ports of orders) {
      expect(ports.toSorted((a, b) => a - b)).toEqual(all)
      expect(ports.filter((port, i) => port + 2 === ports[i + 1]).length).toBeLessThan(10)
    }
    expect(orders[0]).not.toEqual(orders[1])
  })

  it('lets each rest ten seconds after use, so that no packet of the old call reaches a new one', async () => {
    const host = new Host()
    const pool = host.pool({ min: 10_000, max: 10_007 })
    const [rtp, rtcp] = await pool.open(any, 2)
    await rtp?.close()
    expect(pool.resting).toBe(0)
    await rtcp?.close()
    expect(pool.resting).toBe(1)
    host.now += PORT_REST - 1
    const others = [await pool.open(any, 2), await pool.open(any, 2), await pool.open(any, 2)]
    expect(others.map(([socket]) => socket?.local.port)).not.toContain(rtp?.local.port)
    await others[0]?.[0]?.close()
    await others[0]?.[1]?.close()
    host.now += 1
    // it has rested now, and the one that was given back a moment ago has not
    const [again] = await pool.open(any, 2)
    expect(again?.local.port).toBe(rtp?.local.port)
  })

  it('takes at need the one that has rested longest', async () => {
    const host = new Host()
    const pool = host.pool({ min: 10_000, max: 10_005 })
    const opened = [await pool.open(any, 1), await pool.open(any, 1), await pool.open(any, 1)]
    for (const [socket] of opened) {
      host.now += 1000
      await socket?.close()
    }
    const ports = opened.map(([socket]) => socket?.local.port)
    for (const port of ports) expect((await pool.open(any, 1))[0]?.local.port).toBe(port)
    await expect(pool.open(any, 1)).rejects.toMatchObject({ code: 'EADDRINUSE' })
  })

  it('passes over pairs of which another program has one, and gives back what it took of them', async () => {
    const host = new Host()
    const pool = host.pool({ min: 10_001, max: 10_007 })
    host.others.add(10_005)
    const [rtp, rtcp] = await pool.open(any, 2)
    expect([rtp?.local.port, rtcp?.local.port]).toEqual([10_002, 10_003])
    expect((await pool.open(any, 2))[0]?.local.port).toBe(10_006)
    await expect(pool.open(any, 2)).rejects.toThrow(/from 10001 to 10007/)
    expect([...host.bound]).not.toContain(10_004)
  })

  it("of the system's is an even one and the next, and one that rests is not taken", async () => {
    const host = new Host()
    const pool = host.pool()
    host.system = [30_001]
    const first = await pool.open(any, 2)
    expect(first.map(({ local }) => local.port)).toEqual([30_000, 30_001])
    for (const socket of first) await socket.close()
    host.system = [30_001, 30_000, 30_010]
    expect((await pool.open(any, 2)).map(({ local }) => local.port)).toEqual([30_010, 30_011])
    host.now += PORT_REST
    host.system = [30_000]
    expect((await pool.open(any, 1)).map(({ local }) => local.port)).toEqual([30_000])
    host.system = Array.from({ length: 64 }, () => 40_000)
    host.others.add(40_001)
    await expect(pool.open(any, 2)).rejects.toThrow(/no RTP port of the system is free/)
    expect(host.bound.has(40_000)).toBe(false)
  })

  it('passes on what is wrong with the address, and takes no range without a pair', async () => {
    const failing: BindSocket = async () => {
      throw new EnvironmentError('EADDRNOTAVAIL', 'not ours')
    }
    const pool = new PortPool({
      range: { min: 10_000, max: 10_001 },
      random: seededRandom(1),
      now: () => 0,
      bind: failing,
    })
    await expect(pool.open(any, 1)).rejects.toMatchObject({ code: 'EADDRNOTAVAIL' })
    expect(() => new Host().pool({ min: 9, max: 10 })).toThrow(/no even port/)
    const named = await new Host().pool().open({ address, port: 20_001 }, 2)
    expect(named.map(({ local }) => local.port)).toEqual([20_001, 20_002])
  })
})
