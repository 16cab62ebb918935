import { spawnSync } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

let listsAreNew = false

/** Installs the Debian packages of a `program` that is missing; throws one sentence where that cannot be done. */
export function installed(program: string, ...debianPackages: readonly string[]): void {
  found(program, () => isHere(program), debianPackages)
}

/** The same for what is no program, which `isThere` finds: a header, a plug-in. */
export function found(what: string, isThere: () => boolean, debianPackages: readonly string[]): void {
  if (isThere()) return
  if (!listsAreNew) aptGet('update')
  listsAreNew = true
  aptGet('install', '-y', '--no-install-recommends', ...debianPackages)
  if (!isThere()) {
    throw new Error(`${what} is missing: install it with "apt-get install ${debianPackages.join(' ')}"`)
  }
}

function isHere(program: string): boolean {
  return (process.env.PATH ?? '').split(delimiter).some(folder => isExecutable(join(folder, program)))
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** Waits up to five minutes for another apt-get to finish. */
function aptGet(...args: readonly string[]): void {
  spawnSync('apt-get', ['-o', 'DPkg::Lock::Timeout=300', ...args], {
    stdio: 'ignore',
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  })
}
