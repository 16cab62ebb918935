/** What is known at once, or will be. */
export type Eventual<T> = T | Promise<T>

/** Goes on with what is known: in the same turn where it is, so that nothing waits that need not. */
export function follow<T, R>(value: Eventual<T>, next: (known: T) => Eventual<R>): Eventual<R> {
  return value instanceof Promise ? value.then(next) : next(value)
}

/** All of them in their order, at once where each is known at once. */
export function together<T>(values: readonly Eventual<T>[]): Eventual<readonly T[]> {
  const known: T[] = []
  for (const value of values) {
    if (value instanceof Promise) return Promise.all(values)
    known.push(value)
  }
  return known
}
