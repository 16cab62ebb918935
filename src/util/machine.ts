/**
 * The state-machine kernel. A machine is a static table that can be laid beside the RFC's figure: for each state the
 * inputs it knows, and for each input the state that follows and the actions on the way. An instance is only its
 * state and its data; nothing of the table is copied or closed over.
 */

/** One step on the way from a state to the next. Actions are plain static functions. */
export type Action<M, E> = (self: M, event: E) => void

interface Row<S extends string, M, E> {
  readonly to: S
  readonly actions: readonly Action<M, E>[]
}

/** What every instance of a machine carries. */
export interface MachineInstance<S extends string> {
  state: S
  /** Inputs that wait while actions run, as input and event in turn; `null` when nothing is running. */
  turn: unknown[] | null
}

export interface Machine<S extends string, I extends string, M extends MachineInstance<S>, E> {
  readonly name: string
  /** Where the figure stands: `RFC 3261 §17.1.1, Figure 5`. */
  readonly source: string
  readonly initial: S
  readonly final: S
  readonly inputs: readonly I[]
  readonly rows: { readonly [state in S]: { readonly [input in I]?: Row<S, M, E> } }
  /** Inputs that a state swallows on purpose: a cell without a row must be named here. */
  readonly absorbs: { readonly [state in S]: readonly I[] }
}

/** A table row: go to `state`, then do `actions` in order. */
export function to<S extends string, M, E>(state: S, ...actions: readonly Action<M, E>[]): Row<S, M, E> {
  return { to: state, actions }
}

/** Stands for an empty queue while actions run, so that only what really waits is kept anywhere. */
const running: unknown[] = []

/**
 * Gives `input` to an instance. The new state is committed before its actions run; an input that arrives from
 * within an action waits until they are done. **An action that throws keeps nothing else from being done**: the rest of
 * its row and the waiting inputs are still handled, and the first error is thrown at the end.
 */
export function feed<S extends string, I extends string, M extends MachineInstance<S>, E>(
  machine: Machine<S, I, M, E>,
  self: M,
  input: I,
  event: E,
): void {
  if (self.turn !== null) {
    if (self.turn === running) self.turn = [input, event]
    else self.turn.push(input, event)
    return
  }
  self.turn = running
  let failure = step(machine, self, input, event, undefined)
  // what waits is written by a machine of this very type, by the lines above
  for (let next = 0; next < self.turn.length; next += 2) {
    failure = step(machine, self, self.turn[next] as I, self.turn[next + 1] as E, failure)
  }
  self.turn = null
  if (failure !== undefined) throw failure.error
}

/** Takes one row; answers the first failure there was. */
function step<S extends string, I extends string, M extends MachineInstance<S>, E>(
  machine: Machine<S, I, M, E>,
  self: M,
  input: I,
  event: E,
  earlier: { readonly error: unknown } | undefined,
): { readonly error: unknown } | undefined {
  const row = machine.rows[self.state][input]
  if (row === undefined) return earlier
  self.state = row.to
  let failure = earlier
  for (const action of row.actions) {
    try {
      action(self, event)
    } catch (error) {
      failure ??= { error }
    }
  }
  return failure
}

/** Cells of the table that have neither a row nor a place in `absorbs`, or have both; empty when it is complete. */
export function openCells<S extends string, I extends string, M extends MachineInstance<S>, E>(
  machine: Machine<S, I, M, E>,
): string[] {
  const open: string[] = []
  for (const state of statesOf(machine)) {
    for (const input of machine.inputs) {
      const handled = machine.rows[state][input] !== undefined
      if (handled === machine.absorbs[state].includes(input)) open.push(`${state} × ${input}`)
    }
  }
  return open
}

/** The machine as a Mermaid state diagram, rows with the same ends drawn as one arrow. */
export function drawMachine<S extends string, I extends string, M extends MachineInstance<S>, E>(
  machine: Machine<S, I, M, E>,
): string {
  const lines = ['stateDiagram-v2', `  [*] --> ${machine.initial}`]
  for (const state of statesOf(machine)) {
    const arrows = new Map<string, string[]>()
    for (const input of machine.inputs) {
      const row = machine.rows[state][input]
      if (row === undefined) continue
      const doing = row.actions.map(action => words(action.name)).join(', ')
      const end = `${row.to}|${doing}`
      arrows.set(end, [...(arrows.get(end) ?? []), input])
    }
    for (const [end, inputs] of arrows) {
      const [target, doing] = end.split('|')
      lines.push(`  ${state} --> ${target} : ${inputs.join(' or ')}${doing ? ` / ${doing}` : ''}`)
    }
  }
  lines.push(`  ${machine.final} --> [*]`)
  return lines.join('\n')
}

function statesOf<S extends string>(machine: { readonly rows: { readonly [state in S]: unknown } }): S[] {
  return Object.keys(machine.rows) as S[]
}

/** `startTimerG` as it reads in a figure: `start timer G`. */
function words(name: string): string {
  return name.replace(/[A-Z0-9]+/g, (part, at: number) => {
    const isName = part.length > 1 || at === name.length - 1
    return ` ${isName ? part : part.toLowerCase()}`
  })
}
