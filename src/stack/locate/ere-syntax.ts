/** Tells whether a character, by its code, is one that is meant. */
export type Test = (code: number) => boolean

/** A part of an expression, as it was written. */
export type Node =
  | { readonly kind: 'character'; readonly test: Test }
  | { readonly kind: 'start' | 'end' }
  | { readonly kind: 'group'; readonly group: number; readonly node: Node }
  | { readonly kind: 'sequence' | 'alternatives'; readonly nodes: readonly Node[] }
  | {
      readonly kind: 'repeat'
      readonly node: Node
      readonly least: number
      readonly most: number | undefined
    }

/** Thrown where an expression is malformed, or has what is not followed here; caught where it is compiled. */
export class MalformedExpression extends Error {}

const MAX_REPEAT = 255
const MAX_DEPTH = 32
/** Groups that a substitution can name (RFC 3402). */
const MAX_GROUPS = 9

/** A class of characters in brackets, `[[:digit:]]`. */
const classes: ReadonlyMap<string, RegExp> = new Map([
  ['alnum', /[a-z0-9]/i],
  ['alpha', /[a-z]/i],
  ['blank', /[ \t]/],
  ['digit', /[0-9]/],
  ['graph', /[!-~]/],
  ['lower', /[a-z]/],
  ['print', /[ -~]/],
  ['punct', /[!-/:-@[-`{-~]/],
  ['space', /[ \t\r\n\v\f]/],
  ['upper', /[A-Z]/],
  ['xdigit', /[0-9a-f]/i],
])

/** Reads a POSIX extended regular expression; each part of it is read once. */
export class ExpressionReader {
  groups = 0
  readonly #text: string
  readonly #ignoreCase: boolean
  #at = 0
  #depth = 0

  constructor(text: string, ignoreCase: boolean) {
    this.#text = text
    this.#ignoreCase = ignoreCase
  }

  /** @throws MalformedExpression */
  read(): Node {
    const node = this.#alternatives()
    if (this.#at < this.#text.length) throw new MalformedExpression()
    return node
  }

  #alternatives(): Node {
    if (++this.#depth > MAX_DEPTH) throw new MalformedExpression()
    const first = this.#sequence()
    const nodes = [first]
    while (this.#accept('|')) nodes.push(this.#sequence())
    this.#depth--
    return nodes.length === 1 ? first : { kind: 'alternatives', nodes }
  }

  #sequence(): Node {
    const nodes: Node[] = []
    while (this.#next !== '' && this.#next !== '|' && this.#next !== ')') nodes.push(this.#piece())
    return { kind: 'sequence', nodes }
  }

  #piece(): Node {
    const node = this.#atom()
    const repeat = this.#repetition(node)
    if (repeat === undefined) return node
    // what a second one means is left open by POSIX
    if (this.#repetition(node) !== undefined) throw new MalformedExpression()
    return repeat
  }

  /** `*`, `+`, `?`, `{m}`, `{m,}`, `{m,n}`. */
  #repetition(node: Node): Node | undefined {
    if (this.#accept('*')) return { kind: 'repeat', node, least: 0, most: undefined }
    if (this.#accept('+')) return { kind: 'repeat', node, least: 1, most: undefined }
    if (this.#accept('?')) return { kind: 'repeat', node, least: 0, most: 1 }
    if (this.#next !== '{') return undefined
    const [whole, from, comma, to] = /^\{(\d{1,3})(,(\d{1,3})?)?\}/.exec(this.#text.slice(this.#at)) ?? []
    if (whole === undefined) throw new MalformedExpression()
    this.#at += whole.length
    const least = Number(from)
    const most = comma === undefined ? least : to === undefined ? undefined : Number(to)
    if (Math.max(least, most ?? 0) > MAX_REPEAT || (most ?? least) < least) throw new MalformedExpression()
    return { kind: 'repeat', node, least, most }
  }

  #atom(): Node {
    const character = this.#take()
    switch (character) {
      case '(':
        return this.#group()
      case '.':
        return { kind: 'character', test: () => true }
      case '[':
        return { kind: 'character', test: this.#bracket() }
      case '^':
        return { kind: 'start' }
      case '$':
        return { kind: 'end' }
      case '\\':
        return { kind: 'character', test: this.#escaped() }
      case '*':
      case '+':
      case '?':
      case '{':
        throw new MalformedExpression()
      default:
        return { kind: 'character', test: this.#literal(character) }
    }
  }

  #group(): Node {
    const group = ++this.groups
    if (group > MAX_GROUPS) throw new MalformedExpression()
    const node = this.#alternatives()
    if (!this.#accept(')')) throw new MalformedExpression()
    return { kind: 'group', group, node }
  }

  /** A special character as itself. A digit would be a back-reference, which no time is linear for. */
  #escaped(): Test {
    const character = this.#take()
    if (/[a-z0-9]/i.test(character)) throw new MalformedExpression()
    return this.#literal(character)
  }

  #literal(character: string): Test {
    const code = character.charCodeAt(0)
    return this.#folded(other => other === code)
  }

  #bracket(): Test {
    const isNegated = this.#accept('^')
    const tests = [this.#element()]
    while (!this.#accept(']')) tests.push(this.#element())
    const any = this.#folded(code => tests.some(test => test(code)))
    return isNegated ? code => !any(code) : any
  }

  #element(): Test {
    const rest = this.#text.slice(this.#at, this.#at + 12)
    const [whole, name = ''] = /^\[:([a-z]+):\]/.exec(rest) ?? []
    if (whole !== undefined) {
      const named = classes.get(name)
      if (named === undefined) throw new MalformedExpression()
      this.#at += whole.length
      return code => named.test(String.fromCharCode(code))
    }
    // collating elements and equivalence classes belong to locales, which a record has none of
    if (/^\[[:.=]/.test(rest)) throw new MalformedExpression()
    const from = this.#take().charCodeAt(0)
    if (this.#next !== '-' || this.#text[this.#at + 1] === ']') return code => code === from
    this.#at++
    const to = this.#take().charCodeAt(0)
    if (to < from) throw new MalformedExpression()
    return code => code >= from && code <= to
  }

  #folded(test: Test): Test {
    if (!this.#ignoreCase) return test
    return code => {
      const character = String.fromCharCode(code)
      return test(character.toLowerCase().charCodeAt(0)) || test(character.toUpperCase().charCodeAt(0))
    }
  }

  get #next(): string {
    return this.#text[this.#at] ?? ''
  }

  #accept(character: string): boolean {
    if (this.#next !== character) return false
    this.#at++
    return true
  }

  #take(): string {
    const character = this.#next
    if (character === '') throw new MalformedExpression()
    this.#at++
    return character
  }
}
