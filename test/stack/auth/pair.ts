import {
  type DigestAlgorithm,
  DigestClient,
  DigestRealm,
  h,
  MemoryUsers,
  parseMessage,
  type Qop,
  type RealmOptions,
  type RequestTemplate,
  type ResponseTemplate,
  request,
  response,
  type SipRequest,
  SipResponse,
  type Verdict,
} from 'resip/stack'
import { seededRandom } from 'resip/testing'
import { encode } from '../../../src/stack/message/encode.ts'
import type { Flow } from '../../../src/stack/message/flow.ts'
import { SimulatedClock } from '../../../src/util/clock.ts'

export const REALM = 'example.com'
export const SECRET = 'zanzibar'

/** Where requests come from. */
function flowFrom(address: string): Flow {
  return { protocol: 'UDP', transport: 'udp:test', address, port: 5060, connection: 0 }
}

/** A template as the server receives it. */
export function received(template: RequestTemplate, address: string = '192.0.2.1'): SipRequest {
  const hop = { via: 'SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKx', localUri: (uri: never) => uri }
  return receivedText(encode(template, hop), address)
}

export function receivedText(wire: string, address: string = '192.0.2.1'): SipRequest {
  const message = parseMessage(Buffer.from(wire, 'latin1'), flowFrom(address))
  if (message instanceof Error || !message.isRequest)
    throw new Error('a request expected', { cause: message })
  return message
}

/** A response as the client receives it. */
export function receivedResponse(template: ResponseTemplate): SipResponse {
  const message = parseMessage(Buffer.from(encode(template), 'latin1'))
  if (!(message instanceof SipResponse)) throw new Error('a response expected', { cause: message })
  return message
}

export function register(target: string = `sip:${REALM}`): RequestTemplate {
  return request('REGISTER', target, { from: '<sip:bob@example.com>', to: '<sip:bob@example.com>' })
}

export interface PairOptions extends Partial<RealmOptions> {
  readonly username?: string
  readonly secret?: string
  readonly clientQop?: Qop
  readonly weakest?: 'MD5' | 'SHA-256' | 'SHA-512-256'
}

/** A client and a realm that know each other, in simulated time. */
export class Pair {
  readonly clock: SimulatedClock = new SimulatedClock()
  readonly realm: DigestRealm
  readonly client: DigestClient
  readonly users: MemoryUsers

  constructor(options: PairOptions = {}) {
    const { username = 'bob', secret = SECRET, clientQop = 'auth', weakest = 'MD5', ...realm } = options
    const name = options.realm ?? REALM
    this.users = new MemoryUsers([{ username, realm: name, secret }])
    this.realm = new DigestRealm({
      realm: name,
      users: this.users,
      clock: this.clock,
      random: seededRandom(1),
      ...realm,
    })
    this.client = new DigestClient(
      { username, realms: name, password: secret, qop: clientQop, weakest },
      { random: seededRandom(2) },
    )
  }

  /** What the realm says of a request, where its store answers at once. */
  check(message: SipRequest): Exclude<Verdict, PromiseLike<unknown>> {
    const verdict = this.realm.check(message)
    if (verdict instanceof Promise) throw new Error('an answer at once expected')
    return verdict
  }

  /** The response that refuses a request, as the client receives it. */
  refusal(message: SipRequest): SipResponse {
    const verdict = this.check(message)
    if (verdict.kind !== 'refused') throw new Error(`refused expected, not ${verdict.kind}`)
    return receivedResponse(verdict.fill(response(message, verdict.status, 'tag', verdict.reason)))
  }

  /** Sends a request and answers one challenge: the request that was authenticated, as it was received. */
  authenticated(template: RequestTemplate = register()): SipRequest {
    this.client.forget()
    const exchange = this.client.begin(template)
    const next = exchange.next(this.refusal(received(exchange.first())))
    if (next === undefined) throw new Error('the challenge was not answered')
    return received(next)
  }
}

/** The value of one parameter of a request's credentials. */
export function credential(message: SipRequest, name: string): string | undefined {
  return message.get(h.Authorization)?.text(name)
}

export const algorithms: readonly DigestAlgorithm[] = [
  'MD5',
  'MD5-sess',
  'SHA-256',
  'SHA-256-sess',
  'SHA-512-256',
  'SHA-512-256-sess',
]
