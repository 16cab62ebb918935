import { sameIgnoringCase } from '../grammar/chars.ts'
import type { HeaderGrammar } from '../grammar/header.ts'
import { type Params, textParam } from '../grammar/params.ts'
import { parseParams } from '../grammar/parse-params.ts'
import { Parameterised } from './parameterised.ts'
import { parseCallId } from './text.ts'

const toTagParam = textParam('to-tag')
const fromTagParam = textParam('from-tag')
const localTagParam = textParam('local-tag')
const remoteTagParam = textParam('remote-tag')

/**
 * A dialog named by its Call-ID and tags: Replaces (RFC 3891 §6.1), Join (RFC 3911 §7.1) and Target-Dialog
 * (RFC 4538 §7).
 */
export class DialogReference extends Parameterised<DialogReference> {
  readonly callId: string

  constructor(callId: string, params?: Params) {
    super(params)
    this.callId = callId
  }

  /** The receiver's tag, in Replaces and Join. */
  get toTag(): string | undefined {
    return this.param(toTagParam)
  }

  /** The other side's tag, in Replaces and Join. */
  get fromTag(): string | undefined {
    return this.param(fromTagParam)
  }

  /** Whether only an early dialog may be replaced. */
  get earlyOnly(): boolean {
    return this.params.has('early-only')
  }

  /** The sender's tag, in Target-Dialog. */
  get localTag(): string | undefined {
    return this.param(localTagParam)
  }

  /** The receiver's tag, in Target-Dialog. */
  get remoteTag(): string | undefined {
    return this.param(remoteTagParam)
  }

  override withParams(params: Params): DialogReference {
    return new DialogReference(this.callId, params)
  }

  override toString(): string {
    return `${this.callId}${this.params}`
  }
}

/** Replaces and Join: both tags must be there, once each and with a value. */
export const replaces: HeaderGrammar<DialogReference> = {
  parse: scanner => {
    const value = new DialogReference(parseCallId(scanner), parseParams(scanner))
    for (const { name } of [toTagParam, fromTagParam]) {
      if (!standsOnce(value.params, name)) scanner.fail(`one ${name} with a value expected`)
    }
    return value
  },
  encode: value => value.toString(),
}

/** Target-Dialog. */
export const targetDialog: HeaderGrammar<DialogReference> = {
  parse: scanner => new DialogReference(parseCallId(scanner), parseParams(scanner)),
  encode: value => value.toString(),
}

function standsOnce(params: Params, name: string): boolean {
  let count = 0
  for (const [other] of params.entries()) if (sameIgnoringCase(other, name)) count++
  return count === 1 && params.text(name) !== ''
}
