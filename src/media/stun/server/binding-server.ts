import {
  ChangedAddress,
  MappedAddress,
  OtherAddress,
  ResponseOrigin,
  SourceAddress,
  XorMappedAddress,
} from '../../../stun/attributes/address.ts'
import { ErrorCode, Software, UnknownAttributes } from '../../../stun/attributes/general.ts'
import { ChangeRequest, Padding, ResponsePort } from '../../../stun/attributes/nat-behavior.ts'
import { reasonPhrase } from '../../../stun/error-codes.ts'
import { method } from '../../../stun/header.ts'
import { checkFingerprint } from '../../../stun/integrity.ts'
import type { TransportAddress } from '../../../stun/ip.ts'
import { parseStun, type StunMessage } from '../../../stun/message.ts'
import { knownAttributes, malformedAttribute, unknownRequired } from '../../../stun/registry.ts'
import { StunWriter } from '../../../stun/writer.ts'
import { type CallbackErrorOptions, CallbackErrors } from '../../callback-errors.ts'
import { type StunCounters, stunCounters } from '../counters.ts'
import { openServer, type RequestVerdict, refuse, type StunServerAuthentication } from './authentication.ts'

export interface BindingServerOptions extends CallbackErrorOptions {
  readonly authentication?: StunServerAuthentication
  readonly software?: string
  /** Adds FINGERPRINT, and drops requests without a good one (RFC 8489 §7). */
  readonly fingerprint?: boolean
  /**
   * The server's second address and port, both unlike those requests come to: makes it a server of RFC 5780, which
   * must listen on all four.
   */
  readonly other?: TransportAddress
  /**
   * Asked after the credentials and the form, before a success: an error code refuses (487 for a role conflict, RFC
   * 8445 §7.3.1.1). `username` is that of the credentials. Where it throws the client gets a 500.
   */
  readonly judge?: (
    request: StunMessage,
    username: string | undefined,
    source: TransportAddress,
    local: TransportAddress,
  ) => 487 | 400 | undefined
  readonly counters?: StunCounters
}

/** What came of a datagram; nothing of it is there where it was not for this server. */
export interface BindingResult {
  /** What to send. */
  readonly answer?: BindingAnswer
  /** The Binding request that was answered. */
  readonly request?: StunMessage
  /** How it was answered: `success`, or the error code. */
  readonly verdict?: 'success' | number
}

/** A datagram to send. */
export interface BindingAnswer {
  readonly bytes: Buffer
  readonly to: TransportAddress
  /** Which of the server's addresses it is to leave from. */
  readonly from: TransportAddress
}

const RESPONSE_ADDRESS = 0x0002
const SERVER_ERROR = 500
/** Octets of an Ethernet's datagram: no padding is longer, and none longer than the request's, or strangers would be flooded. */
const MTU = 1500
const ignored: BindingResult = {}

/**
 * Answers Binding requests (RFC 8489 §6.3.1, §12): one call in, at most one answer out, no state. Clients of RFC 3489
 * get MAPPED-ADDRESS. What is malformed or meant for others costs a counter.
 */
export class BindingServer {
  readonly counters: StunCounters
  readonly #options: BindingServerOptions
  readonly #authentication: StunServerAuthentication
  readonly #known: ReadonlySet<number>
  readonly #errors: CallbackErrors

  constructor(options: BindingServerOptions = {}) {
    this.#options = options
    this.counters = options.counters ?? stunCounters()
    this.#authentication = options.authentication ?? openServer
    this.#errors = new CallbackErrors(options)
    const known = new Set(knownAttributes.keys())
    known.delete(RESPONSE_ADDRESS)
    if (options.other === undefined)
      for (const { type } of [ChangeRequest, ResponsePort, Padding]) known.delete(type)
    this.#known = known
  }

  /** What `judge`, and the credentials' own callbacks, have thrown so far. */
  get callbackErrors(): number {
    return this.#errors.count
  }

  /** The answer to what came from `source` to our address `local`, where there is one. */
  receive(bytes: Uint8Array, source: TransportAddress, local: TransportAddress): BindingResult {
    const message = parseStun(bytes)
    if (typeof message !== 'string') return this.receiveMessage(message, source, local)
    this.counters[message]++
    return ignored
  }

  /** As `receive`, for a message that is parsed already. */
  receiveMessage(request: StunMessage, source: TransportAddress, local: TransportAddress): BindingResult {
    if (request.class !== 'request' || request.method !== method.Binding) {
      this.counters.ignored++
      return ignored
    }
    if (this.#options.fingerprint && checkFingerprint(request) !== 'valid') {
      this.counters.badFingerprint++
      return ignored
    }
    const credentials = this.#asked(() => this.#authentication.check(request, source)) ?? refuse(SERVER_ERROR)
    if (!credentials.accepted) return this.#refusal(request, credentials.code, credentials, source, local)
    const code = this.#objection(request, credentials.username, source, local)
    return code === undefined
      ? { answer: this.#success(request, credentials, source, local), request, verdict: 'success' }
      : this.#refusal(request, code, credentials, source, local)
  }

  #objection(
    request: StunMessage,
    username: string | undefined,
    source: TransportAddress,
    local: TransportAddress,
  ): number | undefined {
    if (unknownRequired(request, this.#known).length > 0) return 420
    if (malformedAttribute(request) !== undefined || (request.has(ResponsePort) && request.has(Padding))) {
      return 400
    }
    const { judge } = this.#options
    if (judge === undefined) return undefined
    const verdict = this.#asked(() => ({ code: judge(request, username, source, local) }))
    return verdict === undefined ? SERVER_ERROR : verdict.code
  }

  /** What an application answers; `undefined` where it throws. */
  #asked<T>(question: () => T): T | undefined {
    try {
      return question()
    } catch (error) {
      this.#errors.failed(error)
      return undefined
    }
  }

  #success(
    request: StunMessage,
    verdict: RequestVerdict,
    source: TransportAddress,
    local: TransportAddress,
  ): BindingAnswer {
    const response = StunWriter.responseTo(request, 'success')
    response.add(request.classic ? MappedAddress : XorMappedAddress, source)
    const { other } = this.#options
    if (other === undefined) return this.#finished(response, verdict, source, local)
    const change = request.get(ChangeRequest)
    const from = {
      address: change?.changeIp ? other.address : local.address,
      port: change?.changePort ? other.port : local.port,
    }
    if (request.classic) response.add(SourceAddress, from).add(ChangedAddress, other)
    else response.add(ResponseOrigin, from).add(OtherAddress, other)
    const padding = request.get(Padding)
    if (padding !== undefined) {
      response.add(Padding, new Uint8Array((Math.min(padding.length, MTU) + 3) & ~3))
    }
    const port = request.get(ResponsePort) ?? source.port
    return this.#finished(response, verdict, { address: source.address, port }, from)
  }

  #refusal(
    request: StunMessage,
    code: number,
    credentials: RequestVerdict,
    source: TransportAddress,
    local: TransportAddress,
  ): BindingResult {
    if (code === 400) this.counters.badRequests++
    const response = StunWriter.responseTo(request, 'error').add(ErrorCode, {
      code,
      reason: reasonPhrase(code),
    })
    if (!credentials.accepted) response.addAll(credentials.attributes)
    if (code === 420) response.add(UnknownAttributes, unknownRequired(request, this.#known))
    return { answer: this.#finished(response, credentials, source, local), request, verdict: code }
  }

  #finished(
    response: StunWriter,
    verdict: RequestVerdict,
    to: TransportAddress,
    from: TransportAddress,
  ): BindingAnswer {
    const { software, fingerprint } = this.#options
    if (software !== undefined) response.add(Software, software)
    if (verdict.accepted) verdict.sign(response)
    if (fingerprint) response.fingerprint()
    return { bytes: response.finish(), to, from }
  }
}
