import { HEX } from '../grammar/chars.ts'
import type { HeaderGrammar } from '../grammar/header.ts'
import { type Params, textParam } from '../grammar/params.ts'
import { parseParams } from '../grammar/parse-params.ts'
import { Parameterised } from './parameterised.ts'

const remoteParam = textParam('remote')

/** Identifiers of a session from end to end, `ab30317f…;remote=47755a9d…` (RFC 7989 §5): 32 hexadecimal digits each. */
export class SessionId extends Parameterised<SessionId> {
  /** The sender's UUID. */
  readonly local: string

  constructor(local: string, params?: Params) {
    super(params)
    this.local = local
  }

  /** The receiver's UUID as the sender knows it; `undefined` in the form that is older than RFC 7989. */
  get remote(): string | undefined {
    return this.param(remoteParam)
  }

  override withParams(params: Params): SessionId {
    return new SessionId(this.local, params)
  }

  override toString(): string {
    return `${this.local}${this.params}`
  }
}

/** Session-ID. */
export const sessionId: HeaderGrammar<SessionId> = {
  parse: scanner => {
    const local = scanner.take(HEX, 'UUID')
    if (local.length !== 32) scanner.fail('UUID of 32 hexadecimal digits expected')
    return new SessionId(local, parseParams(scanner))
  },
  encode: value => value.toString(),
}
