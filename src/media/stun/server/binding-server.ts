import {
  ChangedAddress,
  MappedAddress,
  OtherAddress,
  ResponseOrigin,
  SourceAddress,
  XorMappedAddress,
} from '../attributes/address.ts'
import { ErrorCode, Software, UnknownAttributes } from '../attributes/general.ts'
import { ChangeRequest, Padding, ResponsePort } from '../attributes/nat-behavior.ts'
import { type StunCounters, stunCounters } from '../counters.ts'
import { reasonPhrase } from '../error-codes.ts'
import { method } from '../header.ts'
import { checkFingerprint } from '../integrity.ts'
import type { TransportAddress } from '../ip.ts'
import { parseStun, type StunMessage } from '../message.ts'
import { knownAttributes, malformedAttribute, unknownRequired } from '../registry.ts'
import { StunWriter } from '../writer.ts'
import { openServer, type RequestVerdict, type StunServerAuthentication } from './authentication.ts'

export interface BindingServerOptions {
  readonly authentication?: StunServerAuthentication
  readonly software?: string
  /** Adds FINGERPRINT, and drops requests without a good one (RFC 8489 §7). */
  readonly fingerprint?: boolean
  /**
   * The server's second address and port, both unlike those requests come to: makes it a server of RFC 5780, which
   * must listen on all four.
   */
  readonly other?: TransportAddress
  readonly counters?: StunCounters
}

/** A datagram to send. */
export interface BindingAnswer {
  readonly bytes: Uint8Array
  readonly to: TransportAddress
  /** Which of the server's addresses it is to leave from. */
  readonly from: TransportAddress
}

const RESPONSE_ADDRESS = 0x0002

/**
 * Answers Binding requests (RFC 8489 §6.3.1, §12): one call in, at most one answer out, no state. Clients of RFC 3489
 * get MAPPED-ADDRESS. What is malformed or meant for others costs a counter.
 */
export class BindingServer {
  readonly counters: StunCounters
  readonly #options: BindingServerOptions
  readonly #authentication: StunServerAuthentication
  readonly #known: ReadonlySet<number>

  constructor(options: BindingServerOptions = {}) {
    this.#options = options
    this.counters = options.counters ?? stunCounters()
    this.#authentication = options.authentication ?? openServer
    const known = new Set(knownAttributes.keys())
    known.delete(RESPONSE_ADDRESS)
    if (options.other === undefined)
      for (const { type } of [ChangeRequest, ResponsePort, Padding]) known.delete(type)
    this.#known = known
  }

  /** The answer to what came from `source` to our address `local`; `undefined` where there is none. */
  receive(bytes: Uint8Array, source: TransportAddress, local: TransportAddress): BindingAnswer | undefined {
    const message = parseStun(bytes)
    if (typeof message !== 'string') return this.receiveMessage(message, source, local)
    this.counters[message]++
    return undefined
  }

  /** As `receive`, for a message that is parsed already. */
  receiveMessage(
    request: StunMessage,
    source: TransportAddress,
    local: TransportAddress,
  ): BindingAnswer | undefined {
    if (request.class !== 'request' || request.method !== method.Binding) {
      this.counters.ignored++
      return undefined
    }
    if (this.#options.fingerprint && checkFingerprint(request) !== 'valid') {
      this.counters.badFingerprint++
      return undefined
    }
    const verdict = this.#authentication.check(request, source)
    if (!verdict.accepted) return this.#refusal(request, source, local, verdict)
    const unknown = unknownRequired(request, this.#known)
    if (unknown.length > 0) {
      const response = errorResponse(request, 420).add(UnknownAttributes, unknown)
      return this.#finished(response, verdict, source, local)
    }
    if (malformedAttribute(request) !== undefined || (request.has(ResponsePort) && request.has(Padding))) {
      this.counters.badRequests++
      return this.#finished(errorResponse(request, 400), verdict, source, local)
    }
    return this.#success(request, verdict, source, local)
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
    const port = request.get(ResponsePort) ?? source.port
    return this.#finished(response, verdict, { address: source.address, port }, from)
  }

  #refusal(
    request: StunMessage,
    source: TransportAddress,
    local: TransportAddress,
    verdict: RequestVerdict & { accepted: false },
  ): BindingAnswer {
    if (verdict.code === 400) this.counters.badRequests++
    const response = errorResponse(request, verdict.code).addAll(verdict.attributes)
    return this.#finished(response, verdict, source, local)
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

function errorResponse(request: StunMessage, code: number): StunWriter {
  return StunWriter.responseTo(request, 'error').add(ErrorCode, { code, reason: reasonPhrase(code) })
}
