import { EnvironmentError } from '../../util/errors.ts'
import type { Flow } from '../message/flow.ts'
import type { SendFailure } from './transport.ts'

/** Codes of what is our own doing, or a single connection's: it says nothing of whoever is at the other end. */
const OWN = 'ERR_SIP_'

/** Why nothing was sent, as an error. */
export function sendError(sent: SendFailure, flow: Flow): EnvironmentError {
  const where = `${flow.protocol.toLowerCase()} ${flow.address}:${flow.port}`
  switch (sent) {
    case 'gone':
      return new EnvironmentError('ERR_SIP_FLOW', `the connection to ${where} is gone`)
    case 'too large':
      return new EnvironmentError(
        'ERR_SIP_TOO_LARGE',
        `no datagram to ${where} carries the message; add a TCP transport`,
      )
    case 'full':
      return new EnvironmentError('ERR_SIP_FULL', `nothing more can be queued for ${where}`)
    case 'closed':
      return new EnvironmentError('ERR_SIP_CLOSED', `the transport to ${where} is closed`)
  }
}

/** Whether a message was not sent, or a connection not made, for a reason that is not the peer's. */
export function isOwnFailure(cause: unknown): boolean {
  return cause instanceof EnvironmentError && cause.code.startsWith(OWN)
}
