import type { Uri } from '../../stack/grammar/uri.ts'
import { transportParam } from '../../stack/grammar/uri-params.ts'
import { nextHopOf } from '../../stack/locate/next-hop.ts'
import type { Flow } from '../../stack/message/flow.ts'
import { attempt } from '../../stack/message/reader.ts'
import type { RequestTemplate } from '../../stack/message/template.ts'
import type { WayOptions } from '../../stack/transaction/request-options.ts'
import { canonicalAddress, familyOf, unbracketed } from '../../util/address.ts'

/**
 * How a request in a dialog is sent: over the flow that the peer was last heard on, where that stands for the next hop,
 * or where the next hop cannot be reached as it is written; else as RFC 3263 finds.
 */
export function wayOf(template: RequestTemplate, flow: Flow | undefined): WayOptions {
  if (flow === undefined) return {}
  const next = attempt(() => nextHopOf(template)).value
  if (next === undefined || !standsFor(flow, next)) return {}
  // a stream's own connection may be gone: then the address is found anew
  return { flow }
}

/** Whether a flow leads where a URI does: the same place, or one that only a flow can lead to. */
function standsFor(flow: Flow, next: Uri): boolean {
  const host = unbracketed(next.host)
  if (host.toLowerCase().endsWith('.invalid') || host === '0.0.0.0') return true
  if (familyOf(host) === undefined || flow.protocol !== 'UDP') return false
  const named = next.param(transportParam)?.toUpperCase() ?? 'UDP'
  return named === 'UDP' && (next.port ?? 5060) === flow.port && canonicalAddress(host) === flow.address
}
