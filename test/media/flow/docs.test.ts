import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { flowMachine } from '../../../src/media/flow/index.ts'
import { drawMachine } from '../../../src/util/machine.ts'

const page = readFileSync(new URL('../../../docs/flows.md', import.meta.url), 'utf8')

describe('docs/flows.md', () => {
  it('shows the machine as its table is', () => {
    expect(page).toContain(drawMachine(flowMachine))
  })
})
