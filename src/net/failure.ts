import { type AddressFamily, familyOf, hostPort } from '../util/address.ts'
import { EnvironmentError, UsageError } from '../util/errors.ts'
import { printable } from '../util/log.ts'

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
  ['EMFILE', 'failed: too many files and sockets are open; raise the limit (ulimit -n)'],
])

/**
 * The system's error as one of ours: it names protocol, address and port and says what to do. `code` is the system's,
 * as in `EADDRINUSE`.
 */
export function environmentError(cause: unknown, endpoint: Endpoint): EnvironmentError {
  const code = errorCode(cause)
  const where = `${endpoint.protocol} ${hostPort(endpoint.address, endpoint.port)}`
  const advice = ADVICE.get(code)
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new EnvironmentError(code, advice ? `${where} ${advice}` : `${where} failed: ${reason}`, { cause })
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
