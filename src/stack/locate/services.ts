import type { Protocol } from '../message/flow.ts'

/** One way in which DNS names a transport: by NAPTR service, by SRV name, by default port. */
export interface Service {
  readonly protocol: Protocol
  readonly isSecure: boolean
  /** Lower-case. */
  readonly naptr: string
  readonly srv: string
  readonly defaultPort: number
}

/** RFC 3263 §4.1 and §9, RFC 7118 §5.5. */
const table: Readonly<Record<Protocol, Service>> = {
  UDP: { protocol: 'UDP', isSecure: false, naptr: 'sip+d2u', srv: '_sip._udp', defaultPort: 5060 },
  TCP: { protocol: 'TCP', isSecure: false, naptr: 'sip+d2t', srv: '_sip._tcp', defaultPort: 5060 },
  TLS: { protocol: 'TLS', isSecure: true, naptr: 'sips+d2t', srv: '_sips._tcp', defaultPort: 5061 },
  WS: { protocol: 'WS', isSecure: false, naptr: 'sip+d2w', srv: '_sip._ws', defaultPort: 80 },
  WSS: { protocol: 'WSS', isSecure: true, naptr: 'sips+d2w', srv: '_sips._ws', defaultPort: 443 },
}

/** In the order in which their SRV records are tried where there is no NAPTR record. */
export const services: readonly Service[] = Object.values(table)

const byNaptr: ReadonlyMap<string, Service> = new Map(services.map(service => [service.naptr, service]))

export function serviceOf(protocol: Protocol): Service {
  return table[protocol]
}

/** The service that a NAPTR record's field names, without regard to case; `undefined` for any other. */
export function serviceOfNaptr(field: string): Service | undefined {
  return byNaptr.get(field.toLowerCase())
}

/** Transports as URIs and Vias name them. */
const byName: ReadonlyMap<string, Protocol> = new Map(
  services.map(({ protocol }) => [protocol.toLowerCase(), protocol]),
)

/** The protocol that a `transport` parameter, or a Via, names. */
export function protocolNamed(name: string): Protocol | undefined {
  return byName.get(name.toLowerCase())
}

/** The names there are, for texts. */
export const transportNames: string = [...byName.keys()].join(', ')
