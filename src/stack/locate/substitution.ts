import { Expression } from './ere.ts'

/** Octets of a result: more than any URI that is meant. */
const MAX_RESULT = 1024

/**
 * Applies a record's substitution (`!^(.*)$!sip:\1@example.com!i`, RFC 3402): what the expression matches is
 * replaced, the rest stays. `undefined` where it is malformed, does not match, or makes too much.
 */
export function substituted(substitution: string, text: string): string | undefined {
  const parts = split(substitution)
  if (parts === undefined) return undefined
  const [pattern, replacement, flags] = parts
  if (flags !== '' && flags.toLowerCase() !== 'i') return undefined
  const expression = Expression.read(pattern, flags !== '')
  const match = expression?.match(text)
  if (match === undefined) return undefined
  const [from = 0, to = 0] = match
  const made = expanded(replacement, group => textOf(group, match, text))
  if (made === undefined) return undefined
  const result = text.slice(0, from) + made + text.slice(to)
  return result.length > MAX_RESULT ? undefined : result
}

/** Expression, replacement and flags; the first character stands between them, and with a backslash within them. */
function split(substitution: string): readonly [string, string, string] | undefined {
  const delimiter = substitution[0] ?? ''
  // RFC 3402: no digit, which could be a back-reference's, no backslash, no flag
  if (delimiter === '' || /[0-9\\i]/i.test(delimiter)) return undefined
  const parts: string[] = []
  let part = ''
  for (let at = 1; at < substitution.length; at++) {
    const character = substitution[at] ?? ''
    const next = substitution[at + 1] ?? ''
    if (character === '\\' && next !== '') {
      part += next === delimiter ? delimiter : character + next
      at++
    } else if (character === delimiter) {
      parts.push(part)
      part = ''
    } else part += character
  }
  const [pattern, replacement] = parts
  return parts.length === 2 && pattern && replacement !== undefined ? [pattern, replacement, part] : undefined
}

/** A replacement with `\1` to `\9` filled in; `undefined` where it names a group that there is none of. */
function expanded(replacement: string, group: (number: number) => string | undefined): string | undefined {
  let made = ''
  for (let at = 0; at < replacement.length; at++) {
    const character = replacement[at] ?? ''
    if (character !== '\\') {
      made += character
      continue
    }
    const next = replacement[++at] ?? ''
    const filled = /[1-9]/.test(next) ? group(Number(next)) : /[0-9]/.test(next) ? undefined : next
    if (filled === undefined) return undefined
    made += filled
  }
  return made
}

function textOf(group: number, match: readonly number[], text: string): string | undefined {
  const from = match[2 * group]
  const to = match[2 * group + 1]
  if (from === undefined || to === undefined) return undefined
  return from < 0 || to < 0 ? '' : text.slice(from, to)
}
