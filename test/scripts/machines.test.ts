import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { machines } from '../../scripts/machines.ts'

const folder = new URL('../../docs/fsm/', import.meta.url)

describe.each(machines)('the $name', ({ name, figure, open }) => {
  it('has a row or an explicit "absorbed" for every state and input', () => {
    expect(open).toEqual([])
  })

  it('is drawn in docs/fsm as its table stands', () => {
    const file = `${name.toLowerCase().replaceAll(' ', '-')}.md`
    expect(readFileSync(new URL(file, folder), 'utf8')).toContain(`\`\`\`mermaid\n${figure}\n\`\`\``)
  })
})

it('docs/fsm holds no figure of a machine that is gone', () => {
  expect(readdirSync(folder)).toHaveLength(machines.length)
})
