import type { HeaderGrammar } from '../grammar/header.ts'
import { type Params, quotedParam } from '../grammar/params.ts'
import { parseParams } from '../grammar/parse-params.ts'
import { Parameterised } from './parameterised.ts'

const codeParam = quotedParam('code')

/** Why a location was of no use, `100;code="Cannot Process Location"` (RFC 6442 §4.3). */
export class GeolocationError extends Parameterised<GeolocationError> {
  readonly number: number

  constructor(number: number, params?: Params) {
    super(params)
    this.number = number
  }

  /** The text for people. */
  get code(): string | undefined {
    return this.param(codeParam)
  }

  override withParams(params: Params): GeolocationError {
    return new GeolocationError(this.number, params)
  }

  override toString(): string {
    return `${this.number}${this.params}`
  }
}

/** Geolocation-Error. */
export const geolocationError: HeaderGrammar<GeolocationError> = {
  parse: scanner => new GeolocationError(scanner.number(999), parseParams(scanner)),
  encode: value => value.toString(),
}
