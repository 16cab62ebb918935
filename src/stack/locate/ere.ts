import { ExpressionReader, MalformedExpression, type Node, type Test } from './ere-syntax.ts'

type Instruction =
  | { readonly op: 'character'; readonly test: Test }
  /** On to both; the first is preferred. */
  | { readonly op: 'split'; first: number; second: number }
  | { readonly op: 'jump'; to: number }
  /** Keeps where in the text it is passed: 2·n where group n begins, 2·n + 1 where it ends. */
  | { readonly op: 'save'; readonly slot: number }
  | { readonly op: 'start' | 'end' | 'match' }

/** Instructions of one expression, its repetitions written out; a record has at most 255 octets of text. */
const MAX_PROGRAM = 2000

/** One way through the expression: where it is, and what it has kept. */
interface Thread {
  readonly at: number
  readonly saved: readonly number[]
}

/** Where the whole match and each group begins and ends; -1 for a group that took no part. */
export type Match = readonly number[]

/**
 * A POSIX extended regular expression as NAPTR records hold them (RFC 3402), matched in time linear in the text: all
 * ways through it are followed at once and no two to the same place, so that no record makes us search for long. Of
 * the leftmost matches the longest is taken. Back-references and collating elements are refused.
 */
export class Expression {
  readonly #program: readonly Instruction[]
  readonly #groups: number

  /** Reads an expression; `undefined` where it is malformed, or more than is followed here. */
  static read(text: string, ignoreCase: boolean): Expression | undefined {
    try {
      const reader = new ExpressionReader(text, ignoreCase)
      const program: Instruction[] = []
      write(reader.read(), program)
      emit(program, { op: 'match' })
      return new Expression(program, reader.groups)
    } catch (error) {
      if (error instanceof MalformedExpression) return undefined
      throw error
    }
  }

  private constructor(program: readonly Instruction[], groups: number) {
    this.#program = program
    this.#groups = groups
  }

  match(text: string): Match | undefined {
    const none = new Array<number>(2 * (this.#groups + 1)).fill(-1)
    let best: Match | undefined
    let threads: Thread[] = []
    for (let position = 0; position <= text.length; position++) {
      // a match may begin here unless one began before
      if (best === undefined) threads.push({ at: 0, saved: keeping(none, 0, position) })
      const code = position < text.length ? text.charCodeAt(position) : -1
      const next: Thread[] = []
      let isMatched = false
      for (const thread of this.#closure(threads, position, text.length)) {
        const { at, saved } = thread
        const began = saved[0] ?? 0
        if (best !== undefined && began > (best[0] ?? 0)) continue
        const instruction = this.#program[at]
        if (instruction?.op === 'match' && !isMatched) {
          isMatched = true
          best = keeping(saved, 1, position)
        }
        if (instruction?.op === 'character' && code >= 0 && instruction.test(code))
          next.push({ at: at + 1, saved })
      }
      threads = next
    }
    return best
  }

  /** What can be reached from some threads without a character, each place once, by who is preferred. */
  #closure(threads: readonly Thread[], position: number, end: number): readonly Thread[] {
    const reached: Thread[] = []
    const seen = new Uint8Array(this.#program.length)
    const stack = [...threads].reverse()
    for (let thread = stack.pop(); thread !== undefined; thread = stack.pop()) {
      const { at, saved } = thread
      const instruction = this.#program[at]
      if (instruction === undefined || seen[at] === 1) continue
      seen[at] = 1
      switch (instruction.op) {
        case 'jump':
          stack.push({ at: instruction.to, saved })
          break
        case 'split':
          stack.push({ at: instruction.second, saved }, { at: instruction.first, saved })
          break
        case 'save':
          stack.push({ at: at + 1, saved: keeping(saved, instruction.slot, position) })
          break
        case 'start':
          if (position === 0) stack.push({ at: at + 1, saved })
          break
        case 'end':
          if (position === end) stack.push({ at: at + 1, saved })
          break
        default:
          reached.push(thread)
      }
    }
    return reached
  }
}

function write(node: Node, program: Instruction[]): void {
  switch (node.kind) {
    case 'character':
      emit(program, { op: 'character', test: node.test })
      break
    case 'start':
    case 'end':
      emit(program, { op: node.kind })
      break
    case 'group':
      emit(program, { op: 'save', slot: 2 * node.group })
      write(node.node, program)
      emit(program, { op: 'save', slot: 2 * node.group + 1 })
      break
    case 'sequence':
      for (const part of node.nodes) write(part, program)
      break
    case 'alternatives':
      writeAlternatives(node.nodes, program)
      break
    case 'repeat':
      for (let count = 0; count < node.least; count++) write(node.node, program)
      if (node.most === undefined) writeStar(node.node, program)
      else writeOptional(node.node, node.most - node.least, program)
  }
}

function writeAlternatives(nodes: readonly Node[], program: Instruction[]): void {
  const jumps: { to: number }[] = []
  for (const [index, node] of nodes.entries()) {
    if (index === nodes.length - 1) {
      write(node, program)
      break
    }
    const split = emit(program, { op: 'split' as const, first: program.length + 1, second: 0 })
    write(node, program)
    jumps.push(emit(program, { op: 'jump' as const, to: 0 }))
    split.second = program.length
  }
  for (const jump of jumps) jump.to = program.length
}

function writeStar(node: Node, program: Instruction[]): void {
  const from = program.length
  const split = emit(program, { op: 'split' as const, first: from + 1, second: 0 })
  write(node, program)
  emit(program, { op: 'jump', to: from })
  split.second = program.length
}

function writeOptional(node: Node, times: number, program: Instruction[]): void {
  const splits: { second: number }[] = []
  for (let count = 0; count < times; count++) {
    splits.push(emit(program, { op: 'split' as const, first: program.length + 1, second: 0 }))
    write(node, program)
  }
  for (const split of splits) split.second = program.length
}

function emit<I extends Instruction>(program: Instruction[], instruction: I): I {
  if (program.length >= MAX_PROGRAM) throw new MalformedExpression()
  program.push(instruction)
  return instruction
}

function keeping(saved: readonly number[], slot: number, value: number): readonly number[] {
  const copy = [...saved]
  copy[slot] = value
  return copy
}
