import { lookup } from 'node:dns/promises'
import { type AddressFamily, canonicalAddress, familyOf, unbracketed } from '../util/address.ts'
import { EnvironmentError } from '../util/errors.ts'
import { printable } from '../util/log.ts'
import { errorCode } from './failure.ts'

export interface HostAddress {
  /** Canonical. */
  readonly address: string
  readonly family: AddressFamily
}

/**
 * The addresses of a host by the system's own look-up (hosts file, DNS, whatever the host is set up for), in the
 * system's order and at least one. A numeric host, also in brackets, is its own answer. Rejects with an
 * EnvironmentError: ENOTFOUND where the name is not known, EAI_AGAIN where no server answered.
 */
export async function resolveHost(host: string, family?: AddressFamily): Promise<HostAddress[]> {
  const numeric = unbracketed(host)
  const own = familyOf(numeric)
  if (own !== undefined) {
    if (family !== undefined && family !== own) throw failure('ENOTFOUND', host, family)
    return [{ address: canonicalAddress(numeric) ?? numeric, family: own }]
  }
  // an empty name, or one cut short by a NUL, would be answered with something else than what was asked
  if (host === '' || host.length > MAX_NAME || host.includes('\0')) throw failure('ENOTFOUND', host, family)
  const found: HostAddress[] = []
  try {
    for (const { address } of await lookup(host, { all: true, verbatim: true, family: family ?? 0 })) {
      const kind = familyOf(address)
      if (kind !== undefined) found.push({ address: canonicalAddress(address) ?? address, family: kind })
    }
  } catch (error) {
    throw failure(errorCode(error), host, family, error)
  }
  if (found.length === 0) throw failure('ENOTFOUND', host, family)
  return found
}

/** RFC 1035 §2.3.4, with the final dot. */
const MAX_NAME = 254

function failure(code: string, host: string, family?: AddressFamily, cause?: unknown): EnvironmentError {
  const kind = family === undefined ? 'address' : `IPv${family} address`
  const advice =
    code === 'ENOTFOUND'
      ? 'check its spelling'
      : 'the name servers did not help; check the network and try later'
  return new EnvironmentError(code, `no ${kind} is known for '${printable(host)}': ${advice}`, { cause })
}
