import { describe, expect, it } from 'vitest'
import { guarded } from '../../src/util/guard.ts'

const THEN = 'then'

describe('guarded', () => {
  it('calls with self and arguments, and does nothing where the callback is left out', () => {
    const seen: unknown[] = []
    const user = {
      name: 'user',
      onEvent(a: number, b: string): void {
        seen.push(this.name, a, b)
      },
    }
    const bare: { onEvent?(a: number): void } = {}
    guarded(error => seen.push(error), user, user.onEvent, 1, 'two')
    guarded(error => seen.push(error), bare, bare.onEvent, 1)
    expect(seen).toEqual(['user', 1, 'two'])
  })

  it('ends what is thrown at `failed`', () => {
    const failures: unknown[] = []
    guarded(
      error => failures.push(error),
      undefined,
      () => {
        throw new Error('thrown')
      },
    )
    expect(failures).toEqual([new Error('thrown')])
  })

  it('ends what a promise, or anything that can be awaited, rejects with at `failed`', async () => {
    const failures: unknown[] = []
    const rejecting = {
      [THEN]: (_: unknown, reject: (error: unknown) => void) => reject(new Error('thenable')),
    }
    guarded(
      error => failures.push(error),
      undefined,
      async () => {
        throw new Error('rejected')
      },
    )
    guarded(
      error => failures.push(error),
      undefined,
      () => rejecting,
    )
    await Promise.resolve()
    expect(failures).toEqual([new Error('thenable'), new Error('rejected')])
  })

  it('survives a `then` that throws, and a `failed` that throws', async () => {
    const failures: unknown[] = []
    const hostile = {
      get [THEN](): never {
        throw new Error('getter')
      },
    }
    guarded(
      error => failures.push(error),
      undefined,
      () => hostile,
    )
    const throwing = (): never => {
      throw new Error('the log is full')
    }
    guarded(throwing, undefined, throwing)
    guarded(throwing, undefined, async () => throwing())
    await Promise.resolve()
    expect(failures).toEqual([new Error('getter')])
  })
})
