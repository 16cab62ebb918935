import { FlowManager, type MediaStream } from 'resip/media'

/** Two legs for each call, RTP from one going out on the other; run as a child so that its CPU time is its own. */
interface Setup {
  readonly calls: number
  /** Where the packets of each leg's peer go, in turn. */
  readonly sinks: readonly number[]
  /** With them the second leg of each call speaks SRTP: what its peer protects with, and what we do. */
  readonly keys?: readonly { readonly inbound: string; readonly outbound: string }[]
}

const manager = new FlowManager()

process.on('message', (setup: Setup) => {
  relay(setup).then(
    ports => process.send?.(ports),
    error => {
      console.error(error)
      process.exit(1)
    },
  )
})
process.on('disconnect', () => process.exit(0))

async function relay({ calls, sinks, keys }: Setup): Promise<number[]> {
  const ports: number[] = []
  for (let call = 0; call < calls; call++) {
    const [a, b] = [await opened(), await opened()]
    a.rtpFlow.setActiveDestination('127.0.0.1', sinks[(2 * call) % sinks.length] ?? 0)
    b.rtpFlow.setActiveDestination('127.0.0.1', sinks[(2 * call + 1) % sinks.length] ?? 0)
    const key = keys?.[call]
    if (key !== undefined) {
      b.createInboundSRTPSession('AES_CM_128_HMAC_SHA1_80', Buffer.from(key.inbound, 'base64'))
      b.createOutboundSRTPSession('AES_CM_128_HMAC_SHA1_80', Buffer.from(key.outbound, 'base64'))
    }
    a.rtpFlow.onReceive(packet => b.rtpFlow.send(packet))
    b.rtpFlow.onReceive(packet => a.rtpFlow.send(packet))
    ports.push(a.rtpFlow.localTuple?.port ?? 0, b.rtpFlow.localTuple?.port ?? 0)
  }
  return ports
}

function opened(): Promise<MediaStream> {
  return new Promise((resolve, reject) => {
    const stream = manager.createMediaStream(
      { onMediaStreamReady: () => resolve(stream), onMediaStreamError: (_, error) => reject(error) },
      { address: '127.0.0.1', port: 0 },
      { rtcpEnabled: false },
    )
  })
}
