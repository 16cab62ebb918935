import type { Measurement } from './measurement.ts'
import { startRtpEngine } from './peers/rtpengine.ts'
import { startFlows } from './relay/flows.ts'
import { CALLS, type RelayLoad, relayLoad } from './relay/load.ts'

/** RTP of 300 calls through two flows each, and then through rtpengine in user space. */
export async function rtpRelay(): Promise<Measurement[]> {
  const ours = await relayLoad(startFlows)
  let theirs: RelayLoad | undefined
  let missing = ''
  try {
    theirs = await relayLoad(startRtpEngine)
  } catch (error) {
    missing = `; no figure of rtpengine: ${error instanceof Error ? error.message : error}`
  }
  const figure = (
    name: string,
    unit: string,
    of: (load: RelayLoad) => number,
    note?: string,
  ): Measurement => ({
    bench: 'rtp-relay',
    case: `${CALLS} two-way G.711 calls: ${name}`,
    value: of(ours),
    unit,
    ...(theirs && { peers: { 'rtpengine in user space': of(theirs) } }),
    ...(note && { note }),
  })
  return [
    figure(
      'packets relayed',
      'packets/CPU s',
      load => Math.round(load.packetsPerCpuSecond),
      `required: 55,000${missing}`,
    ),
    figure('loss', 'packets', load => load.lost, `of ${ours.sent}`),
    figure(
      'delay, median',
      'ms',
      load => load.medianDelay,
      'from send call to receive callback, the sender included',
    ),
    figure('delay, p99', 'ms', load => load.p99Delay),
  ]
}
