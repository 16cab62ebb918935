import type { StunClient } from '../stun/client.ts'
import type { Exchange, StunRequest, StunRequestUser } from '../stun/exchange.ts'
import { notSent } from '../stun/failure.ts'

/**
 * @internal As `client.request`, from within a machine: what the request cannot be made of (a user name that is too
 * long) is told as its failure and not thrown, so that no state waits for an answer that never comes.
 */
export function ask(client: StunClient, request: StunRequest, user: StunRequestUser): Exchange | undefined {
  try {
    return client.request(request, user)
  } catch (error) {
    user.onFailure(notSent(client.server, error))
    return undefined
  }
}
