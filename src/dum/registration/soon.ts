import { EnvironmentError } from '../../util/errors.ts'
import { thenable } from '../../util/guard.ts'
import type { Timers } from '../../util/timers.ts'

/**
 * Goes on with what a port answers: at once where it does, else when its promise settles, and once; what it throws, rejects
 * with, or a time that is over goes to `fail`. What comes after that time is let go.
 */
export function soon<T>(
  ask: () => T | PromiseLike<T>,
  { timers, within }: { readonly timers: Timers | undefined; readonly within: number },
  done: (value: T) => void,
  fail: (error: unknown) => void,
): void {
  let answer: T | PromiseLike<T>
  try {
    answer = ask()
  } catch (error) {
    fail(error)
    return
  }
  if (!isPending(answer)) {
    done(answer)
    return
  }
  let isOver = false
  const once = (act: () => void): void => {
    if (isOver) return
    isOver = true
    timers?.stop(timer)
    act()
  }
  const timer = timers?.after(within, () => once(() => fail(lateError(within))))
  answer.then(
    value => once(() => done(value)),
    (error: unknown) => once(() => fail(error)),
  )
}

function isPending<T>(answer: T | PromiseLike<T>): answer is PromiseLike<T> {
  return thenable(answer) !== undefined
}

function lateError(milliseconds: number): EnvironmentError {
  return new EnvironmentError('ERR_SIP_STORE', `the store did not answer within ${milliseconds} ms`)
}
