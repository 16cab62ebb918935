import type { HeaderGrammar } from '../grammar/header.ts'
import { type Params, textParam } from '../grammar/params.ts'
import { parseParams } from '../grammar/parse-params.ts'
import { Parameterised } from './parameterised.ts'

const refresherParam = textParam('refresher')

/** A session interval, `1800;refresher=uac`: Session-Expires and Min-SE (RFC 4028 §4, §5). */
export class SessionInterval extends Parameterised<SessionInterval> {
  readonly seconds: number

  constructor(seconds: number, params?: Params) {
    super(params)
    this.seconds = seconds
  }

  /** Who refreshes the session; `undefined` where the peer left it open or wrote anything else. */
  get refresher(): 'uac' | 'uas' | undefined {
    const value = this.param(refresherParam)?.toLowerCase()
    return value === 'uac' || value === 'uas' ? value : undefined
  }

  withRefresher(refresher: 'uac' | 'uas'): SessionInterval {
    return this.withParam(refresherParam, refresher)
  }

  override withParams(params: Params): SessionInterval {
    return new SessionInterval(this.seconds, params)
  }

  override toString(): string {
    return `${this.seconds}${this.params}`
  }
}

/** `delta-seconds *( SEMI param )`. */
export const sessionInterval: HeaderGrammar<SessionInterval> = {
  parse: scanner => new SessionInterval(scanner.number(), parseParams(scanner)),
  encode: value => value.toString(),
}
