import type { Socket } from 'node:net'
import { type Endpoint, environmentError } from './failure.ts'

/** Destroys a connecting socket with an EnvironmentError, ETIMEDOUT, where nothing moves for `milliseconds` before it is up. */
export function giveUpAfter(
  milliseconds: number,
  socket: Socket,
  up: 'connect' | 'secureConnect',
  endpoint: Endpoint,
): void {
  const onTimeout = (): void => {
    const cause = Object.assign(new Error(`no answer within ${milliseconds} ms`), { code: 'ETIMEDOUT' })
    socket.destroy(environmentError(cause, endpoint))
  }
  socket.setTimeout(milliseconds, onTimeout)
  socket.once(up, () => socket.setTimeout(0, onTimeout))
}
