import { connectTcp, listenTcp } from '../../net/tcp.ts'
import type { Timers } from '../../util/timers.ts'
import { StreamTransport, type StreamTransportOptions } from './stream-transport.ts'

/** SIP over TCP. */
export function tcpTransport(options: StreamTransportOptions, timers: Timers): StreamTransport {
  return new StreamTransport(
    {
      protocol: 'TCP',
      listen: receiver => listenTcp(options, receiver),
      connect: ({ address, port }, from, receiver) =>
        connectTcp({ ...connecting(options), address, port, ...from }, receiver),
    },
    options,
    timers,
  )
}

/** What the connections that a transport makes have of its options. */
function connecting({ connectTimeout, maxBufferedBytes }: StreamTransportOptions) {
  return {
    ...(connectTimeout !== undefined && { connectTimeout }),
    ...(maxBufferedBytes !== undefined && { maxBufferedBytes }),
  }
}
