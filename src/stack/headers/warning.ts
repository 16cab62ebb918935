import { PARAM_VALUE } from '../grammar/chars.ts'
import type { HeaderGrammar } from '../grammar/header.ts'
import { quote, type Scanner } from '../grammar/scanner.ts'

/** What a server has to say about its answer, `307 isi.edu "Session parameter 'foo' not understood"` (RFC 3261 §20.43). */
export class Warning {
  /** Three digits. */
  readonly code: number
  /** Host and port, or a pseudonym, of who warns. */
  readonly agent: string
  readonly text: string

  constructor(code: number, agent: string, text: string) {
    this.code = code
    this.agent = agent
    this.text = text
  }

  toString(): string {
    return `${this.code} ${this.agent} ${quote(this.text)}`
  }
}

/** `3DIGIT SP warn-agent SP quoted-string`, with commas between them. */
export const warnings: HeaderGrammar<Warning> = {
  parse: scanner => {
    const code = scanner.number(999)
    if (code < 100) scanner.fail('code of three digits expected')
    blank(scanner)
    const agent = scanner.take(PARAM_VALUE, 'warn-agent')
    blank(scanner)
    return new Warning(code, agent, scanner.quoted())
  },
  encode: value => value.toString(),
  values: 'listed',
}

function blank(scanner: Scanner): void {
  const before = scanner.position
  scanner.skipSpace()
  if (scanner.position === before) scanner.fail('blank expected')
}
