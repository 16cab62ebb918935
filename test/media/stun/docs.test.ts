import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { natBehaviorMachine, stunClientMachine } from '../../../src/media/stun/index.ts'
import { drawMachine } from '../../../src/util/machine.ts'

const page = readFileSync(new URL('../../../docs/stun.md', import.meta.url), 'utf8')

describe('docs/stun.md', () => {
  it('shows the machines as their tables are', () => {
    expect(page).toContain(drawMachine(stunClientMachine))
    expect(page).toContain(drawMachine(natBehaviorMachine))
  })
})
