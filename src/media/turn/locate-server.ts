import type { NaptrRecord } from '../../net/resolver/resolver.ts'
import { familyOf, unbracketed } from '../../util/address.ts'
import { EnvironmentError, UsageError } from '../../util/errors.ts'
import { printable } from '../../util/log.ts'
import { defaultServerPort, serviceName } from '../stun/locate-server.ts'
import {
  allOf,
  ServerLookup,
  type ServerLookupOptions,
  type StunServerLocation,
} from '../stun/server-lookup.ts'
import { parseServerName, type ServerTransport, type StunServerName } from '../stun/server-name.ts'

export interface LocateTurnOptions extends ServerLookupOptions {
  /** What the client can do, what it likes best first. Default UDP, TCP, TLS. */
  readonly transports?: readonly ServerTransport[]
}

/** NAPTR records that lead to NAPTR records (RFC 3958). */
const MOST_STEPS = 4

/**
 * The addresses of a TURN server, with the transport of each, in the order in which they are tried (RFC 5928 §3): a number or
 * a port says all; a transport leaves SRV (`_turn._udp`, `_turn._tcp`, `_turns._tcp`); else NAPTR (`RELAY:turn.udp` …) comes
 * first. A and AAAA at the default port are last. Rejects with a UsageError where the name wants a transport that is not
 * among `transports`, and with an EnvironmentError where nothing is found.
 */
export async function locateTurnServer(
  server: string | StunServerName,
  options: LocateTurnOptions = {},
): Promise<StunServerLocation[]> {
  const { secure, port, transport, ...given } = typeof server === 'string' ? parseServerName(server) : server
  const host = unbracketed(given.host)
  const offered = (options.transports ?? DEFAULT_TRANSPORTS).filter(one => !secure || isSecure(one))
  const wanted = transport === undefined ? offered : offered.filter(one => one === transport)
  // what the name itself can say of TLS is `turns`; without it, only NAPTR leads there
  const named = wanted.filter(one => isSecure(one) === secure)
  if (wanted.length === 0) throw unsupported(host, transport ?? (secure ? 'tls' : 'udp'))
  const lookup = new ServerLookup(host, options)
  if (port !== undefined || familyOf(host) !== undefined) {
    if (named.length === 0) throw unsupported(host, 'udp')
    return allOf(named.map(one => lookup.addresses(host, port ?? defaultServerPort(one), one)))
  }
  if (transport === undefined) {
    const found = await byNaptr(lookup, host, wanted, MOST_STEPS)
    if (found !== undefined) {
      if (found.length > 0) return found
      throw new EnvironmentError(
        'ERR_STUN_SERVER',
        `'${printable(host)}' offers TURN, but not over ${wanted.join(', ')}: use another transport or server`,
      )
    }
  }
  if (named.length === 0) throw unsupported(host, 'udp')
  return allOf(named.map(one => byService(lookup, host, secure, one)))
}

const DEFAULT_TRANSPORTS: readonly ServerTransport[] = ['udp', 'tcp', 'tls']

/** Application protocol tags (RFC 5928 §5, RFC 7350). */
const TAGS: ReadonlyMap<string, ServerTransport> = new Map([
  ['turn.udp', 'udp'],
  ['turn.tcp', 'tcp'],
  ['turn.tls', 'tls'],
  ['turn.dtls', 'dtls'],
])

async function byService(
  lookup: ServerLookup,
  host: string,
  secure: boolean,
  transport: ServerTransport,
): Promise<StunServerLocation[]> {
  const found = await lookup.service(serviceName(secure ? 'turns' : 'turn', transport, host), transport)
  return found ?? lookup.addresses(host, defaultServerPort(transport), transport)
}

/** S-NAPTR (RFC 3958); undefined where the name has no records of TURN. */
async function byNaptr(
  lookup: ServerLookup,
  name: string,
  transports: readonly ServerTransport[],
  steps: number,
): Promise<StunServerLocation[] | undefined> {
  const records = (await lookup.naptr(name)).filter(isRelay)
  if (records.length === 0) return undefined
  const ways = records
    .toSorted((a, b) => a.order - b.order || a.preference - b.preference)
    .flatMap(record => waysOf(record, transports))
    .toSorted((a, b) => rank(a, transports) - rank(b, transports))
  return allOf(ways.map(way => follow(lookup, way, steps))).catch(() => [])
}

interface Way {
  readonly record: NaptrRecord
  readonly transport: ServerTransport
}

function isRelay({ service, regexp }: NaptrRecord): boolean {
  return regexp === '' && service.toLowerCase().split(':')[0] === 'relay'
}

function waysOf(record: NaptrRecord, transports: readonly ServerTransport[]): Way[] {
  const tags = record.service.toLowerCase().split(':').slice(1)
  return transports
    .filter(one => tags.some(tag => TAGS.get(tag) === one))
    .map(transport => ({ record, transport }))
}

/** The zone's ranking comes first, then what the client likes (RFC 5928 §3, step 4). */
function rank({ record, transport }: Way, transports: readonly ServerTransport[]): number {
  return (record.order * 0x1_0000 + record.preference) * 8 + transports.indexOf(transport)
}

async function follow(
  lookup: ServerLookup,
  { record: { flags, replacement }, transport }: Way,
  steps: number,
): Promise<readonly StunServerLocation[]> {
  const flag = flags.toLowerCase()
  if (flag === 's') return (await lookup.service(replacement, transport)) ?? []
  if (flag === 'a') return lookup.addresses(replacement, defaultServerPort(transport), transport)
  if (flag !== '' || steps === 0) return []
  return (await byNaptr(lookup, replacement, [transport], steps - 1)) ?? []
}

function isSecure(transport: ServerTransport): boolean {
  return transport === 'tls' || transport === 'dtls'
}

function unsupported(host: string, transport: ServerTransport): UsageError {
  return new UsageError(
    'ERR_STUN_SERVER',
    `the TURN server '${printable(host)}' is wanted over ${transport}, which is not among the transports: add it, or name it otherwise`,
  )
}
