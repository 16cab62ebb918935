import { describe, expect, it } from 'vitest'
import { drawMachine, feed, type Machine, openCells, to } from '../../src/util/machine.ts'

class Door {
  state: 'open' | 'closed' = 'closed'
  turn: unknown[] | null = null
  readonly seen: string[] = []
}

type Input = 'push' | 'pull' | 'knock' | 'kick'

function pushAgain(self: Door, event: string): void {
  self.seen.push(`${event}: ${self.state}, then push`)
  feed(door, self, 'push', 'again')
  self.seen.push(`still ${self.state}`)
}

function note(self: Door, event: string): void {
  self.seen.push(`${event}: ${self.state}`)
}

function fail(_: Door, event: string): void {
  throw new Error(`stuck: ${event}`)
}

function failAfterPushing(self: Door): void {
  feed(door, self, 'push', 'pushed')
  throw new Error('stuck: first')
}

const door: Machine<'open' | 'closed', Input, Door, string> = {
  name: 'door',
  source: 'none',
  initial: 'closed',
  final: 'closed',
  inputs: ['push', 'pull', 'knock', 'kick'],
  rows: {
    closed: {
      pull: to('open', pushAgain),
      knock: to('closed', fail),
      kick: to('open', failAfterPushing, fail, note),
    },
    open: { push: to('closed', note) },
  },
  absorbs: { closed: ['push'], open: ['pull', 'kick'] },
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

  it('an action that throws keeps neither the rest of its row nor what waits from being done', () => {
    const self = new Door()
    expect(() => feed(door, self, 'kick', 'x')).toThrow('stuck: first')
    expect(self.seen).toEqual(['x: open', 'pushed: closed'])
    expect(self.state).toBe('closed')
    expect(self.turn).toBeNull()
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
        '  closed --> open : kick / fail after pushing, fail, note',
        '  open --> closed : push / note',
        '  closed --> [*]',
      ].join('\n'),
    )
  })
})
