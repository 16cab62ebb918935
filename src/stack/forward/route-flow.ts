import { hash64 } from '../../util/hash.ts'
import type { Uri } from '../grammar/uri.ts'
import type { Flow } from '../message/flow.ts'
import type { TransportLayer } from '../transport/layer.ts'
import type { Transport } from '../transport/transport.ts'
import type { FlowTokens } from './flow-token.ts'

/** The token that a Record-Route of `transport` gets for a flow of it (RFC 5626 §5.2). */
export function tokenOf(tokens: FlowTokens, transport: Transport, flow: Flow): string {
  return tokens.ofFlow(hash64(transport.key), flow)
}

/**
 * The flow that a Route of ours leads to: `forged` where its token was not signed by us, `gone` where the connection is
 * closed, another node's, or the transport is none of ours any more; `undefined` where the Route has no token.
 */
export function routeFlow(
  route: Uri,
  tokens: FlowTokens,
  transports: TransportLayer,
): Flow | 'forged' | 'gone' | undefined {
  const told = route.user === undefined ? undefined : tokens.flowOf(route.user)
  if (told === undefined || told === 'forged') return told
  const { place, address, port, connection } = told
  for (const { key, protocol } of transports.transports) {
    if (hash64(key) !== place) continue
    const flow: Flow = { protocol, transport: key, address, port, connection, serverName: undefined }
    return connection < 0 || transports.isGone(flow) ? 'gone' : flow
  }
  return 'gone'
}

/** Whether a request came by the flow: then it is one of its owner's own, "outgoing" (RFC 5626 §5.3). */
export function isFrom(source: Flow | undefined, { transport, address, port, connection }: Flow): boolean {
  return (
    source !== undefined &&
    source.transport === transport &&
    source.connection === connection &&
    (connection !== 0 || (source.address === address && source.port === port))
  )
}
