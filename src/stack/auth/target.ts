import { sameIgnoringCase } from '../grammar/chars.ts'
import { ParseError } from '../grammar/parse-error.ts'
import { type Uri, uri } from '../grammar/uri.ts'
import type { SipRequest } from '../message/message.ts'

/**
 * Whether a digest-uri stands for a request (RFC 3261 §22.4, item 6; RFC 8760 §2.6, item 6): it has the host of the
 * Request-URI or of the To, and that one's user or none. Port, parameters and `sips` for `sip` do not count, for proxies on
 * the way change them; the Request-URI as a whole does not where it was replaced by a Contact of the To's domain.
 */
export function isForTarget(digestUri: Uri, request: SipRequest): boolean {
  const target = request.requestUri
  if (!digestUri.isSip || !target.isSip) return digestUri.toString() === target.toString()
  return isFor(digestUri, target) || isFor(digestUri, request.to.uri)
}

function isFor(digestUri: Uri, asked: Uri): boolean {
  if (!asked.isSip || !sameIgnoringCase(digestUri.host, asked.host)) return false
  return digestUri.user === undefined || digestUri.user === asked.user
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
