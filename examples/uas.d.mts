import type { SipStack } from 'resip/stack'

export class Callee {
  readonly stack: SipStack
  /** Calls by our tag. */
  readonly calls: ReadonlyMap<string, unknown>

  constructor(stack: SipStack)
}
