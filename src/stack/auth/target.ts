import { sameIgnoringCase } from '../grammar/chars.ts'
import { ParseError } from '../grammar/parse-error.ts'
import { type Uri, uri } from '../grammar/uri.ts'
import type { SipRequest } from '../message/message.ts'

/**
 * Whether a digest-uri stands for a request (RFC 3261 §22.4, item 6; RFC 8760 §2.6, item 6): user and host of the
 * Request-URI, or host of the To, are its own. Port, parameters and `sips` for `sip` do not count, for proxies on the way
 * change them; nor does a user where the Request-URI was replaced by a Contact that the To's domain registered.
 */
export function isForTarget(digestUri: Uri, request: SipRequest): boolean {
  const target = request.requestUri
  if (!digestUri.isSip || !target.isSip) return digestUri.toString() === target.toString()
  if (sameIgnoringCase(digestUri.host, target.host) && digestUri.user === target.user) return true
  const asked = request.to.uri
  return asked.isSip && sameIgnoringCase(digestUri.host, asked.host) && digestUri.user === asked.user
}

/** The digest-uri of credentials, `undefined` where it is none. */
export function digestUriOf(text: string): Uri | undefined {
  try {
    return uri(text)
  } catch (error) {
    if (error instanceof ParseError) return undefined
    throw error
  }
}
