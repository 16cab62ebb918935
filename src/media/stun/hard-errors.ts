import type { EnvironmentError } from '../../util/errors.ts'

/** Errors that tell of the way to a server; others are of one datagram, or pass (ENOBUFS, EAGAIN, EPERM). */
const HARD: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ENOPROTOOPT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENETDOWN',
  'EADDRNOTAVAIL',
  'EAFNOSUPPORT',
  'EACCES',
  'EINVAL',
])

/**
 * @internal Whether no answer will come, for nothing reaches the server: a hard ICMP error (RFC 8489 §6.2.1), or the system
 * has no way there.
 */
export function isHardError({ code }: EnvironmentError): boolean {
  return HARD.has(code)
}
