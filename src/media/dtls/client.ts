import type { Remote } from '../../util/address.ts'
import { feed } from '../../util/machine.ts'
import { DtlsError } from './alert.ts'
import { Association } from './association.ts'
import { type ClientInput, type ClientState, dtlsClientMachine } from './client-machine.ts'
import { encodeCertificate } from './handshake/certificate.ts'
import { readCertificateRequest } from './handshake/certificate-request.ts'
import { encodeCertificateVerify } from './handshake/certificate-verify.ts'
import { type ClientHello, encodeClientHello } from './handshake/client-hello.ts'
import { encodeClientKeyExchange } from './handshake/client-key-exchange.ts'
import { readHelloVerifyRequest } from './handshake/hello-verify-request.ts'
import { type HandshakeFragment, type HandshakeMessage, HandshakeType } from './handshake/message.ts'
import { readServerHello } from './handshake/server-hello.ts'
import { readServerKeyExchange } from './handshake/server-key-exchange.ts'
import type { AssociationParts } from './options.ts'
import { schemeFor } from './peer.ts'
import { DTLS_1_2, type DtlsRecord } from './record.ts'
import type { DtlsEvent } from './steps.ts'
import { cipherSuites, type Group, groups, signatureSchemes } from './suites.ts'

const RANDOM_LENGTH = 32
/** Requests for a cookie that are followed; a server asks once, twice where its secret changed meanwhile. */
const MOST_HELLO_VERIFIES = 4

/** What the server sends next (RFC 5246 §7.3). */
type Awaited = 'hello' | 'certificate' | 'key' | 'request' | 'done' | 'finished' | 'nothing'

/** The client's side of a handshake. */
export class ClientAssociation extends Association {
  /** @internal */
  state: ClientState = 'idle'
  readonly #hello: ClientHello
  #cookie: Buffer = Buffer.alloc(0)
  #helloVerifies = 0
  #awaited: Awaited = 'hello'
  #serverKey: { readonly group: Group; readonly point: Buffer } | undefined
  #requested: readonly number[] | undefined

  constructor(parts: AssociationParts) {
    super(parts, 'client')
    this.#hello = {
      version: DTLS_1_2,
      random: parts.options.random.fill(Buffer.alloc(RANDOM_LENGTH)),
      sessionId: Buffer.alloc(0),
      cookie: Buffer.alloc(0),
      cipherSuites: cipherSuites.map(({ code }) => code),
      compressionMethods: Buffer.of(0),
      extensions: {
        renegotiationInfo: true,
        extendedMasterSecret: true,
        groups: groups.map(({ code }) => code),
        pointFormats: true,
        signatureSchemes: signatureSchemes.map(({ code }) => code),
        useSrtp: { profiles: parts.profiles.map(({ code }) => code), mki: Buffer.alloc(0) },
      },
    }
  }

  start(remote: Remote | undefined): void {
    if (this.state !== 'idle') return
    this.sender.remote = remote
    this.#greet(0)
    this.input('start', {})
  }

  protected get ended(): boolean {
    return this.state === 'failed' || this.state === 'closed'
  }

  protected get finished(): boolean {
    return this.state === 'unverified' || this.state === 'established'
  }

  protected input(input: ClientInput, event: DtlsEvent): void {
    feed(dtlsClientMachine, this, input, event)
  }

  protected claims(
    { type, sequence, offset, length, data }: HandshakeFragment,
    record: DtlsRecord,
    from: Remote,
  ): boolean {
    // nothing was asked yet, so nobody can answer
    if (this.state === 'idle') return true
    if (type === HandshakeType.helloRequest) {
      // in the clear it may be anybody's
      if (record.epoch === 1) this.input('renegotiation', {})
      return true
    }
    if (type !== HandshakeType.helloVerifyRequest) return false
    if (record.epoch !== 0 || offset > 0 || data.length !== length || this.isStranger(from)) return true
    this.judge(() => this.#takeHelloVerify(sequence, data))
    return true
  }

  protected onRepeated({ type }: HandshakeFragment): void {
    if (type !== HandshakeType.finished) this.input('repeated flight', {})
  }

  protected onMessage(message: HandshakeMessage): void {
    if (message.type === HandshakeType.finished && this.#awaited === 'finished') {
      this.#awaited = 'nothing'
      this.takeFinished(message)
      this.endHandshake()
      return
    }
    this.secrets.add(message)
    if (!this.#take(message)) {
      throw new DtlsError(`DTLS: the server sent message ${message.type} out of turn`, 'unexpected_message')
    }
  }

  /** False where the message is not what comes next. */
  #take({ type, body }: HandshakeMessage): boolean {
    const awaited = this.#awaited
    if (awaited === 'hello' && type === HandshakeType.serverHello) this.#takeHello(body)
    else if (awaited === 'certificate' && type === HandshakeType.certificate)
      this.#takeServerCertificate(body)
    else if (awaited === 'key' && type === HandshakeType.serverKeyExchange) this.#takeKey(body)
    else if (awaited === 'request' && type === HandshakeType.certificateRequest) this.#takeRequest(body)
    else if ((awaited === 'request' || awaited === 'done') && type === HandshakeType.serverHelloDone)
      this.#prove(body)
    else return false
    return true
  }

  #greet(sequence: number): void {
    const hello = { ...this.#hello, cookie: this.#cookie }
    const message = { type: HandshakeType.clientHello, sequence, body: encodeClientHello(hello) }
    this.beginHandshake(sequence + 1, sequence, message)
    this.sender.flight = [message]
  }

  /** The hello again, with the cookie; neither the first nor the request belongs to the transcript (RFC 6347 §4.2.1). */
  #takeHelloVerify(sequence: number, body: Buffer): void {
    const cookie = readHelloVerifyRequest(body)
    const known = this.#helloVerifies > 0 && this.parts.crypto.equal(cookie, this.#cookie)
    if (this.state !== 'greeting' || this.#awaited !== 'hello' || known) return
    if (this.#helloVerifies >= MOST_HELLO_VERIFIES || sequence >= MOST_HELLO_VERIFIES) return
    this.#helloVerifies++
    this.#cookie = cookie
    this.moveOn()
    this.#greet(sequence + 1)
    this.input('hello verify', {})
  }

  #takeHello(body: Buffer): void {
    const { version, random, cipherSuite, extensions } = readServerHello(body)
    if (version !== DTLS_1_2) {
      throw new DtlsError(
        `DTLS: the server speaks version 0x${version.toString(16)}, not DTLS 1.2`,
        'protocol_version',
      )
    }
    const suite = cipherSuites.find(({ code }) => code === cipherSuite)
    if (suite === undefined) {
      throw new DtlsError(
        `DTLS: the server chose cipher suite 0x${cipherSuite.toString(16)}, which was not offered`,
        'illegal_parameter',
      )
    }
    const { useSrtp, extendedMasterSecret: extended } = extensions
    if (useSrtp === undefined)
      throw new DtlsError('DTLS: the server has no SRTP profile of ours', 'handshake_failure')
    const profile = this.parts.profiles.find(({ code }) => useSrtp.profiles[0] === code)
    if (profile === undefined || useSrtp.profiles.length !== 1 || useSrtp.mki.length > 0) {
      throw new DtlsError('DTLS: the server chose what use_srtp did not offer', 'illegal_parameter')
    }
    const randoms = { client: this.#hello.random, server: Buffer.from(random) }
    this.secrets.agreed = { suite, profile, randoms, extended }
    this.#awaited = 'certificate'
  }

  #takeServerCertificate(body: Buffer): void {
    const { type } = this.peer.take(body)
    if (type !== this.secrets.agreed?.suite.authentication) {
      throw new DtlsError("DTLS: the server's certificate is not of its cipher suite", 'illegal_parameter')
    }
    this.#awaited = 'key'
  }

  #takeKey(body: Buffer): void {
    const { group: code, point, parameters, scheme, signature } = readServerKeyExchange(body)
    const group = groups.find(known => known.code === code)
    if (group === undefined || this.secrets.agreed === undefined) {
      throw new DtlsError(`DTLS: the server chose group ${code}, which was not offered`, 'illegal_parameter')
    }
    const { client, server } = this.secrets.agreed.randoms
    this.peer.check(scheme, Buffer.concat([client, server, parameters]), signature)
    this.#serverKey = { group, point }
    this.#awaited = 'request'
  }

  #takeRequest(body: Buffer): void {
    this.#requested = readCertificateRequest(body)
    this.#awaited = 'done'
  }

  /** Flight 5, with our certificate where it was asked for, as a server of DTLS-SRTP does (RFC 5763 §5). */
  #prove(body: Buffer): void {
    if (body.length > 0) throw new DtlsError('DTLS: ServerHelloDone says something', 'decode_error')
    if (this.#serverKey === undefined) return
    const { crypto, identity } = this.parts
    const { group, point } = this.#serverKey
    const share = crypto.keyShare(group)
    const premaster = share.agree(point)
    const scheme = this.#requested && schemeFor(this.parts.identity.key.type, this.#requested)
    const flight: HandshakeMessage[] = []
    if (scheme) flight.push(this.write(HandshakeType.certificate, encodeCertificate(identity.certificate)))
    flight.push(this.write(HandshakeType.clientKeyExchange, encodeClientKeyExchange(share.publicKey)))
    const { client, server } = this.secrets.derive(premaster)
    this.layer.protect(server, client)
    if (scheme) {
      const signature = crypto.sign(scheme, identity.key, this.secrets.transcript())
      const verify = encodeCertificateVerify({ scheme: scheme.code, signature })
      flight.push(this.write(HandshakeType.certificateVerify, verify))
    }
    flight.push(this.writeFinished())
    this.sender.flight = flight
    this.#serverKey = undefined
    this.#awaited = 'finished'
    this.input('flight 4', {})
  }
}
