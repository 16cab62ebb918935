import { InvalidArgumentError } from 'commander'
import { ParseError, type Uri, uri } from 'resip/stack'

/** A URI on the command line; what is wrong with it goes into the one sentence that is printed. */
export function sipUri(value: string): Uri {
  try {
    return uri(value)
  } catch (error) {
    if (!(error instanceof ParseError)) throw error
    throw new InvalidArgumentError(`A SIP URI is needed: ${error.message.split('\n')[0]}.`)
  }
}

/** Whether a listen point is heard on this host alone, so that nobody else can have anything sent on. */
export function isOnLoopback(point: string): boolean {
  return /^[a-z]+:(127(\.\d{1,3}){3}|\[::1\]|lo)(:\d+)?$/i.test(point)
}
