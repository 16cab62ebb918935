import { hostPort } from '../../src/util/address.ts'
import { freePort } from '../peers/ports.ts'
import { Sipp, type SippOptions, type SippResult } from '../peers/sipp.ts'
import { startProxy } from './programs.ts'

/** How calls go from one SIPp through `resip proxy` to another. */
export interface ProxiedCalls {
  readonly client?: SippOptions['scenario']
  readonly server?: SippOptions['scenario']
  readonly address?: string
  /** Transport of the caller's side; UDP unless said. */
  readonly from?: 'UDP' | 'TCP'
  /** Transport of the callee's side; UDP unless said. */
  readonly to?: 'UDP' | 'TCP'
  readonly calls: number
  readonly rate?: number
  /** More of the proxy's options. */
  readonly flags?: readonly string[]
}

/** Makes calls from SIPp through `resip proxy` to SIPp; resolves with what both counted when all have ended. */
export async function callThroughProxy(
  way: ProxiedCalls,
): Promise<{ readonly client: SippResult; readonly server: SippResult }> {
  const { client = 'uac', server = 'uas', address = '127.0.0.1', from = 'UDP', to = 'UDP' } = way
  const { calls, rate = 400, flags = [] } = way
  const uasPort = await freePort(address)
  const uas = await Sipp.start({
    scenario: server,
    transport: to,
    address,
    port: uasPort,
  })
  try {
    const nextHop = `sip:${hostPort(address, uasPort)}${to === 'TCP' ? ';transport=tcp' : ''}`
    const target = await freePort(address)
    const proxy = await startProxy(address, target, nextHop, ...flags)
    try {
      const uac = await Sipp.start({
        scenario: client,
        transport: from,
        address,
        port: await freePort(address),
        target,
        calls,
        rate,
      })
      return { client: await uac.finished(), server: await uas.stop() }
    } finally {
      await proxy.stop()
    }
  } finally {
    await uas.stop()
  }
}
