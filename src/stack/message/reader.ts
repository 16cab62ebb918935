import type { Header } from '../grammar/header.ts'
import { ParseError } from '../grammar/parse-error.ts'

/** What was read without throwing: the value, or what is wrong with it. */
export type Attempt<T> =
  | { readonly value: T; readonly error?: undefined }
  | { readonly error: ParseError; readonly value?: undefined }

/** Turns a ParseError that `read` throws into a value. */
export function attempt<T>(read: () => T): Attempt<T> {
  try {
    return { value: read() }
  } catch (error) {
    if (error instanceof ParseError) return { error }
    throw error
  }
}

/** What can be read from every message, received or being made. */
export interface HeaderReader {
  /**
   * The first value of a header, `undefined` where it is absent.
   * @throws ParseError where it is malformed, every time
   */
  get<T>(header: Header<T>): T | undefined
  /**
   * All values of a header in their order.
   * @throws ParseError where one of them is malformed
   */
  all<T>(header: Header<T>): readonly T[]
  has(header: Header<unknown>): boolean
  /** The first value, or what is wrong with it. */
  try<T>(header: Header<T>): Attempt<T | undefined>
}
