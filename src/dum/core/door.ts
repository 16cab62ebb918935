import { type Failed, thenable } from '../../util/guard.ts'

/** What is to be told, and what to do where telling it failed. */
interface Telling {
  readonly tell: () => unknown
  readonly onError: ((error: unknown) => void) | undefined
}

/**
 * The only door from a usage into its application's handler. While a handler's promise is pending, what follows waits
 * behind it, but for the end; after the end nobody is told anything.
 */
export class Door {
  readonly #failed: Failed
  readonly #limit: number
  #line: Telling[] | undefined
  #isBusy = false
  #isShut = false

  /** `limit`: how much may wait; what comes then is told without waiting, for losing it would be worse. */
  constructor(failed: Failed, limit: number) {
    this.#failed = failed
    this.#limit = limit
  }

  get isShut(): boolean {
    return this.#isShut
  }

  /** Tells now, or when what was told before is over. `onError` hears what the handler throws, or rejects with. */
  tell(tell: () => unknown, onError?: (error: unknown) => void): void {
    if (this.#isShut) return
    if (!this.#isBusy || (this.#line?.length ?? 0) >= this.#limit) this.#tell({ tell, onError })
    else {
      this.#line ??= []
      this.#line.push({ tell, onError })
    }
  }

  /** Tells the end at once, whatever waits, and shuts. */
  tellLast(tell: () => unknown): void {
    if (this.#isShut) return
    this.#isShut = true
    this.#line = undefined
    this.#run({ tell, onError: undefined })
  }

  /** Shuts without a word. */
  shut(): void {
    this.#isShut = true
    this.#line = undefined
  }

  #tell(telling: Telling): void {
    const pending = this.#run(telling)
    if (pending === undefined) return
    this.#isBusy = true
    pending.then(
      () => this.#goOn(),
      () => this.#goOn(),
    )
  }

  #run({ tell, onError }: Telling): PromiseLike<unknown> | undefined {
    try {
      const pending = thenable(tell())
      pending?.then(undefined, (error: unknown) => this.#onError(error, onError))
      return pending
    } catch (error) {
      this.#onError(error, onError)
      return undefined
    }
  }

  #onError(error: unknown, onError: ((error: unknown) => void) | undefined): void {
    this.#failed(error)
    if (!this.#isShut) onError?.(error)
  }

  #goOn(): void {
    this.#isBusy = false
    while (!this.#isBusy) {
      const next = this.#line?.shift()
      if (next === undefined) {
        this.#line = undefined
        return
      }
      this.#tell(next)
    }
  }
}
