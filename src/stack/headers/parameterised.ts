import { noParams, type Param, type Params } from '../grammar/params.ts'

/** What header values with parameters have in common. Values are immutable: a change answers a new one. */
export abstract class Parameterised<Self> {
  readonly params: Params

  constructor(params: Params = noParams) {
    this.params = params
  }

  /** The same value with these parameters. */
  abstract withParams(params: Params): Self

  /** As on the wire. */
  abstract toString(): string

  /** A typed parameter, `undefined` where it is absent or cannot be read. */
  param<T>(param: Param<T>): T | undefined {
    return this.params.get(param)
  }

  withParam<T>(param: Param<T>, value: T): Self {
    return this.withParams(this.params.with(param, value))
  }

  withoutParam(name: string): Self {
    return this.withParams(this.params.without(name))
  }
}
