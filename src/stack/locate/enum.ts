import type { NaptrRecord } from '../../net/resolver/resolver.ts'
import { ParseError } from '../grammar/parse-error.ts'
import { type Uri, uri } from '../grammar/uri.ts'
import { substituted } from './substitution.ts'

/** How numbers are looked up (RFC 6116). */
export interface EnumOptions {
  /** The zone to ask, or several in the order to ask them; a private numbering plan has its own. Default `e164.arpa`. */
  readonly domain?: string | readonly string[]
  /** Whether the number of a sip URI with `user=phone` is looked up as well. Default false. */
  readonly userPhone?: boolean
}

/** A URI that a number leads to, and the record that said so. */
export interface NumberRule {
  readonly uri: Uri
  readonly record: NaptrRecord
}

/** URIs of one number that are followed. */
const MAX_URIS = 4
/** Records that are looked at; each costs a match, of up to 4 ms where the zone means ill. */
const MAX_RECORDS = 16

export const defaultEnumDomains: readonly string[] = ['e164.arpa']

/**
 * The number as it is looked up (RFC 6116 §3.1): a plus sign and digits, nothing between them. `undefined` for a local
 * number, which no zone has, and for what E.164 does not allow.
 */
export function e164Of(text: string | undefined): string | undefined {
  const plain = text?.replace(/[-.()]/g, '') ?? ''
  return /^\+[0-9]{2,15}$/.test(plain) ? plain : undefined
}

/** The domain of a number's records (RFC 6116 §3.2): its digits in reverse order, one a label. */
export function enumName(number: string, domain: string): string {
  return `${[...number.slice(1)].reverse().join('.')}.${domain.toLowerCase().replace(/^\.+|\.+$/g, '')}`
}

/**
 * The sip and sips URIs that a number's records make of it, in their order (RFC 6116 §3.4, RFC 3764). Records of other
 * services are passed over, and so are non-terminal ones (§5.2.1 lets a client), which may lead round in circles.
 * @param onMalformed told of each record that is for us and cannot be followed
 */
export function numberRules(
  records: readonly NaptrRecord[],
  number: string,
  onMalformed: () => void,
): readonly NumberRule[] {
  const ours = records.filter(isSip).slice(0, MAX_RECORDS)
  ours.sort((a, b) => a.order - b.order || a.preference - b.preference)
  const rules: NumberRule[] = []
  for (const record of ours) {
    const found = sipUriOf(substituted(record.regexp, number))
    if (found === undefined) onMalformed()
    else if (rules.push({ uri: found, record }) === MAX_URIS) break
  }
  return rules
}

/** Terminal, of the application E2U, with `sip` among its services (RFC 3764); no private one (RFC 6116 §3.4.3.1). */
function isSip({ flags, service }: NaptrRecord): boolean {
  if (flags.toLowerCase() !== 'u') return false
  const [application, ...enumServices] = service.toLowerCase().split('+')
  const types = enumServices.map(enumService => enumService.split(':', 1)[0] ?? '')
  return application === 'e2u' && types.includes('sip') && !types.some(type => type.startsWith('p-'))
}

function sipUriOf(text: string | undefined): Uri | undefined {
  if (text === undefined) return undefined
  try {
    const found = uri(text)
    return found.isSip ? found : undefined
  } catch (error) {
    if (error instanceof ParseError) return undefined
    throw error
  }
}
