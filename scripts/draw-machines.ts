/**
 * Draws every state machine of the stack into docs/fsm, one Mermaid figure a file. With `--check` nothing is written,
 * and a figure that is not what its table says is an error.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { machines } from './machines.ts'

const folder = new URL('../../docs/fsm/', import.meta.url)

const figures = new Map<string, string>()
for (const { name, source, figure } of machines) {
  figures.set(
    `${name.toLowerCase().replaceAll(' ', '-')}.md`,
    `# ${name}\n\n${source}. Drawn from the table; \`npm run figures\` draws it anew.\n\n\`\`\`mermaid\n${figure}\n\`\`\`\n`,
  )
}

if (process.argv.includes('--check')) {
  const stale = [...figures].filter(([file, text]) => current(file) !== text).map(([file]) => file)
  const orphans = readdirSync(folder).filter(file => !figures.has(file))
  if (stale.length + orphans.length > 0) {
    console.error(`docs/fsm is stale: ${[...stale, ...orphans].join(', ')}; run npm run figures`)
    process.exitCode = 1
  }
} else {
  for (const [file, text] of figures) writeFileSync(new URL(file, folder), text)
  console.log(`${figures.size} figures drawn`)
}

function current(file: string): string | undefined {
  try {
    return readFileSync(new URL(file, folder), 'utf8')
  } catch {
    return undefined
  }
}
