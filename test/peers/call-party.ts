import {
  ack2xx,
  h,
  type NameAddr,
  nameAddr,
  type Protocol,
  p,
  request,
  type ServerTransaction,
  type SipRequest,
  type SipResponse,
  SipStack,
  type TlsOptions,
  type Uri,
} from 'resip/stack'
import { hostPort } from '../../src/util/address.ts'

const PATIENCE = 8000

/** What one end of a dialog knows of it (RFC 3261 §12.1). */
export interface CallEnd {
  readonly local: NameAddr
  readonly remote: NameAddr
  readonly callId: string
  readonly target: Uri
  readonly routes: readonly NameAddr[]
}

/** A call as the caller saw it come up. */
export interface MadeCall {
  /** Of all answers, in the order they came. */
  readonly statuses: readonly number[]
  readonly ok: SipResponse
  readonly end: CallEnd
}

/** A call as the callee saw it come up. */
export interface TakenCall {
  readonly invite: SipRequest
  readonly ack: SipRequest
  readonly end: CallEnd
}

/**
 * A user agent that makes and takes calls over one transport: 180 and 200 for an INVITE, 200 for a BYE. Made with
 * `isClient` nobody can connect to it, as to a browser.
 */
export class CallParty {
  readonly stack: SipStack
  readonly protocol: Protocol
  /** BYEs that came. */
  readonly byes: SipRequest[] = []
  readonly #invites = new Map<string, ServerTransaction>()
  readonly #taken = new Map<string, TakenCall>()
  #onChange: (() => void)[] = []

  static async start(
    protocol: Protocol,
    address: string,
    tls: TlsOptions,
    isClient: boolean = false,
  ): Promise<CallParty> {
    const party = new CallParty(protocol, new SipStack({ tls }))
    const name = protocol.toLowerCase()
    const host = address.includes(':') ? `[${address}]` : address
    await party.stack.listen(isClient ? `${name}:${host};client` : `${name}:${host}:0`)
    return party
  }

  private constructor(protocol: Protocol, stack: SipStack) {
    this.protocol = protocol
    this.stack = stack
    stack.onRequest(
      transaction => this.#onRequest(transaction),
      ack => this.#onAck(ack),
    )
  }

  /** The URI at which it listens, of a scheme. */
  at(scheme: 'sip' | 'sips'): string {
    const { address = '', port = 0 } = this.stack.transports[0]?.local ?? {}
    return atTransport(scheme, hostPort(address, port), this.protocol)
  }

  /** Calls `target` by way of a next hop, or of a Route; resolves when the ACK has been handed to the network. */
  async call(
    target: string,
    { nextHop, route }: { readonly nextHop?: Uri; readonly route?: Uri },
  ): Promise<MadeCall> {
    const scheme = target.startsWith('sips:') ? 'sips' : 'sip'
    const invite = request('INVITE', target, {
      from: `<${scheme}:caller@caller.test>`,
      contact: ourContact('caller', scheme),
    })
    if (route !== undefined) invite.set(h.Route, nameAddr(`<${route}>`))
    const statuses: number[] = []
    const ok = await new Promise<SipResponse>((resolve, reject) => {
      const user = {
        onProvisional: (answer: SipResponse) => statuses.push(answer.status),
        onFinal: (answer: SipResponse) => {
          statuses.push(answer.status)
          resolve(answer)
        },
        onFailure: reject,
      }
      this.stack.send(invite, user, nextHop && { nextHop })
    })
    if (ok.status >= 300) throw new Error(`the INVITE was answered ${ok.status} ${ok.reason}`)
    await this.stack.sendAck(ack2xx(invite, ok)).sent
    const end: CallEnd = {
      local: ok.from,
      remote: ok.to,
      callId: ok.callId,
      target: contactOf(ok),
      routes: [...ok.all(h.RecordRoute)].reverse(),
    }
    return { statuses, ok, end }
  }

  /** The call of a Call-ID, when its ACK has come. */
  async taken(callId: string): Promise<TakenCall> {
    await this.#until(() => this.#taken.has(callId), `the ACK of ${callId}`)
    const call = this.#taken.get(callId)
    if (call === undefined) throw new Error('it was there a moment ago')
    return call
  }

  /** Hangs up; the status that the BYE is answered with. */
  async hangUp({ local, remote, callId, target, routes }: CallEnd): Promise<number> {
    const bye = request('BYE', target, { from: local, to: remote, callId, cseq: 2 })
    if (routes.length > 0) bye.set(h.Route, ...routes)
    return (await this.stack.request(bye)).status
  }

  close(): Promise<void> {
    return this.stack.close()
  }

  #onRequest(transaction: ServerTransaction): void {
    const { request, method } = transaction
    if (method === 'INVITE') {
      this.#invites.set(request.callId, transaction)
      transaction.respond(180)
      const contact = ourContact('callee', request.requestUri.secure ? 'sips' : 'sip')
      transaction.respond(transaction.response(200).set(h.Contact, contact))
    } else {
      if (method === 'BYE') this.byes.push(request)
      transaction.respond(200)
    }
  }

  #onAck(ack: SipRequest): void {
    const transaction = this.#invites.get(ack.callId)
    if (transaction === undefined) return
    const invite = transaction.request
    const end: CallEnd = {
      local: invite.to.with({ tag: transaction.localTag }),
      remote: invite.from,
      callId: invite.callId,
      target: contactOf(invite),
      routes: invite.all(h.RecordRoute),
    }
    this.#taken.set(ack.callId, { invite, ack, end })
    for (const tell of this.#onChange.splice(0)) tell()
  }

  async #until(isThere: () => boolean, what: string): Promise<void> {
    const deadline = Date.now() + PATIENCE
    while (!isThere()) {
      const left = deadline - Date.now()
      if (left <= 0) throw new Error(`${this.protocol}: ${what} did not come within ${PATIENCE} ms`)
      await new Promise<void>(resolve => {
        const timer = setTimeout(resolve, left)
        this.#onChange.push(() => {
          clearTimeout(timer)
          resolve()
        })
      })
    }
  }
}

/** A URI of a place over a protocol, as one writes it: sips has `transport=ws` for WSS and says nothing of TLS. */
export function atTransport(scheme: 'sip' | 'sips', place: string, protocol: Protocol): string {
  if (scheme === 'sip') return `sip:${place};transport=${protocol.toLowerCase()}`
  return protocol === 'WSS' ? `sips:${place};transport=ws` : `sips:${place}`
}

/** The protocol that a URI of ours in Record-Route or Contact leads over. */
export function protocolOf(uri: Uri): string {
  const transport = uri.param(p.transport) ?? (uri.secure ? 'tls' : 'udp')
  return uri.secure && transport === 'ws' ? 'WSS' : transport.toUpperCase()
}

/** A Contact without a host: the stack fills in where it can be reached. */
function ourContact(user: string, scheme: 'sip' | 'sips'): NameAddr {
  const contact = nameAddr(`<${scheme}:${user}@host.invalid>`)
  return contact.with({ uri: contact.uri.with({ host: '' }) })
}

function contactOf(message: SipRequest | SipResponse): Uri {
  const contact = message.get(h.Contact)
  if (contact === undefined) throw new Error(`${message.brief()} has no Contact`)
  return contact.uri
}
