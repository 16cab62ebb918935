/** @internal Who awaits an answer. */
export interface Waiting<T> {
  resolve(value: T): void
  reject(error: Error): void
}

/** @internal Has `waiting` in the line before what it waits for is asked: the answer may come within the call. */
export function withinLine<T>(line: Waiting<T>[], waiting: Waiting<T>, ask: () => void): void {
  line.push(waiting)
  try {
    ask()
  } catch (error) {
    line.splice(line.indexOf(waiting), 1)
    throw error
  }
}
