import { describe, expect, it } from 'vitest'
import { drawMachine, feed, type Machine, openCells, to } from '../../src/util/machine.ts'

class Door {
  state: 'open' | 'closed' = 'closed'
  turn: unknown[] | null = null
  readonly seen: string[] = []
}

type Input = 'push' | 'pull' | 'knock'

function pushAgain(self: Door, event: string): void {
  self.seen.push(`${event}: ${self.state}, then push`)
  feed(door, self, 'push', 'again')
  self.seen.push(`still ${self.state}`)
}

function note(self: Door, event: string): void {
  self.seen.push(`${event}: ${self.state}`)
}

function fail(): void {
  throw new Error('stuck')
}

const door: Machine<'open' | 'closed', Input, Door, string> = {
  name: 'door',
  source: 'none',
  initial: 'closed',
  final: 'closed',
  inputs: ['push', 'pull', 'knock'],
  rows: {
    closed: { pull: to('open', pushAgain), knock: to('closed', fail) },
    open: { push: to('closed', note) },
  },
  absorbs: { closed: ['push'], open: ['pull'] },
}

describe('the state-machine kernel', () => {
  it('commits the state before actions run and queues what arrives meanwhile', () => {
    const self = new Door()
    feed(door, self, 'pull', 'first')
    expect(self.seen).toEqual(['first: open, then push', 'still open', 'again: closed'])
    expect(self.state).toBe('closed')
  })

  it('is not stuck by an action that throws', () => {
    const self = new Door()
    expect(() => feed(door, self, 'knock', 'x')).toThrow('stuck')
    feed(door, self, 'pull', 'after')
    expect(self.seen).toHaveLength(3)
  })

  it('names the cells that are neither handled nor absorbed', () => {
    expect(openCells(door)).toEqual(['open × knock'])
  })

  it('draws itself', () => {
    expect(drawMachine(door)).toBe(
      [
        'stateDiagram-v2',
        '  [*] --> closed',
        '  closed --> open : pull / push again',
        '  closed --> closed : knock / fail',
        '  open --> closed : push / note',
        '  closed --> [*]',
      ].join('\n'),
    )
  })
})
