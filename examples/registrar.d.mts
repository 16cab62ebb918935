import type { DigestRealm, NameAddr, SipStack } from 'resip/stack'

export class Registrar {
  readonly stack: SipStack
  readonly realm: DigestRealm
  /** What is bound, by user. */
  readonly bindings: ReadonlyMap<string, readonly unknown[]>

  constructor(stack: SipStack, realm: DigestRealm)

  /** The live contacts of a user, with the seconds that are left. */
  contactsOf(user: string): NameAddr[]
}
