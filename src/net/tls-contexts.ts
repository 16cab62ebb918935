import { createSecureContext, type TlsOptions as NodeTlsOptions, type SecureContext } from 'node:tls'
import { UsageError } from '../util/errors.ts'
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
  /** Ours, with their keys. A server shows the one that bears the name asked for (SNI), else the first. */
  readonly certificates?: readonly TlsCertificate[]
  /** Trusted authorities as PEM, for both roles; those that Node trusts unless given. */
  readonly ca?: string | readonly string[]
  /**
   * Whether clients are asked for a certificate; with `require` one without a valid certificate is not let in. Default
   * `none`.
   */
  readonly clientCertificates?: 'none' | 'request' | 'require'
  /** Milliseconds a hand-shake may take. Default 10,000. */
  readonly handshakeTimeout?: number
  /** Hand-shakes of a listener that may be under way; one connection more is closed unheard. Default 1,000. */
  readonly maxHandshakes?: number
  /** A file to which the secrets of all sessions are written, for Wireshark, or a function that gets its lines. */
  readonly keyLog?: string | ((line: Buffer) => void)
  /** Take `sip/2` where a client offers it by ALPN. Default false. */
  readonly alpn?: boolean
  /** What differs for the peer of a name. The same object each time for the same peer, or contexts are made anew. */
  readonly peers?: (name: string) => PeerOptions | undefined
}

/** What a connection to one peer is made with. */
export interface ClientContext {
  readonly secureContext: SecureContext
  readonly alpn: readonly string[]
  readonly unsafeWildcards: boolean
  readonly handshakeTimeout: number
  readonly keyLog: ((line: Buffer) => void) | undefined
}

const HANDSHAKE_TIMEOUT = 10_000
const MAX_HANDSHAKES = 1000
const MIN_VERSION = 'TLSv1.2'
const SIP_ALPN = 'sip/2'

/** Secure contexts of both roles. `update` swaps them for new connections; those that are up keep theirs. */
export class TlsContexts {
  /** Changes with each update. */
  generation: number = 0
  #options: TlsOptions
  #certificates: readonly CertificateReading[]

  /** @throws UsageError where a certificate or key cannot be used */
  constructor(options: TlsOptions = {}) {
    this.#options = options
    this.#certificates = (options.certificates ?? []).map(readCertificate)
  }

  /**
   * Takes over new options; what is left out stays as it is. Where one cannot be used nothing is changed.
   * @throws UsageError
   */
  update(options: TlsOptions): void {
    const next = { ...this.#options, ...options }
    this.#certificates = (next.certificates ?? []).map(readCertificate)
    this.#options = next
    this.generation++
  }

  get maxHandshakes(): number {
    return this.#options.maxHandshakes ?? MAX_HANDSHAKES
  }

  get keyLog(): ((line: Buffer) => void) | undefined {
    const { keyLog } = this.#options
    return typeof keyLog === 'function' ? keyLog : undefined
  }

  /** @throws UsageError where there is no certificate to show */
  serverOptions(alpn?: readonly string[]): NodeTlsOptions {
    const { clientCertificates = 'none', handshakeTimeout = HANDSHAKE_TIMEOUT } = this.#options
    const [first] = this.#certificates
    if (first === undefined) {
      throw new UsageError(
        'ERR_TLS_NO_CERTIFICATE',
        'a TLS listener has no certificate to show; give tls.certificates, or make them with firstUseCertificates()',
      )
    }
    const protocols = alpn ?? (this.#options.alpn ? [SIP_ALPN] : [])
    return {
      ...this.#trust(),
      cert: first.certificate,
      key: first.key,
      minVersion: MIN_VERSION,
      handshakeTimeout,
      requestCert: clientCertificates !== 'none',
      rejectUnauthorized: clientCertificates === 'require',
      ...(protocols.length > 0 && { ALPNProtocols: [...protocols] }),
    }
  }

  client(name: string): ClientContext {
    const peer = this.#options.peers?.(name)
    const own = peer?.certificate ? readCertificate(peer.certificate) : this.#certificates[0]
    return {
      secureContext: createSecureContext({
        ...this.#trust(peer?.ca),
        ...(own && { cert: own.certificate, key: own.key }),
        minVersion: MIN_VERSION,
      }),
      alpn: peer?.alpn ? [SIP_ALPN] : [],
      unsafeWildcards: peer?.unsafeWildcards ?? false,
      handshakeTimeout: this.#options.handshakeTimeout ?? HANDSHAKE_TIMEOUT,
      keyLog: this.keyLog,
    }
  }

  #trust(ca: string | readonly string[] | undefined = this.#options.ca): { ca?: string | string[] } {
    if (ca === undefined) return {}
    return { ca: typeof ca === 'string' ? ca : [...ca] }
  }
}
