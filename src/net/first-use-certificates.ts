import { randomBytes, X509Certificate } from 'node:crypto'
import { mkdir, open, readFile, rename, stat, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { familyOf } from '../util/address.ts'
import { EnvironmentError, UsageError } from '../util/errors.ts'
import { printable } from '../util/log.ts'
import { type IssuedCertificate, issueCertificate } from './certificates.ts'
import { errorCode } from './failure.ts'
import type { TlsCertificate } from './tls-certificate.ts'

export interface FirstUseOptions {
  /** Where they are kept; made with mode 0700 where it is not there. */
  readonly directory: string
  /** A certificate for each: SIP domains, and numeric addresses for tests without names. */
  readonly domains: readonly string[]
  /** Days a certificate is good for. Default 90; the authority's is good for ten years. */
  readonly days?: number
  /** Tells the time, in milliseconds since 1970; the host's unless given. */
  readonly now?: () => number
}

/** Goes into `StackOptions.tls` as it is. */
export interface FirstUseCertificates {
  readonly certificates: readonly TlsCertificate[]
  /** The authority that signed them, as PEM; peers that trust it trust them. It is kept as `_ca.crt` too. */
  readonly ca: string
  /** When to ask again, in milliseconds since 1970, and give the answer to `SipStack.updateTls`. */
  readonly renewAt: number
}

/** No domain's file can have this name. */
const AUTHORITY = '_ca'
const DAY = 86_400_000
const AUTHORITY_DAYS = 3650
const LEAF_DAYS = 90
/** A clock that is a little behind shall find them valid. */
const CLOCK_SKEW = 3_600_000
/** Of the life of a certificate; what has less is made anew. */
const RENEWED_BEFORE = 1 / 3

const domainName = /^(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/i

/**
 * Certificates for who has none yet: an authority of our own and one certificate a domain, RSA, made on first use and kept
 * on disk (keys with mode 0600), made anew when a third of their life is left. Others trust them where they are told to
 * trust `ca`.
 * @throws UsageError for a domain that is none, or a directory or key that others may read or change; EnvironmentError
 * where the directory cannot be used
 */
export async function firstUseCertificates(options: FirstUseOptions): Promise<FirstUseCertificates> {
  const { directory, days = LEAF_DAYS, now = Date.now } = options
  for (const domain of options.domains) checkDomain(domain)
  await prepareDirectory(directory)
  const time = now()
  const authority = await kept(directory, AUTHORITY, time, undefined, () =>
    issueCertificate({
      name: 'resip first-use authority',
      isAuthority: true,
      notBefore: time - CLOCK_SKEW,
      notAfter: time + AUTHORITY_DAYS * DAY,
    }),
  )
  await publish(join(directory, `${AUTHORITY}.crt`), authority.certificate)
  const leaves = await Promise.all(
    options.domains.map(domain =>
      kept(directory, fileName(domain), time, authority, () =>
        issueCertificate({
          name: domain.length > MAX_COMMON_NAME ? 'resip' : domain,
          hosts: [domain],
          ...(familyOf(domain) === undefined && { uris: [`sip:${domain}`] }),
          notBefore: time - CLOCK_SKEW,
          notAfter: time + days * DAY,
          issuer: authority,
        }),
      ),
    ),
  )
  return {
    certificates: leaves,
    ca: authority.certificate,
    renewAt: Math.min(...[authority, ...leaves].map(renewalOf)),
  }
}

/** RFC 5280 appendix A.1, ub-common-name. */
const MAX_COMMON_NAME = 64

/** What is on disk, where it can be used still; else what is made now, which is then on disk. */
async function kept(
  directory: string,
  name: string,
  time: number,
  authority: IssuedCertificate | undefined,
  make: () => Promise<IssuedCertificate>,
): Promise<IssuedCertificate> {
  const path = join(directory, `${name}.pem`)
  const found = await readPair(path)
  if (found !== undefined && renewalOf(found) > time && isSignedBy(found, authority ?? found)) return found
  const made = await make()
  // key and certificate in one file, so that no crash leaves one that does not fit the other
  await writeWhole(path, made.key + made.certificate, 0o600)
  return made
}

async function readPair(path: string): Promise<IssuedCertificate | undefined> {
  let text: string
  try {
    await refuseOthers(path, 0o077)
    text = await readFile(path, 'latin1')
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined
    throw error instanceof UsageError ? error : diskError(path, error)
  }
  const [key] = /-----BEGIN PRIVATE KEY-----[^-]*-----END PRIVATE KEY-----\s*/.exec(text) ?? []
  const [certificate] = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----\s*/.exec(text) ?? []
  return key !== undefined && certificate !== undefined && isReadable(certificate)
    ? { key, certificate }
    : undefined
}

function isReadable(certificate: string): boolean {
  try {
    return new X509Certificate(certificate).validTo !== ''
  } catch {
    return false
  }
}

function isSignedBy({ certificate }: IssuedCertificate, issuer: IssuedCertificate): boolean {
  const authority = new X509Certificate(issuer.certificate)
  return new X509Certificate(certificate).verify(authority.publicKey)
}

function renewalOf({ certificate }: IssuedCertificate): number {
  const { validFrom, validTo } = new X509Certificate(certificate)
  const end = Date.parse(validTo)
  return end - (end - Date.parse(validFrom)) * RENEWED_BEFORE
}

async function prepareDirectory(directory: string): Promise<void> {
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 })
  } catch (error) {
    throw diskError(directory, error)
  }
  await refuseOthers(directory, 0o022)
}

/** Windows has no such modes. */
async function refuseOthers(path: string, bits: number): Promise<void> {
  const { mode } = await stat(path)
  if (process.platform === 'win32' || (mode & bits) === 0) return
  throw new UsageError(
    'ERR_TLS_FILE_MODE',
    `${printable(path, 1000)} may be ${bits === 0o022 ? 'changed' : 'read'} by others (mode ${(mode & 0o777).toString(8)}), and keys are kept there; ` +
      `chmod ${bits === 0o022 ? 'go-w' : '600'} it, and make new ones if somebody may have done so`,
  )
}

/** For others to read, without the key. */
async function publish(path: string, certificate: string): Promise<void> {
  const present = await readFile(path, 'latin1').catch(() => '')
  if (present !== certificate) await writeWhole(path, certificate, 0o644)
}

/** A file has the old content or the new one, never a part; its mode is right from the start. */
async function writeWhole(path: string, text: string, mode: number): Promise<void> {
  const temporary = `${path}.${randomBytes(6).toString('hex')}`
  try {
    const file = await open(temporary, 'wx', mode)
    try {
      await file.writeFile(text, 'latin1')
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(temporary, path)
  } catch (error) {
    await unlink(temporary).catch(() => {})
    throw diskError(path, error)
  }
}

function diskError(path: string, cause: unknown): EnvironmentError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new EnvironmentError(
    errorCode(cause),
    `certificates cannot be kept at ${printable(path, 1000)}: ${printable(reason, 1000)}`,
    { cause },
  )
}

/** A domain becomes a file's name: what is no domain would be any path. */
function checkDomain(domain: string): void {
  if (domainName.test(domain)) return
  if (familyOf(domain) !== undefined && !domain.includes('%')) return
  throw new UsageError(
    'ERR_TLS_DOMAIN',
    `"${printable(domain)}" is no domain that a certificate can be made for`,
  )
}

function fileName(domain: string): string {
  return domain.toLowerCase().replaceAll(':', '_')
}
