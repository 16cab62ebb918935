import { type LineReader, SPACE } from './line-reader.ts'

/**
 * How an attribute is read and written, without its `a=`. A reader begins behind the colon. It answers undefined for
 * text that it cannot take, and takes none that its writer would write otherwise; what it leaves of the line makes
 * the whole line an unknown attribute, which is kept as it is.
 */
export interface Syntax<T> {
  readonly name: string
  read(line: LineReader): T | undefined
  write(value: T): string
}

export const MAX_PORT = 65_535

/** The words that follow, one space before each. */
export function nextWords(line: LineReader): string[] {
  const words: string[] = []
  for (let next = line.nextWord(); next !== undefined; next = line.nextWord()) words.push(next)
  return words
}

/** What follows a space; undefined where there is no space. */
export function restAfterSpace(line: LineReader): string | undefined {
  return line.skip(SPACE) ? line.takeRest() : undefined
}
