import { spawnSync } from 'node:child_process'

/** Installs a Debian package whose `program` is missing; throws one sentence where that cannot be done. */
export function installed(program: string, debianPackage: string): void {
  if (isHere(program)) return
  spawnSync('apt-get', ['install', '-y', debianPackage], { stdio: 'ignore' })
  if (!isHere(program)) throw new Error(`${program} is missing: apt-get install ${debianPackage}`)
}

function isHere(program: string): boolean {
  return spawnSync('which', [program]).status === 0
}
