import type { HeaderGrammar } from '../grammar/header.ts'
import { numberParam, type Params, quotedParam } from '../grammar/params.ts'
import { parseParams } from '../grammar/parse-params.ts'
import { Parameterised } from './parameterised.ts'

const causeParam = numberParam('cause')
const textParam = quotedParam('text')

/** Why a request or response was sent, `Q.850;cause=16;text="Terminated"` (RFC 3326 §2). */
export class Reason extends Parameterised<Reason> {
  /** `SIP`, `Q.850`, or another namespace of causes. */
  readonly protocol: string

  constructor(protocol: string, params?: Params) {
    super(params)
    this.protocol = protocol
  }

  get cause(): number | undefined {
    return this.param(causeParam)
  }

  get text(): string | undefined {
    return this.param(textParam)
  }

  override withParams(params: Params): Reason {
    return new Reason(this.protocol, params)
  }

  override toString(): string {
    return `${this.protocol}${this.params}`
  }
}

/** A reason with its cause and a text for people. */
export function reason(protocol: string, cause: number, text?: string): Reason {
  const value = new Reason(protocol).withParam(causeParam, cause)
  return text === undefined ? value : value.withParam(textParam, text)
}

/** Reason: one a protocol, with commas between them. */
export const reasons: HeaderGrammar<Reason> = {
  parse: scanner => new Reason(scanner.token(), parseParams(scanner)),
  encode: value => value.toString(),
  values: 'listed',
}
