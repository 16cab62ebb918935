import type { X509Certificate } from 'node:crypto'
import { domainToASCII } from 'node:url'
import { canonicalAddress, familyOf, unbracketed } from '../util/address.ts'
import { EnvironmentError } from '../util/errors.ts'
import { printable } from '../util/log.ts'

/** What a certificate says of its subject. */
export interface CertificateNames {
  /** Values of the subjectAltName extension by type; all empty where there is no such extension, or nothing known in it. */
  readonly uris: readonly string[]
  readonly dns: readonly string[]
  /** Canonical. */
  readonly addresses: readonly string[]
  readonly hasAltNames: boolean
  readonly commonNames: readonly string[]
}

export interface IdentityRules {
  /** `*.example.com` stands for any one label before it (RFC 6125 §6.4.3), which RFC 5922 §7.2 forbids. */
  readonly unsafeWildcards?: boolean
}

const dnsName =
  /^(?=.{1,253}$)(?:\*\.)?[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?)*$/i
/** A SIP URI of a domain: no userinfo, and what may follow the host does not count (RFC 5922 §7.2). */
const domainUri = /^sip:(\[[0-9a-f:.]+\]|[^@:;?[\]]+)(?::\d{1,5})?(?:[;?][^@]*)?$/i

export function certificateNames({
  subjectAltName,
  subject,
}: Pick<X509Certificate, 'subjectAltName' | 'subject'>): CertificateNames {
  const uris: string[] = []
  const dns: string[] = []
  const addresses: string[] = []
  for (const [type, value] of altNames(subjectAltName ?? '')) {
    if (type === 'URI') uris.push(value)
    else if (type === 'DNS') dns.push(value)
    else if (type === 'IP Address') addresses.push(canonicalAddress(value) ?? value)
  }
  // an empty subject has none, whatever the types say
  const lines = (subject ?? '').split('\n')
  const commonNames = lines.filter(line => line.startsWith('CN=')).map(line => line.slice(3))
  return { uris, dns, addresses, hasAltNames: subjectAltName !== undefined, commonNames }
}

/**
 * The SIP domains that a certificate proves, in small letters: those of its sip URIs; where it has none its DNS names; its
 * common name only where it has no subjectAltName at all (RFC 5922 §7.1).
 */
export function sipDomains({ uris, dns, hasAltNames, commonNames }: CertificateNames): readonly string[] {
  const fromUris = uris.flatMap(uri => {
    const host = unbracketed(domainUri.exec(uri)?.[1] ?? '')
    return isHost(host) ? [plainName(host)] : []
  })
  if (fromUris.length > 0) return fromUris
  return (hasAltNames ? dns : commonNames).filter(name => dnsName.test(name)).map(plainName)
}

/**
 * Whether a certificate proves a domain, which is compared as a whole (RFC 5922 §7.2). A numeric address is proved by an
 * iPAddress, or by a sip URI of it.
 */
export function proves(names: CertificateNames, domain: string, rules: IdentityRules = {}): boolean {
  const wanted = plainName(unbracketed(domain))
  if (wanted === '') return false
  if (familyOf(wanted) !== undefined && names.addresses.includes(wanted)) return true
  const domains = sipDomains(names)
  if (domains.includes(wanted)) return true
  if (!rules.unsafeWildcards) return false
  const parent = wanted.slice(wanted.indexOf('.') + 1)
  return parent.includes('.') && familyOf(wanted) === undefined && domains.includes(`*.${parent}`)
}

/** Says of a certificate that it is not that of a domain, and which names it bears. */
export function identityError(names: CertificateNames, domain: string): EnvironmentError {
  const borne = [...sipDomains(names), ...names.addresses]
  const shown =
    borne.slice(0, SHOWN).join(', ') + (borne.length > SHOWN ? ` and ${borne.length - SHOWN} more` : '')
  const wildcard = borne.some(name => name.startsWith('*.'))
  return new EnvironmentError(
    'ERR_TLS_IDENTITY',
    `the certificate does not prove ${printable(domain)}: it is for ${borne.length > 0 ? printable(shown, 1000) : 'no SIP domain'}; ` +
      (wildcard
        ? 'SIP knows no wildcards (RFC 5922 §7.2), have the name itself put in, or set unsafeWildcards for this peer'
        : 'have a certificate issued that has the domain as a sip URI or DNS name in its subjectAltName'),
  )
}

const SHOWN = 10

/** Values of a subjectAltName as Node writes them: one that holds a comma or a quote is a JSON string. */
function altNames(text: string): (readonly [type: string, value: string])[] {
  const names: (readonly [string, string])[] = []
  for (const part of text.match(/[^,"]*(?:"(?:[^"\\]|\\.)*"[^,"]*)*/g) ?? []) {
    const entry = part.trim()
    const colon = entry.indexOf(':')
    if (colon > 0) names.push([entry.slice(0, colon), unquoted(entry.slice(colon + 1))])
  }
  return names
}

function unquoted(value: string): string {
  if (!value.startsWith('"')) return value
  try {
    const text: unknown = JSON.parse(value)
    return typeof text === 'string' ? text : ''
  } catch {
    return ''
  }
}

function isHost(host: string): boolean {
  return familyOf(host) !== undefined || dnsName.test(host)
}

/** A name in the one form that equal names share: small ASCII letters (RFC 5280 §7.2), no dot at the end. */
function plainName(name: string): string {
  const address = canonicalAddress(name)
  if (address !== undefined) return address
  const trimmed = name.endsWith('.') ? name.slice(0, -1) : name
  return /^[\x20-\x7e]*$/.test(trimmed) ? trimmed.toLowerCase() : domainToASCII(trimmed)
}
