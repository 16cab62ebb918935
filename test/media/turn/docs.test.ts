import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { allocationMachine, grantMachine } from '../../../src/media/turn/index.ts'
import { drawMachine } from '../../../src/util/machine.ts'

const page = readFileSync(new URL('../../../docs/turn.md', import.meta.url), 'utf8')

describe('docs/turn.md', () => {
  it('shows the machine as its table is', () => {
    expect(page).toContain(drawMachine(allocationMachine))
    expect(page).toContain(drawMachine(grantMachine))
  })
})
