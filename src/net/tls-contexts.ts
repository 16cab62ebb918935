import { X509Certificate } from 'node:crypto'
import { appendFileSync } from 'node:fs'
import { createSecureContext, type TlsOptions as NodeTlsOptions, type SecureContext } from 'node:tls'
import { UsageError } from '../util/errors.ts'
import { guarded, prompt } from '../util/guard.ts'
import { printable } from '../util/log.ts'
import { type CertificateReading, readCertificate, type TlsCertificate } from './tls-certificate.ts'

export type { TlsCertificate }

/** What is told of one peer that we connect to. */
export interface PeerOptions {
  /** Authorities trusted for this peer, as PEM, instead of those trusted for all. */
  readonly ca?: string | readonly string[]
  /** What we show this peer instead of our first certificate. */
  readonly certificate?: TlsCertificate
  /** Offer `sip/2` by ALPN (RFC 7301). Default false: there are servers that refuse what they do not know. */
  readonly alpn?: boolean
  /** Let `*.example.com` in the certificate stand for `sip.example.com`, against RFC 5922 §7.2. Default false. */
  readonly unsafeWildcards?: boolean
}

/** Certificates and trust of both roles. */
export interface TlsOptions {
  /**
   * Ours, with their keys. A server shows those that bear the name asked for (SNI), the first of each kind of key, else
   * the first of all.
   */
  readonly certificates?: readonly TlsCertificate[]
  /** Trusted authorities as PEM, for both roles; those that Node trusts unless given. */
  readonly ca?: string | readonly string[]
  /**
   * Whether clients are asked for a certificate; with `require` one without a valid certificate is not let in. Default
   * `none`.
   */
  readonly clientCertificates?: 'none' | 'request' | 'require'
  /** Milliseconds a hand-shake with a client may take. Default 10,000. */
  readonly handshakeTimeout?: number
  /** Hand-shakes of a listener that may be under way; one connection more is closed unheard. Default 1,000. */
  readonly maxHandshakes?: number
  /**
   * A file to which the secrets of all sessions are written, for Wireshark, or a function that gets its lines: who has
   * them reads all that is said.
   */
  readonly keyLog?: string | ((line: Buffer) => void)
  /** Take `sip/2` where a client offers it by ALPN, and refuse one that offers others only. Default false. */
  readonly alpn?: boolean
  /** What differs for the peer of a name. The same object each time for the same peer, or contexts are made anew. */
  readonly peers?: (name: string) => PeerOptions | undefined
}

/** What a connection to one peer is made with. */
export interface ClientContext {
  readonly secureContext: SecureContext
  readonly alpn: readonly string[]
  readonly unsafeWildcards: boolean
  readonly keyLog: ((line: Buffer) => void) | undefined
}

/** What was made of the options; an update makes another. */
interface Loaded {
  readonly options: TlsOptions
  readonly certificates: readonly CertificateReading[]
  /** For servers, by the names that the certificates bear, made when first asked for. */
  readonly byName: Map<string, readonly CertificateReading[]>
  readonly serverContexts: Map<readonly CertificateReading[], SecureContext>
  readonly peers: WeakMap<PeerOptions, ClientContext>
  readonly keyLog: ((line: Buffer) => void) | undefined
  anyPeer: ClientContext | undefined
}

type ChooseContext = (error: Error | null, context?: SecureContext) => void

const HANDSHAKE_TIMEOUT = 10_000
const MAX_HANDSHAKES = 1000
/** What a timer of Node takes, in milliseconds. */
const LONGEST_TIMER = 2_147_483_647
const MIN_VERSION = 'TLSv1.2'
const SIP_ALPN = 'sip/2'

/** Secure contexts of both roles. `update` swaps them for new connections; those that are up keep theirs. */
export class TlsContexts {
  #loaded: Loaded
  #generation = 0

  /** @throws UsageError where a certificate or key cannot be used */
  constructor(options: TlsOptions = {}) {
    this.#loaded = load(options)
  }

  /**
   * Takes over new options; what is left out stays as it is. Where one cannot be used nothing is changed.
   * @throws UsageError
   */
  update(options: TlsOptions): void {
    const next = load({ ...this.#loaded.options, ...options })
    if (next.certificates.length === 0 && this.#loaded.certificates.length > 0) throw noCertificate()
    this.#loaded = next
    this.#generation++
  }

  /** Another number after each update. */
  get generation(): number {
    return this.#generation
  }

  get maxHandshakes(): number {
    return this.#loaded.options.maxHandshakes ?? MAX_HANDSHAKES
  }

  /** Whether we have a certificate to show. */
  get hasCertificate(): boolean {
    return this.#loaded.certificates.length > 0
  }

  /** What peers will say of our certificates at a time, in milliseconds since 1970; they are shown all the same. */
  warnings(now: number = Date.now()): readonly string[] {
    return this.#loaded.certificates.flatMap(({ subject, notBefore, notAfter }) => {
      if (now >= notBefore && now <= notAfter) return []
      const what = now > notAfter ? 'has expired; renew it' : 'is not valid yet; the clock here may be wrong'
      return [`our certificate of ${subject} ${what}, or peers will refuse it`]
    })
  }

  get keyLog(): ((line: Buffer) => void) | undefined {
    return this.#loaded.keyLog
  }

  /**
   * What a server of Node takes. `alpn` are the protocols to choose from instead of those of the options.
   * @throws UsageError where there is no certificate to show
   */
  serverOptions(alpn?: readonly string[]): NodeTlsOptions {
    const loaded = this.#loaded
    const { options, certificates, byName } = loaded
    const { clientCertificates = 'none', handshakeTimeout = HANDSHAKE_TIMEOUT } = options
    const [first] = certificates
    if (first === undefined) {
      throw noCertificate()
    }
    const protocols = alpn ?? (options.alpn ? [SIP_ALPN] : [])
    return {
      ...serverParts(options, byName.get(first.names[0] ?? '') ?? [first]),
      handshakeTimeout,
      requestCert: clientCertificates !== 'none',
      rejectUnauthorized: clientCertificates === 'require',
      // with one certificate there is nothing to choose, and a hand-shake is cheaper without the question
      ...(certificates.length > 1 && {
        SNICallback: (name: string, done: ChooseContext) => done(null, serverContext(loaded, name)),
      }),
      ...(protocols.length > 0 && { ALPNProtocols: [...protocols] }),
    }
  }

  /**
   * What a connection to the peer of a name is made with.
   * @throws UsageError for a certificate in `peers`, and where it answers a promise; what `peers` throws
   */
  client(name: string): ClientContext {
    const loaded = this.#loaded
    // what it rejects with is told by the UsageError already
    const peer = prompt(() => {}, 'tls.peers', loaded.options.peers?.(name))
    if (peer === undefined) {
      loaded.anyPeer ??= clientContext(loaded, {})
      return loaded.anyPeer
    }
    const known = loaded.peers.get(peer)
    if (known !== undefined) return known
    const made = clientContext(loaded, peer)
    loaded.peers.set(peer, made)
    return made
  }
}

function load(options: TlsOptions): Loaded {
  checkOptions(options)
  const certificates = (options.certificates ?? []).map(readCertificate)
  const byName = new Map<string, CertificateReading[]>()
  for (const reading of certificates) {
    for (const name of reading.names) {
      const same = byName.get(name)
      if (same === undefined) byName.set(name, [reading])
      // a hand-shake has room for one of each kind; OpenSSL would refuse the second key in the middle of it
      else if (!same.some(({ kind }) => kind === reading.kind)) same.push(reading)
    }
  }
  // a list that OpenSSL does not take is found now, not by the first peer
  if (options.ca !== undefined) checkTrust(options.ca)
  return {
    options,
    certificates,
    byName,
    serverContexts: new Map(),
    peers: new WeakMap(),
    keyLog: keyLogOf(options.keyLog),
    anyPeer: undefined,
  }
}

/** Node would say so in the middle of the first hand-shake, where nobody could be told. */
function checkOptions({ clientCertificates = 'none', peers, ...options }: TlsOptions): void {
  const { handshakeTimeout = HANDSHAKE_TIMEOUT, maxHandshakes = MAX_HANDSHAKES } = options
  if (!(Number.isInteger(handshakeTimeout) && handshakeTimeout > 0 && handshakeTimeout <= LONGEST_TIMER))
    throw wrongOption(
      'handshakeTimeout',
      handshakeTimeout,
      `milliseconds from 1 to ${LONGEST_TIMER} are needed`,
    )
  if (!(typeof maxHandshakes === 'number' && maxHandshakes >= 0))
    throw wrongOption('maxHandshakes', maxHandshakes, 'a number of 0 or more is needed')
  if (!['none', 'request', 'require'].includes(clientCertificates))
    throw wrongOption('clientCertificates', clientCertificates, 'none, request or require is needed')
  if (peers !== undefined && typeof peers !== 'function')
    throw wrongOption('peers', peers, 'a function is needed')
}

function wrongOption(name: string, value: unknown, needed: string): UsageError {
  return new UsageError('ERR_TLS_OPTION', `tls.${name} is ${printable(String(value), 100)}; ${needed}`)
}

/** OpenSSL passes over what it cannot read, and the peer would be refused for that later. */
function checkTrust(ca: string | readonly string[]): void {
  for (const text of typeof ca === 'string' ? [ca] : ca) {
    const blocks = text.match(/-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----[^-]*-----END [A-Z0-9 ]+-----/g)
    if (blocks === null) throw unreadableCa()
    for (const block of blocks) readAuthority(block)
  }
}

function readAuthority(block: string): void {
  try {
    new X509Certificate(block)
  } catch (cause) {
    throw unreadableCa(cause)
  }
}

function unreadableCa(cause?: unknown): UsageError {
  return new UsageError(
    'ERR_TLS_CA',
    'a trusted authority cannot be read; PEM is expected, which begins with -----BEGIN CERTIFICATE-----',
    { cause },
  )
}

function noCertificate(): UsageError {
  return new UsageError(
    'ERR_TLS_NO_CERTIFICATE',
    'a TLS listener has no certificate to show; give tls.certificates, or make them with firstUseCertificates()',
  )
}

function keyLogOf(keyLog: TlsOptions['keyLog']): ((line: Buffer) => void) | undefined {
  if (keyLog === undefined) return undefined
  // who has it reads all that is said
  const append = (line: Buffer): void => appendFileSync(String(keyLog), line, { mode: 0o600 })
  const write = typeof keyLog === 'string' ? append : keyLog
  // a log that cannot be written is no reason to end a connection
  return line => guarded(() => {}, undefined, write, line)
}

/** The context for a name that a client asked for; undefined for the first, which is that of who asks for none. */
function serverContext(
  { options, byName, serverContexts }: Loaded,
  asked: string,
): SecureContext | undefined {
  const name = asked.toLowerCase()
  const certificates = byName.get(name) ?? byName.get(`*${name.slice(name.indexOf('.'))}`)
  if (certificates === undefined) return undefined
  const known = serverContexts.get(certificates)
  if (known !== undefined) return known
  const context = createSecureContext(serverParts(options, certificates))
  serverContexts.set(certificates, context)
  return context
}

/** Several certificates of one name are of different kinds, RSA and EC; the client's hello says which it takes. */
function serverParts(options: TlsOptions, certificates: readonly CertificateReading[]) {
  return {
    ...trust(options.ca),
    cert: certificates.map(({ certificate }) => certificate),
    key: certificates.map(({ key }) => key),
    minVersion: MIN_VERSION,
  } as const
}

function clientContext({ options, certificates, keyLog }: Loaded, peer: PeerOptions): ClientContext {
  const own = peer.certificate ? readCertificate(peer.certificate) : certificates[0]
  return {
    secureContext: createSecureContext({
      ...trust(peer.ca ?? options.ca),
      ...(own && { cert: own.certificate, key: own.key }),
      minVersion: MIN_VERSION,
    }),
    alpn: peer.alpn ? [SIP_ALPN] : [],
    unsafeWildcards: peer.unsafeWildcards ?? false,
    keyLog,
  }
}

function trust(ca: string | readonly string[] | undefined): { ca?: string | string[] } {
  if (ca === undefined) return {}
  return { ca: typeof ca === 'string' ? ca : [...ca] }
}
