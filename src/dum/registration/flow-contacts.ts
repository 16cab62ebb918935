import { type NameAddr, nameAddr } from '../../stack/grammar/name-addr.ts'
import { sameUri } from '../../stack/grammar/uri-equal.ts'
import * as p from '../../stack/headers/params.ts'
import type { Flow } from '../../stack/message/flow.ts'
import type { SipResponse } from '../../stack/message/message.ts'
import type { Account } from './account.ts'
import { isOpen } from './granted.ts'
import { learnedAddress } from './learned-address.ts'

/** What one flow of a registration binds, and what it binds no more. */
export class FlowContacts {
  /** Bindings, as the registrar listed them, that the next REGISTER removes. */
  dropping: readonly string[] = []
  readonly #account: Account
  /** Where a NAT shows us, `203.0.113.7:40000`; `''` where none does. */
  #learned = ''
  /** The last REGISTER went out for an address that was learned. */
  #hasLearned = false

  constructor(account: Account) {
    this.#account = account
  }

  /** The Contacts of a REGISTER: marked as this device's, with what was learned in the place of an empty host. */
  of(wanted: readonly NameAddr[], regId: number | undefined, flow: Flow | undefined): NameAddr[] {
    const { instance } = this.#account
    return wanted.map(contact => {
      let own = isOpen(contact.uri) ? this.#placed(contact, flow) : contact
      if (instance !== undefined) own = own.withParam(p.instance, instance)
      return regId === undefined ? own : own.withParam(p.regId, regId)
    })
  }

  /**
   * Takes in what a response tells of our address, where that is wanted. Answers whether to register it at once: not twice in
   * a row, for a NAT that gives each request a port of its own would never let it come to rest.
   */
  learn(response: SipResponse, flow: Flow | undefined, wanted: readonly NameAddr[]): boolean {
    const isFirst = !this.#hasLearned
    this.#hasLearned = false
    if (!this.#account.learnsAddress || !wanted.some(({ uri }) => isOpen(uri))) return false
    const seen = learnedAddress(response, flow) ?? ''
    if (seen === '' || seen === this.#learned) return false
    this.#learned = seen
    this.#hasLearned = isFirst
    return isFirst
  }

  /** The network is another, or the way to it. */
  forgetAddress(): void {
    this.#learned = ''
  }

  /** Notes which bindings are not wanted any more, so that they are named with `expires=0` (RFC 3261 §10.2.2). */
  dropStale(bound: readonly string[], wanted: readonly NameAddr[]): void {
    this.dropping = bound.filter(text => !this.#isWanted(nameAddr(text), wanted))
  }

  #isWanted(bound: NameAddr, wanted: readonly NameAddr[]): boolean {
    const { token } = this.#account
    return wanted.some(({ uri }) => {
      if (!isOpen(uri)) return sameUri(uri, bound.uri)
      // which host it gets is not known before it is sent: it is ours by its token, or not told from ours
      return token === '' || bound.uri.param(p.rinstance) === token
    })
  }

  #placed(contact: NameAddr, flow: Flow | undefined): NameAddr {
    const { token } = this.#account
    let { uri } = contact
    if (token !== '') uri = uri.withParam(p.rinstance, token)
    if (this.#learned === '') return contact.with({ uri })
    const { host, port } = nameAddr(`<sip:${this.#learned}>`).uri
    uri = uri.with({ host, port })
    const isStream = flow !== undefined && flow.protocol !== 'UDP'
    return contact.with({ uri: isStream ? uri.withParam(p.transport, flow.protocol.toLowerCase()) : uri })
  }
}
