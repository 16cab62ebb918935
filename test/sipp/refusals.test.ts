import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { freePort } from '../peers/ports.ts'
import { ensureSipp, Sipp } from '../peers/sipp.ts'
import { startProxy } from './programs.ts'
import { Report } from './report.ts'

const report = new Report('SIPp requests that the proxy refuses')
const address = '127.0.0.1'
const calls = 20

beforeAll(ensureSipp)
afterAll(() => report.print())

describe('RFC 3261 §16.3: the proxy refuses', () => {
  for (const [status, why] of [
    [400, 'a header that it cannot read, by its name'],
    [416, 'a URI scheme it does not know'],
    [420, 'a Proxy-Require it does not know'],
    [482, 'a request that loops'],
    [483, 'a request without forwards left'],
    [505, 'another version (§21.5.6)'],
  ] as const) {
    for (const transport of ['UDP', 'TCP'] as const) {
      it(`${why}: ${status}, ${transport}`, async () => {
        const target = await freePort(address)
        // the proxy's next hop is the proxy: what it does not refuse comes back to it
        const proxy = await startProxy(address, target, `sip:${address}:${target}`)
        try {
          const scenario = new URL(`./scenarios/wrong-${status}.xml`, import.meta.url)
          const port = await freePort(address)
          const options = { scenario, transport, address, port, target, calls, rate: 200 }
          const result = await (await Sipp.start(options)).finished()
          report.add(`${status}, ${transport}`, result)
          expect(result, result.errors).toMatchObject({ calls, successful: calls, failed: 0 })
        } finally {
          await proxy.stop()
        }
      })
    }
  }
})
