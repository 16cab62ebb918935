import type { Child } from '../test/peers/child.ts'
import { freePort } from '../test/peers/ports.ts'
import { ensureSipp, Sipp } from '../test/peers/sipp.ts'
import { memoryOf, startMeasured } from './measured-program.ts'
import type { Measurement } from './measurement.ts'
import { startKamailio } from './peers/kamailio.ts'
import { type Load, loadAt, loadFigures, sippCalls, WARM_UP_CALLS } from './sipp-load.ts'

const RATES = [5000, 2000]
const address = '127.0.0.1'

/** `resip proxy` between two SIPps at fixed rates, and Kamailio in its place where it is installed. */
export async function statelessProxy(): Promise<Measurement[]> {
  ensureSipp()
  const uasPort = await freePort(address)
  const uas = await Sipp.start({ scenario: 'uas', address, port: uasPort })
  try {
    const port = await freePort(address)
    const args = ['proxy', '--listen', `udp:${address}:${port}`, '--next-hop', `sip:${address}:${uasPort}`]
    const proxy = await startMeasured('dist/apps/resip/main.js', args)
    let memory = 0
    const ours = await loads(proxy, port, async () => {
      memory = (await memoryOf(proxy)).rss
    })
    const kamailioPort = await freePort(address)
    const kamailio = await startKamailio(kamailioPort, uasPort)
    const theirs = kamailio && (await loads(kamailio, kamailioPort))
    const figures = RATES.flatMap((rate, at) => {
      const [load, peer] = [ours[at], theirs?.[at]]
      return load ? loadFigures('stateless-proxy', rate, load, peer && ['kamailio', peer]) : []
    })
    const megabytes = {
      bench: 'stateless-proxy',
      case: 'RSS after the load',
      value: memory / 1e6,
      unit: 'MB',
    }
    return [...figures, megabytes]
  } finally {
    await uas.stop()
  }
}

/** Warms a proxy up and measures it at each rate; stops it at the end. */
async function loads(proxy: Child, port: number, last?: () => Promise<void>): Promise<Load[]> {
  try {
    await sippCalls(port, RATES[0] ?? 1000, WARM_UP_CALLS)
    const measured: Load[] = []
    for (const rate of RATES) measured.push(await loadAt(rate, port, proxy.pid))
    await last?.()
    return measured
  } finally {
    await proxy.stop()
  }
}
