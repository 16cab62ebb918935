import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { hostPort } from '../../src/util/address.ts'
import { freePort } from '../peers/ports.ts'
import { ensureSipp, Sipp, type SippResult } from '../peers/sipp.ts'
import { startExample, startProxy } from './programs.ts'
import { Report } from './report.ts'

const report = new Report('SIPp against the examples')

beforeAll(ensureSipp)
afterAll(() => report.print())

interface Calls {
  readonly transport?: 'UDP' | 'TCP'
  readonly address?: string
  readonly calls: number
  readonly lost?: number
  /** Whether they go through `resip proxy`. */
  readonly proxied?: boolean
}

describe('RFC 3261 §13.3: SIPp calls a UAS on the stack', () => {
  const runs: readonly (readonly [string, Calls])[] = [
    ['SIPp → UAS, UDP, IPv4', { calls: 400 }],
    ['SIPp → UAS, TCP, IPv4', { calls: 400, transport: 'TCP' }],
    ['SIPp → UAS, UDP, IPv6', { calls: 200, address: '::1' }],
    ['SIPp → UAS, UDP, 5 % lost', { calls: 400, lost: 5 }],
    ['SIPp → proxy → UAS, UDP, IPv4, 5 % lost', { calls: 400, lost: 5, proxied: true }],
    ['SIPp → proxy → UAS, UDP, IPv6, 5 % lost', { calls: 400, lost: 5, proxied: true, address: '::1' }],
  ]
  for (const [title, run] of runs) {
    it(title, async () => {
      const result = await callUas(run)
      report.add(title, result)
      expect(result, result.errors).toMatchObject({ calls: run.calls, successful: run.calls, failed: 0 })
      if (run.lost === undefined) expect(result.retransmissions).toBe(0)
      else expect(result.retransmissions).toBeGreaterThan(0)
    })
  }
})

describe('RFC 3261 §13.2: a UAC on the stack calls SIPp', () => {
  for (const [title, { calls, transport = 'UDP' }] of [
    ['UAC → SIPp, UDP', { calls: 400 }],
    ['UAC → SIPp, TCP', { calls: 400, transport: 'TCP' }],
  ] as const) {
    it(title, async () => {
      const address = '127.0.0.1'
      const port = await freePort(address)
      const uas = await Sipp.start({ scenario: 'uas', transport, address, port })
      const scheme = transport === 'TCP' ? ';transport=tcp' : ''
      const from = `${transport.toLowerCase()}:${address}:0`
      const uac = await startExample(
        'uac.mjs',
        `sip:sipp@${address}:${port}${scheme}`,
        from,
        `${calls}`,
        '400',
      )
      try {
        const said = await uac.says('failed')
        expect(await uac.ended, uac.complaint).toBe(0)
        expect(said).toBe(`${calls} calls, 0 failed`)
        const result = await uas.stop()
        report.add(title, result)
        // the caller closes its connection with the last response, while SIPp may not have counted that call yet
        expect(result.cutOff, result.errors).toBeLessThanOrEqual(transport === 'TCP' ? 1 : 0)
        expect(result, result.errors).toMatchObject({ calls, failed: result.cutOff })
      } finally {
        await uac.stop()
        await uas.stop()
      }
    })
  }
})

async function callUas(run: Calls): Promise<SippResult> {
  const { transport = 'UDP', address = '127.0.0.1', calls, lost, proxied = false } = run
  const uasPort = await freePort(address)
  const where = hostPort(address, uasPort)
  const uas = await startExample('uas.mjs', `udp:${where}`, `tcp:${where}`)
  try {
    await uas.says('listens on')
    const target = proxied ? await freePort(address) : uasPort
    const proxy = proxied ? await startProxy(address, target, `sip:${where}`) : undefined
    try {
      const port = await freePort(address)
      const options = { scenario: 'uac', transport, address, port, target, calls, rate: 400 } as const
      const uac = await Sipp.start({ ...options, ...(lost !== undefined && { lost }) })
      return await uac.finished()
    } finally {
      await proxy?.stop()
    }
  } finally {
    await uas.stop()
  }
}
