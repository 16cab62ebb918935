import { AlternateServer } from '../../stun/attributes/address.ts'
import { AlternateDomain, type StunErrorCode } from '../../stun/attributes/general.ts'
import { addressText, type TransportAddress } from '../../stun/ip.ts'
import type { StunMessage } from '../../stun/message.ts'
import { EnvironmentError, PeerError } from '../../util/errors.ts'
import { printable } from '../../util/log.ts'

/** Why a request came to nothing. */
export type StunFailure = StunErrorResponse | PeerError | EnvironmentError

/** The server refused: an error response, `status` being its code (RFC 8489 §14.8). */
export class StunErrorResponse extends PeerError {
  readonly response: StunMessage
  /** The server's words, made safe to show. */
  readonly reason: string
  /** It bears a good signature of the server. */
  readonly authenticated: boolean

  constructor(
    error: StunErrorCode,
    response: StunMessage,
    server: TransportAddress,
    authenticated: boolean = false,
  ) {
    const reason = printable(error.reason)
    super(
      'ERR_STUN_RESPONSE',
      `STUN server ${addressText(server)} answered ${error.code} ${reason}`,
      error.code,
    )
    this.response = response
    this.reason = reason
    this.authenticated = authenticated
  }

  /** Where a 300 sends us, first our own family (RFC 8489 §10); empty otherwise. */
  get alternateServers(): TransportAddress[] {
    return this.status === 300 ? this.response.all(AlternateServer) : []
  }

  /** The name that the alternate server's certificate must bear; that of the first server without it. */
  get alternateDomain(): string | undefined {
    return this.response.get(AlternateDomain)
  }
}

/** @internal */
export function timedOut(server: TransportAddress, sent: number, after: number): EnvironmentError {
  return new EnvironmentError(
    'ERR_STUN_TIMEOUT',
    `STUN server ${addressText(server)} did not answer ${sent} request${sent === 1 ? '' : 's'} in ${after} ms: is it a STUN server, and may we reach it?`,
  )
}

/** @internal */
export function notSent(server: TransportAddress, cause: unknown): EnvironmentError {
  return new EnvironmentError('ERR_STUN_TRANSPORT', `no STUN request reaches ${addressText(server)}`, {
    cause,
  })
}

/** @internal `last`: the error code of the last response that was discarded */
export function notVouchedFor(server: TransportAddress, last: StunErrorCode | undefined): PeerError {
  const seen = last === undefined ? '' : `; the last was ${last.code} ${printable(last.reason)}`
  return new PeerError(
    'ERR_STUN_INTEGRITY',
    `responses from ${addressText(server)} fail the integrity check${seen}: a wrong password, a server that does not sign, or somebody between`,
    last?.code,
  )
}

/** @internal */
export function unusable(server: TransportAddress, what: string): PeerError {
  return new PeerError('ERR_STUN_UNUSABLE', `the response of STUN server ${addressText(server)} ${what}`)
}
