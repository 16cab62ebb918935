import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { arch, platform } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The lines of Node that are supported, each at the version that the figures were measured with. */
const VERSIONS = ['22.23.3', '24.21.0', '26.12.1']

const root = fileURLToPath(new URL('../../', import.meta.url))
/** Outside the lock file: who installs resip does not download three programs. */
const cache = join(root, 'node_modules', '.cache', 'resip-nodes')

const vitest = join('node_modules', 'vitest', 'vitest.mjs')
const runs: Readonly<Record<string, readonly string[]>> = {
  unit: [vitest, 'run', '--project', 'unit'],
  sipp: [vitest, 'run', '--project', 'sipp'],
  bench: ['--expose-gc', join('dist', 'bench', 'main.js'), 'parse'],
}

const args = process.argv.slice(2)
const lines = args.filter(arg => /^\d+$/.test(arg))
const names = args.filter(arg => Object.hasOwn(runs, arg))
const unknown = args.find(arg => !lines.includes(arg) && !names.includes(arg))
const versions = VERSIONS.filter(version => lines.length === 0 || lines.includes(version.split('.')[0] ?? ''))
if (unknown !== undefined || versions.length === 0) {
  console.error('usage: npm run test:nodes -- [22|24|26]… [unit|sipp|bench]…')
  process.exitCode = 2
} else if (!versions.map(version => passes(version, names)).every(passed => passed)) process.exitCode = 1

/** Runs what is asked for, all of it by default, on one version, also after a failure. */
function passes(version: string, chosen: readonly string[]): boolean {
  const node = installed(version)
  const results = (chosen.length > 0 ? chosen : Object.keys(runs)).map(name => {
    console.log(`\nNode ${version}: ${name}`)
    return spawnSync(node, runs[name] ?? [], { cwd: root, stdio: 'inherit' }).status === 0
  })
  return results.every(passed => passed)
}

/** The program of a version, from the npm package that holds it and nothing else. */
function installed(version: string): string {
  const name = `node-${platform()}-${arch()}`
  const folder = join(cache, version)
  const node = join(folder, 'node_modules', name, 'bin', 'node')
  if (!existsSync(node)) {
    const options = ['--no-save', '--no-package-lock', '--no-audit', '--no-fund', '--prefix', folder]
    const npm = spawnSync('npm', ['install', ...options, `${name}@${version}`], { stdio: 'inherit' })
    if (npm.status !== 0) throw new Error(`npm could not install ${name}@${version}`)
  }
  return node
}
