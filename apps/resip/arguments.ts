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
