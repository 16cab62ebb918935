import { X509Certificate } from 'node:crypto'
import { connect, type DetailedPeerCertificate, type TLSSocket } from 'node:tls'
import { familyOf } from '../util/address.ts'
import { EnvironmentError } from '../util/errors.ts'
import { giveUpAfter } from './connect-timeout.ts'
import { checkedFamily, environmentError } from './failure.ts'
import type { TlsContexts } from './tls-contexts.ts'
import { certificateNames, identityError, proves, sipDomains } from './tls-identity.ts'

/** Whom to look at, and as who. */
export interface TlsInspectionOptions {
  /** Numeric, without brackets. */
  readonly address: string
  readonly port: number
  /** The name (or numeric address) that the certificate must bear, sent as SNI where it is a name. Default: `address`. */
  readonly serverName?: string
  /** Whom we trust and what we show; see `StackOptions.tls`. */
  readonly contexts: TlsContexts
  /** Milliseconds until the hand-shake must be done. Default 10,000. */
  readonly timeout?: number
}

/** One certificate. Its texts are as the peer wrote them, and not safe to print. */
export interface CertificateSummary {
  /** Attributes, one a line: `CN=sip.example.com`. */
  readonly subject: string
  readonly issuer: string
  /** The SIP domains and addresses that it proves (RFC 5922 §7.1). */
  readonly names: readonly string[]
  /** Milliseconds since 1970; NaN where it cannot be read. */
  readonly notBefore: number
  readonly notAfter: number
}

/** What a TLS server shows. */
export interface TlsInspection {
  /** `TLSv1.3`. */
  readonly version: string
  readonly cipher: string
  /** Its own certificate first, then those between it and its authority, as far as they are known. */
  readonly chain: readonly CertificateSummary[]
  /** Why a stack would not talk to it: the chain is not trusted, the name is another (RFC 5922 §7.3). Empty where it would. */
  readonly refusals: readonly EnvironmentError[]
}

const TIMEOUT = 10_000
/** More certificates than any chain in use has. */
const LONGEST_CHAIN = 10

/**
 * Shakes hands with a TLS server, looks at its certificates and leaves without having said anything: to tell why a server
 * is refused. Rejects with an EnvironmentError where there is no hand-shake.
 * @throws UsageError for an address that is not numeric or a port out of range
 */
export function inspectTls(options: TlsInspectionOptions): Promise<TlsInspection> {
  const { address, port, serverName = address, contexts, timeout = TIMEOUT } = options
  checkedFamily('tls', address, port)
  const context = contexts.client(serverName)
  return new Promise((resolve, reject) => {
    const socket = connect({
      host: address,
      port,
      ...(familyOf(serverName) === undefined && { servername: serverName }),
      secureContext: context.secureContext,
      ...(context.alpn.length > 0 && { ALPNProtocols: [...context.alpn] }),
      minVersion: 'TLSv1.2',
      // looked at, not talked to: nothing is sent, and whatever is wrong is told
      rejectUnauthorized: false,
      checkServerIdentity: () => undefined,
    })
    const endpoint = { protocol: 'tls', address, port }
    giveUpAfter(timeout, socket, 'secureConnect', endpoint)
    socket.once('secureConnect', () => {
      try {
        resolve(inspected(socket, endpoint, serverName, context))
      } catch (error) {
        reject(environmentError(error, endpoint))
      }
      socket.destroy()
    })
    socket.on('error', error =>
      reject(error instanceof EnvironmentError ? error : environmentError(error, endpoint)),
    )
    socket.once('close', () =>
      reject(new EnvironmentError('ECONNRESET', `tls ${address}:${port} closed during the hand-shake`)),
    )
  })
}

function inspected(
  socket: TLSSocket,
  endpoint: { readonly protocol: string; readonly address: string; readonly port: number },
  serverName: string,
  rules: { readonly unsafeWildcards: boolean },
): TlsInspection {
  const chain = chainOf(socket)
  const refusals: EnvironmentError[] = []
  const { authorizationError } = socket
  // Node's types call it an Error; it is the code alone, unless a check of ours failed
  if (authorizationError !== undefined && authorizationError !== null)
    refusals.push(environmentError(coded(String(authorizationError)), endpoint))
  const [leaf] = chain
  if (leaf !== undefined) {
    const names = certificateNames(leaf)
    if (!proves(names, serverName, rules)) refusals.push(identityError(names, serverName))
  }
  return {
    version: socket.getProtocol() ?? '',
    cipher: socket.getCipher().name,
    chain: chain.map(summary),
    refusals,
  }
}

function coded(code: string): Error {
  return Object.assign(new Error(code), { code })
}

/** A root is its own issuer: a circle. */
function chainOf(socket: TLSSocket): X509Certificate[] {
  const chain: X509Certificate[] = []
  const seen = new Set<DetailedPeerCertificate>()
  let next: DetailedPeerCertificate | undefined = socket.getPeerCertificate(true)
  // one that showed none is an empty object, whatever the types say
  while (next?.raw !== undefined && !seen.has(next) && chain.length < LONGEST_CHAIN) {
    seen.add(next)
    chain.push(new X509Certificate(next.raw))
    next = next.issuerCertificate
  }
  return chain
}

function summary(certificate: X509Certificate): CertificateSummary {
  const names = certificateNames(certificate)
  return {
    // an empty subject has none, whatever the types say
    subject: certificate.subject ?? '',
    issuer: certificate.issuer ?? '',
    names: [...sipDomains(names), ...names.addresses],
    notBefore: Date.parse(certificate.validFrom),
    notAfter: Date.parse(certificate.validTo),
  }
}
