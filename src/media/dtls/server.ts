import type { Remote } from '../../util/address.ts'
import { feed } from '../../util/machine.ts'
import { DtlsError } from './alert.ts'
import { Association } from './association.ts'
import type { KeyShare } from './crypto.ts'
import { encodeCertificate } from './handshake/certificate.ts'
import { encodeCertificateRequest } from './handshake/certificate-request.ts'
import { readCertificateVerify } from './handshake/certificate-verify.ts'
import { type ClientHello, readClientHello } from './handshake/client-hello.ts'
import { readClientKeyExchange } from './handshake/client-key-exchange.ts'
import { encodeHelloVerifyRequest } from './handshake/hello-verify-request.ts'
import {
  encodeMessage,
  type HandshakeFragment,
  type HandshakeMessage,
  HandshakeType,
} from './handshake/message.ts'
import { encodeServerHello } from './handshake/server-hello.ts'
import { encodeParameters, encodeServerKeyExchange } from './handshake/server-key-exchange.ts'
import type { AssociationParts } from './options.ts'
import { schemeFor } from './peer.ts'
import { HelloReassembly } from './reassembly.ts'
import { ContentType, DTLS_1_0, DTLS_1_2, type DtlsRecord, plainRecord } from './record.ts'
import { dtlsServerMachine, type ServerInput, type ServerState } from './server-machine.ts'
import type { DtlsEvent } from './steps.ts'
import { cipherSuites, type Group, groups, unnamedGroup } from './suites.ts'

const RANDOM_LENGTH = 32
/** What a hello's record number, which ours go on from, and its message number may be. */
const MOST_RECORD_NUMBER = 2 ** 40
const MOST_MESSAGE_NUMBER = 8

/** What the client sends next (RFC 5246 §7.3). */
type Awaited = 'certificate' | 'key' | 'verify' | 'finished' | 'nothing'

/** The server's side of a handshake. */
export class ServerAssociation extends Association {
  /** @internal */
  state: ServerState = 'listening'
  readonly #hellos = new HelloReassembly()
  #greeted: Buffer | undefined
  /** A hello of this datagram was read: more of them would make it worth more answers than it cost its sender. */
  #helloRead = false
  #awaited: Awaited = 'nothing'
  #share: KeyShare | undefined

  constructor(parts: AssociationParts) {
    super(parts, 'server')
  }

  override receive(datagram: Buffer, from: Remote): void {
    this.#helloRead = false
    super.receive(datagram, from)
  }

  protected get ended(): boolean {
    return this.state === 'failed' || this.state === 'closed'
  }

  protected get finished(): boolean {
    return this.state === 'unverified' || this.state === 'established'
  }

  protected input(input: ServerInput, event: DtlsEvent): void {
    feed(dtlsServerMachine, this, input, event)
  }

  /** @internal */
  sendHelloVerify({ helloVerify }: DtlsEvent): void {
    if (helloVerify === undefined) return
    this.counters.cookies++
    this.sender.send(helloVerify.record, helloVerify.to)
  }

  protected override forgetHandshake(): void {
    super.forgetHandshake()
    this.#hellos.clear()
    this.#greeted = undefined
    this.#share = undefined
  }

  protected claims(fragment: HandshakeFragment, { epoch, sequence }: DtlsRecord, from: Remote): boolean {
    if (fragment.type !== HandshakeType.clientHello) return this.state === 'listening'
    if (epoch === 1) this.input('renegotiation', {})
    else if (
      this.finished ||
      this.#helloRead ||
      sequence > MOST_RECORD_NUMBER ||
      fragment.sequence > MOST_MESSAGE_NUMBER
    ) {
      this.counters.hellos++
    } else {
      const message = this.#hellos.add(fragment)
      this.#helloRead = message !== undefined
      if (message !== undefined) this.#takeHello(message, sequence, from)
    }
    return true
  }

  /** Only what the client's keys protect asks for flight 6: anybody could repeat the rest. */
  protected onRepeated({ type }: HandshakeFragment, from: Remote): void {
    if (type !== HandshakeType.finished) return
    this.sender.remote = from
    this.input('repeated flight', {})
  }

  protected onMessage(message: HandshakeMessage): void {
    const { type, body } = message
    const awaited = this.#awaited
    if (awaited === 'certificate' && type === HandshakeType.certificate) {
      this.secrets.add(message)
      this.peer.take(body)
      this.#awaited = 'key'
    } else if (awaited === 'key' && type === HandshakeType.clientKeyExchange) {
      this.secrets.add(message)
      this.#takeKey(body)
      this.#awaited = 'verify'
    } else if (awaited === 'verify' && type === HandshakeType.certificateVerify) {
      const { scheme, signature } = readCertificateVerify(body)
      this.peer.check(scheme, this.secrets.transcript(), signature)
      this.secrets.add(message)
      this.#awaited = 'finished'
    } else if (awaited === 'finished' && type === HandshakeType.finished) {
      this.takeFinished(message)
      this.#awaited = 'nothing'
      this.sender.flight = [this.writeFinished()]
      this.endHandshake()
    } else {
      throw new DtlsError(`DTLS: the client sent message ${type} out of turn`, 'unexpected_message')
    }
  }

  /** A hello that is none costs a counter; one with a good cookie may end the handshake, for its sender is there. */
  #takeHello(message: HandshakeMessage, recordNumber: number, from: Remote): void {
    if (this.#greeted?.equals(encodeMessage(message))) {
      if (!this.isStranger(from)) this.input('repeated hello', {})
      return
    }
    const hello = readHello(message.body)
    if (hello === undefined) {
      this.counters.hellos++
      return
    }
    const { options, jar } = this.parts
    const now = options.timers.now()
    if (!options.proven && !jar.isGood(hello, from, now)) {
      const body = encodeHelloVerifyRequest(jar.cookie(hello, from, now))
      const request = { type: HandshakeType.helloVerifyRequest, sequence: message.sequence, body }
      const record = plainRecord(ContentType.handshake, DTLS_1_0, recordNumber, encodeMessage(request))
      this.input('hello without cookie', { helloVerify: { record, to: from } })
      return
    }
    // one cookie serves hellos that differ in their extensions, and each costs a signature
    if (this.state === 'greeted' && !this.sender.mayAnswer) {
      this.counters.hellos++
      return
    }
    this.sender.remote = from
    this.moveOn()
    this.judge(() => this.#greet(message, hello, recordNumber))
  }

  /** Flight 4. Its first record has the number of the hello's (RFC 6347 §4.2.1). */
  #greet(message: HandshakeMessage, hello: ClientHello, recordNumber: number): void {
    const { crypto, identity, options, profiles } = this.parts
    this.layer.continueFrom(recordNumber)
    this.beginHandshake(message.sequence, message.sequence + 1, message)
    checkVersion(hello)
    const { extensions } = hello
    const suite = cipherSuites.find(
      ({ code, authentication }) => authentication === identity.key.type && hello.cipherSuites.includes(code),
    )
    if (suite === undefined) throw noCommon('cipher suite')
    const profile = profiles.find(({ code }) => extensions.useSrtp?.profiles.includes(code))
    if (profile === undefined) throw noCommon('SRTP profile')
    const group = groupFor(extensions.groups)
    const scheme = schemeFor(this.parts.identity.key.type, extensions.signatureSchemes ?? [])
    const random = options.random.fill(Buffer.alloc(RANDOM_LENGTH))
    const randoms = { client: Buffer.from(hello.random), server: random }
    this.secrets.agreed = { suite, profile, randoms, extended: extensions.extendedMasterSecret }
    const share = crypto.keyShare(group)
    const parameters = encodeParameters(group.code, share.publicKey)
    const signature = crypto.sign(scheme, identity.key, Buffer.concat([randoms.client, random, parameters]))
    const serverHello = {
      version: DTLS_1_2,
      random,
      cipherSuite: suite.code,
      extensions: {
        renegotiationInfo: extensions.renegotiationInfo,
        extendedMasterSecret: extensions.extendedMasterSecret,
        pointFormats: extensions.pointFormats,
        useSrtp: { profiles: [profile.code], mki: Buffer.alloc(0) },
      },
    }
    this.sender.flight = [
      this.write(HandshakeType.serverHello, encodeServerHello(serverHello)),
      this.write(HandshakeType.certificate, encodeCertificate(identity.certificate)),
      this.write(
        HandshakeType.serverKeyExchange,
        encodeServerKeyExchange(parameters, scheme.code, signature),
      ),
      this.write(HandshakeType.certificateRequest, encodeCertificateRequest()),
      this.write(HandshakeType.serverHelloDone, Buffer.alloc(0)),
    ]
    this.#share = share
    this.#greeted = encodeMessage(message)
    this.#awaited = 'certificate'
    this.input('hello', {})
  }

  #takeKey(body: Buffer): void {
    if (this.#share === undefined) return
    const { client, server } = this.secrets.derive(this.#share.agree(readClientKeyExchange(body)))
    this.layer.protect(client, server)
    this.#share = undefined
  }
}

function readHello(body: Buffer): ClientHello | undefined {
  try {
    return readClientHello(body)
  } catch (error) {
    if (error instanceof DtlsError) return undefined
    throw error
  }
}

/** A client of DTLS 1.3 says 1.2 here too (RFC 9147 §5.3); a lower number is a higher version. */
function checkVersion({ version, compressionMethods }: ClientHello): void {
  if (version >>> 8 !== 0xfe || version > DTLS_1_2) {
    throw new DtlsError(
      `DTLS: the client speaks version 0x${version.toString(16)}, not DTLS 1.2`,
      'protocol_version',
    )
  }
  if (!compressionMethods.includes(0)) {
    throw new DtlsError('DTLS: the client wants compression', 'illegal_parameter')
  }
}

function groupFor(codes: readonly number[] | undefined): Group {
  if (codes === undefined) return unnamedGroup
  const group = groups.find(({ code }) => codes.includes(code))
  if (group === undefined) throw noCommon('group')
  return group
}

function noCommon(what: string): DtlsError {
  return new DtlsError(`DTLS: the client has no ${what} in common with us`, 'handshake_failure')
}
