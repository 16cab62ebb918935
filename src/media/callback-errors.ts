import { type Failed, guarded } from '../util/guard.ts'

/** How the classes of `resip/media` that call an application tell it of its own failures. */
export interface CallbackErrorOptions {
  /** Hears what a callback threw, or what its promise rejected with. It is counted in any case. */
  readonly onCallbackError?: ((error: unknown) => void) | undefined
}

/** Counts what an application's callbacks threw or rejected with; `failed` is what `guarded` is given. */
export class CallbackErrors {
  count = 0
  readonly failed: Failed
  readonly #tell: ((error: unknown) => void) | undefined

  constructor(options: CallbackErrorOptions = {}) {
    this.#tell = options.onCallbackError
    this.failed = error => {
      this.count++
      guarded(ignore, undefined, this.#tell, error)
    }
  }
}

/** Who throws while it is told of a failure has nobody left to tell. */
function ignore(): void {}
