import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Measurement } from '../bench/measurement.ts'
import { type Comparison, compared } from './comparison.ts'

/** A figure that is worse by more than this is marked, and ends the command with 1. */
const TOLERANCE = 0.1
const ROUNDS = 3

const here = fileURLToPath(new URL('../../', import.meta.url))

const args = process.argv.slice(2)
const rounds = Number(args.find(arg => arg.startsWith('--rounds='))?.slice(9) ?? ROUNDS)
const [ref, ...benches] = args.filter(arg => !arg.startsWith('--'))
if (ref === undefined || benches.length === 0 || !(rounds > 0)) {
  console.error('usage: npm run bench:compare -- [--rounds=3] <commit> <bench>…')
  process.exitCode = 2
} else compare(ref, benches)

/** Builds a commit beside this checkout and runs the benches of both in turn: only so do figures compare. */
function compare(commit: string, names: readonly string[]): void {
  const there = join(mkdtempSync(join(tmpdir(), 'resip-compare-')), 'checkout')
  try {
    execFileSync('git', ['worktree', 'add', '--detach', '--quiet', there, commit], { cwd: here })
    symlinkSync(join(here, 'node_modules'), join(there, 'node_modules'))
    execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json'], {
      cwd: there,
      stdio: 'inherit',
    })
    for (const name of names) {
      const [before, now]: [Measurement[], Measurement[]] = [[], []]
      for (let round = 0; round < rounds; round++) {
        before.push(...measurements(there, name))
        now.push(...measurements(here, name))
      }
      const found = compared(before, now)
      if (found.length === 0) console.log(`${name}: no figure that both have`)
      for (const comparison of found) print(comparison)
    }
  } finally {
    spawnSync('git', ['worktree', 'remove', '--force', there], { cwd: here })
    rmSync(join(there, '..'), { recursive: true, force: true })
  }
}

/** None where the bench fails or does not exist there, and says so. */
function measurements(checkout: string, bench: string): Measurement[] {
  const run = spawnSync(process.execPath, ['--expose-gc', 'dist/bench/main.js', bench, '--json'], {
    cwd: checkout,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const lines = run.stdout.split('\n').filter(line => line.startsWith('{'))
  return run.status === 0 ? lines.map((line): Measurement => JSON.parse(line)) : []
}

function print({ bench, case: what, unit, before, now, ratio }: Comparison): void {
  const verdict = ratio < 1 / (1 + TOLERANCE) ? 'WORSE' : ''
  if (verdict !== '') process.exitCode = 1
  const figures = `${before.toPrecision(4)} → ${now.toPrecision(4)} ${unit}`
  console.log(`${ratio.toFixed(2).padStart(6)} ×  ${bench}: ${what}  ${figures}  ${verdict}`.trimEnd())
}
