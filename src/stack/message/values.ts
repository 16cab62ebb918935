import type { Header } from '../grammar/header.ts'
import { elementEnd, elementStart } from './elements.ts'
import type { Head } from './head.ts'

/**
 * The first value of a header, `undefined` where it is absent; what stands behind it is not looked at.
 * @throws ParseError where it is malformed
 */
export function firstValue<T>(head: Head, header: Header<T>): T | undefined {
  let line = head.find(header.id, header.name)
  if (line < 0) return undefined
  if (!header.hasCommas) return header.parseFirst(head, head.valueStart(line), head.lineEnd(line))
  // a line of a list may be empty, so that the first value stands on a later one
  for (; line >= 0; line = head.find(header.id, header.name, line + 1)) {
    const first = firstElement(head.text, head.valueStart(line), head.lineEnd(line))
    if (first >= 0) return header.parseFirst(head, first, head.lineEnd(line))
  }
  return undefined
}

/**
 * All values of a header from a line and, where it is given, a place in that line on.
 * @throws ParseError where one is malformed
 */
export function allValues<T>(head: Head, header: Header<T>, fromLine: number = 0, at: number = -1): T[] {
  const values: T[] = []
  for (
    let line = head.find(header.id, header.name, fromLine);
    line >= 0;
    line = head.find(header.id, header.name, line + 1)
  ) {
    const start = line === fromLine && at >= 0 ? at : head.valueStart(line)
    header.parseAll(head, start, head.lineEnd(line), values)
  }
  header.checkAll(values)
  return values
}

/**
 * The values of a header one after the other, the first `skip` left out, each read when it is asked for: what is
 * malformed further on throws when its turn comes, and hurts nobody who has stopped before.
 */
export function* eachValue<T>(
  head: Head,
  header: Header<T>,
  skip: number,
): Generator<T, undefined, undefined> {
  let passed = 0
  for (
    let line = head.find(header.id, header.name);
    line >= 0;
    line = head.find(header.id, header.name, line + 1)
  ) {
    const end = head.lineEnd(line)
    let at = elementStart(head.text, head.valueStart(line), end, header.hasCommas)
    while (at < end) {
      if (passed++ >= skip) yield header.parseFirst(head, at, end)
      at = elementStart(head.text, elementEnd(head.text, at, end, header.hasCommas), end, header.hasCommas)
    }
  }
  return undefined
}

/** Where the first element of a comma-separated list starts, -1 where the list is empty. */
function firstElement(text: string, start: number, end: number): number {
  for (let at = start; at < end; at++) {
    const code = text.charCodeAt(at)
    if (code !== 0x2c && code !== 0x20 && code !== 0x09 && code !== 0x0d && code !== 0x0a) return at
  }
  return -1
}
