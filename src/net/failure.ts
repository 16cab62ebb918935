import { type AddressFamily, familyOf, hostPort } from '../util/address.ts'
import { EnvironmentError, UsageError } from '../util/errors.ts'
import { printable } from '../util/log.ts'
import { tlsAdvice } from './tls-advice.ts'

/** What a failed call to the system was about. */
export interface Endpoint {
  /** `udp`, `tcp`, `tls`. */
  readonly protocol: string
  readonly address: string
  readonly port: number
}

const ADVICE: ReadonlyMap<string, string> = new Map([
  ['EADDRINUSE', 'is in use by another process; choose another port or stop it'],
  [
    'EACCES',
    'is forbidden to this process: ports below 1024 need a privilege, broadcast and firewalled hosts a rule',
  ],
  ['EADDRNOTAVAIL', "is not an address of this host; choose one of the host's own or a wildcard"],
  ['ECONNREFUSED', 'refused the connection; nothing listens there, or a firewall rejects it'],
  ['ECONNRESET', 'reset the connection'],
  ['EPIPE', 'has closed the connection already'],
  ['ETIMEDOUT', 'did not answer in time; it is down, or a firewall drops what is sent to it'],
  ['ENETUNREACH', 'cannot be reached: this host has no route to that network'],
  ['EHOSTUNREACH', 'cannot be reached: a router on the way says so'],
  ['EMSGSIZE', 'cannot be sent a datagram of this size; use a stream transport'],
  ['EINVAL', 'is not an address that this socket can use; its family must be that of the socket'],
  ['EAFNOSUPPORT', 'is of an address family that this host does not offer'],
  ...tlsAdvice,
  ['EMFILE', 'failed: too many files and sockets are open; raise the limit (ulimit -n)'],
])

/**
 * The system's error as one of ours: it names protocol, address and port and says what to do. `code` is the system's,
 * as in `EADDRINUSE`.
 */
export function environmentError(cause: unknown, endpoint: Endpoint): EnvironmentError {
  const code = errorCode(cause)
  const { address, port } = boundLocally(cause) ?? endpoint
  const where = `${endpoint.protocol} ${hostPort(address, port)}`
  const advice = outOfPorts(cause, code) ? OUT_OF_PORTS : ADVICE.get(code)
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new EnvironmentError(code, advice ? `${where} ${advice}` : `${where} failed: ${reason}`, { cause })
}

const OUT_OF_PORTS = 'cannot be reached: no local port is free towards it'

/** EADDRNOTAVAIL has another meaning where a connection is made from an address of the system's choice. */
function outOfPorts(cause: unknown, code: string): boolean {
  return (
    code === 'EADDRNOTAVAIL' && cause instanceof Error && 'syscall' in cause && cause.syscall === 'connect'
  )
}

/** The local address, where that is what a connection failed for. */
function boundLocally(cause: unknown): { address: string; port: number } | undefined {
  if (!(cause instanceof Error && 'syscall' in cause && cause.syscall === 'bind')) return undefined
  if (!('address' in cause && typeof cause.address === 'string')) return undefined
  return { address: cause.address, port: 'port' in cause && typeof cause.port === 'number' ? cause.port : 0 }
}

/** The `code` that Node puts on its errors, `ERR_SYSTEM` where there is none. */
export function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string'
    ? error.code
    : 'ERR_SYSTEM'
}

/** The family of a numeric address; a UsageError where it is not numeric or `port` is no port. */
export function checkedFamily(protocol: string, address: string, port: number): AddressFamily {
  const family = familyOf(address)
  if (family === undefined) {
    throw new UsageError(
      'ERR_ADDRESS',
      `${protocol}: '${printable(address)}' is not a numeric address; resolve names first, leave brackets out`,
    )
  }
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new UsageError('ERR_PORT', `${protocol}: ${port} is not a port; ports go from 0 to 65535`)
  }
  return family
}
