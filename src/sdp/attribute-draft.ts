import { DIRECTIONS, FLAG_NAMES, kindsOf, LISTS, type Syntax, VALUES } from './attribute-syntax.ts'
import {
  type AttributeEntries,
  type AttributeFlags,
  type AttributeKind,
  type Attributes,
  type AttributeValues,
  NO_ATTRIBUTES,
  type UnknownAttribute,
} from './session.ts'

type Mutable<T> = { -readonly [key in keyof T]: T[key] }
type ListDraft = { [kind in keyof AttributeEntries]: AttributeEntries[kind][] }

/** The attributes of a section while its lines are read. */
export class AttributeDraft {
  readonly #values: Mutable<AttributeValues> = {}
  readonly #flags: Partial<Mutable<AttributeFlags>> = {}
  readonly #lists: Partial<ListDraft> = {}
  readonly #unknown: UnknownAttribute[] = []
  readonly #order: AttributeKind[] = []

  /** Takes one line, without its `a=`. */
  add(text: string): void {
    const colon = text.indexOf(':')
    const name = colon < 0 ? text : text.slice(0, colon)
    const taken = TAKERS.get(name)?.(this, text) ?? 'attributes'
    this.#order.push(taken)
    if (taken === 'attributes')
      this.#unknown.push(colon < 0 ? { name } : { name, value: text.slice(colon + 1) })
  }

  takeValue<K extends keyof AttributeValues>(
    kind: K,
    syntax: Syntax<NonNullable<AttributeValues[K]>>,
    text: string,
  ): boolean {
    if (this.#values[kind] !== undefined) return false
    const value = faithful(syntax, text)
    if (value === undefined) return false
    this.#values[kind] = value
    return true
  }

  takeEntry<K extends keyof AttributeEntries>(
    kind: K,
    syntax: Syntax<AttributeEntries[K]>,
    text: string,
  ): boolean {
    const entry = faithful(syntax, text)
    if (entry === undefined) return false
    const list: AttributeEntries[K][] = this.#lists[kind] ?? []
    list.push(entry)
    Object.assign(this.#lists, { [kind]: list })
    return true
  }

  takeFlag(kind: keyof AttributeFlags, text: string): boolean {
    if (text !== FLAG_NAMES[kind] || this.#flags[kind]) return false
    this.#flags[kind] = true
    return true
  }

  finished(): Attributes {
    return {
      ...NO_ATTRIBUTES,
      ...this.#values,
      ...this.#flags,
      ...this.#lists,
      attributes: this.#unknown,
      order: this.#order,
    }
  }
}

/** A value that gives the very text again when it is written; undefined where something would be lost. */
function faithful<T>(syntax: Syntax<T>, text: string): T | undefined {
  const value = syntax.read(text)
  return value !== undefined && syntax.write(value) === text ? value : undefined
}

type Taker = (draft: AttributeDraft, text: string) => AttributeKind | undefined

/** By the name on the wire: who reads the attribute. A Map, so that no name finds what it should not. */
const TAKERS: ReadonlyMap<string, Taker> = takers()

function takers(): Map<string, Taker> {
  const made = new Map<string, Taker>()
  const value = <K extends keyof AttributeValues>(
    kind: K,
    syntax: Syntax<NonNullable<AttributeValues[K]>>,
  ): void => {
    made.set(syntax.name, (draft, text) => (draft.takeValue(kind, syntax, text) ? kind : undefined))
  }
  const list = <K extends keyof AttributeEntries>(kind: K, syntax: Syntax<AttributeEntries[K]>): void => {
    made.set(syntax.name, (draft, text) => (draft.takeEntry(kind, syntax, text) ? kind : undefined))
  }
  for (const kind of kindsOf(VALUES)) value(kind, VALUES[kind])
  for (const kind of kindsOf(LISTS)) list(kind, LISTS[kind])
  for (const kind of kindsOf(FLAG_NAMES)) {
    made.set(FLAG_NAMES[kind], (draft, text) => (draft.takeFlag(kind, text) ? kind : undefined))
  }
  made.delete(VALUES.direction.name)
  for (const direction of DIRECTIONS) {
    made.set(direction, (draft, text) =>
      draft.takeValue('direction', VALUES.direction, text) ? 'direction' : undefined,
    )
  }
  return made
}
