import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const root = fileURLToPath(new URL('../../', import.meta.url))

/** The JavaScript that a page of ours shows, in its order. */
export function snippetsOf(page: string): string[] {
  return [...readFileSync(root + page, 'utf8').matchAll(/```js\n([\s\S]*?)```/g)].map(([, code = '']) => code)
}

/**
 * Runs a module inside the package, so that `resip/stack` goes through its exports to the build of this checkout, and
 * answers what it printed.
 */
export async function run(code: string): Promise<string> {
  const folder = mkdtempSync(`${root}dist/snippet-`)
  try {
    writeFileSync(`${folder}/snippet.mjs`, code)
    const { stdout } = await promisify(execFile)(process.execPath, [`${folder}/snippet.mjs`], {
      timeout: 20_000,
    })
    return stdout
  } finally {
    rmSync(folder, { recursive: true })
  }
}
