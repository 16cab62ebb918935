import { lastRequired, type StunAttribute } from './attribute.ts'
import * as attributes from './attributes/index.ts'
import type { StunMessage } from './message.ts'

/** Every attribute that this package knows, by type. */
export const knownAttributes: ReadonlyMap<number, StunAttribute<unknown>> = collect()

/** Types that RFC 3489 servers add and that a client passes over (RFC 5389 §12.1). */
const classicTypes: ReadonlySet<number> = new Set([0x0002, 0x0004, 0x0005, 0x000b])

/**
 * Types below 0x8000 that `message` carries and `known` does not have, each once: the list of a 420 (RFC 8489
 * §6.3.1). Without `known`, all that this package knows is known.
 */
export function unknownRequired(
  message: StunMessage,
  known: { has(type: number): boolean } = knownAttributes,
): number[] {
  const { index } = message
  let unknown: Set<number> | undefined
  for (let i = 0; i < index.length; i += 2) {
    const type = index[i] ?? 0
    if (type > lastRequired || known.has(type)) continue
    if (message.class === 'success' && classicTypes.has(type)) continue
    unknown ??= new Set()
    unknown.add(type)
  }
  return unknown === undefined ? [] : [...unknown]
}

/** The first known attribute of `message` whose value breaks its own format, or `undefined`. */
export function malformedAttribute(message: StunMessage): StunAttribute<unknown> | undefined {
  const { index } = message
  for (let i = 0; i < index.length; i += 2) {
    const attribute = knownAttributes.get(index[i] ?? 0)
    if (attribute === undefined) continue
    const offset = index[i + 1] ?? 0
    if (attribute.decode(message, offset, message.lengthAt(offset)) === undefined) return attribute
  }
  return undefined
}

function collect(): Map<number, StunAttribute<unknown>> {
  const map = new Map<number, StunAttribute<unknown>>()
  for (const one of Object.values(attributes)) {
    if (typeof one === 'object' && 'decode' in one) map.set(one.type, one)
  }
  return map
}
