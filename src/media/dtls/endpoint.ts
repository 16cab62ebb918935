import type { Remote } from '../../util/address.ts'
import { UsageError } from '../../util/errors.ts'
import { ClientAssociation } from './client.ts'
import type { DtlsCounters } from './counters.ts'
import { checkFingerprints, type Fingerprint } from './fingerprint.ts'
import type { AssociationParts, DtlsOptions } from './options.ts'
import { ServerAssociation } from './server.ts'

const LEAST_MTU = 128
const MOST_MTU = 65_507

/** How far a handshake is; `unverified`: done, but signalling has not yet told the peer's fingerprint. */
export type DtlsState =
  | 'idle'
  | 'listening'
  | 'handshaking'
  | 'unverified'
  | 'established'
  | 'failed'
  | 'closed'

/**
 * One DTLS-SRTP association (RFC 5764) of either role: datagrams in, datagrams out, and keys once the peer has shown the
 * certificate that signalling named. It reads no clock and no socket of its own.
 */
export class DtlsEndpoint {
  readonly #association: ClientAssociation | ServerAssociation

  /** @throws UsageError where an option is out of its range, or no fingerprint can be checked */
  constructor(parts: AssociationParts) {
    checkOptions(parts.options)
    this.#association =
      parts.options.role === 'client' ? new ClientAssociation(parts) : new ServerAssociation(parts)
  }

  get state(): DtlsState {
    const { state } = this.#association
    return state === 'greeting' || state === 'proving' || state === 'greeted' ? 'handshaking' : state
  }

  get counters(): Readonly<DtlsCounters> {
    return this.#association.counters
  }

  /**
   * Sends the client's first flight; a server listens from the beginning, and this does nothing.
   * @param remote whom records in the clear are taken from, unless the path is proven
   */
  start(remote?: Remote): void {
    if (this.#association instanceof ClientAssociation) this.#association.start(remote)
  }

  /** A datagram whose first octet is 20 to 63 (RFC 7983 §7). Nothing in it makes this throw. */
  receive(datagram: Buffer, from: Remote): void {
    this.#association.receive(datagram, from)
  }

  /**
   * What signalling says now, before, during or after the handshake (RFC 5763 §6.2); one that does not fit the
   * certificate ends the association.
   * @throws UsageError where none of them can be checked
   */
  setRemoteFingerprints(fingerprints: readonly Fingerprint[]): void {
    checkFingerprints(fingerprints)
    this.#association.setRemoteFingerprints([...fingerprints])
  }

  /**
   * RFC 5705, without a context.
   * @throws UsageError before onKeys, and for a label that TLS itself uses
   */
  exportKeyingMaterial(label: string, length: number): Buffer {
    return this.#association.exportKeyingMaterial(label, length)
  }

  /** Tells the peer, forgets the keys; nothing is called afterwards. */
  close(): void {
    this.#association.close()
  }
}

function checkOptions({ fingerprints, mtu, roundTrip }: DtlsOptions): void {
  if (fingerprints !== undefined && fingerprints.length > 0) checkFingerprints(fingerprints)
  if (mtu !== undefined && !(Number.isSafeInteger(mtu) && mtu >= LEAST_MTU && mtu <= MOST_MTU)) {
    throw new UsageError(
      'ERR_DTLS_OPTION',
      `mtu: ${mtu} is no size of a datagram; ${LEAST_MTU} to ${MOST_MTU} octets`,
    )
  }
  if (roundTrip !== undefined && !(roundTrip >= 0 && Number.isFinite(roundTrip))) {
    throw new UsageError('ERR_DTLS_OPTION', `roundTrip: ${roundTrip} is no time in milliseconds`)
  }
}
