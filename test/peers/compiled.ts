import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { found, installed } from './installed.ts'

/** A C program that was compiled for this run. */
export interface Compiled {
  readonly path: string
  remove(): void
}

const LIBSRTP2 = '/usr/include/srtp2/srtp.h'

/** Compiles a program against libsrtp2; throws one sentence where compiler or library are missing and cannot be installed. */
export function compiledWithLibsrtp2(source: URL): Compiled {
  installed('cc', 'gcc', 'libc6-dev')
  found('libsrtp2', () => existsSync(LIBSRTP2), ['libsrtp2-dev'])
  const folder = mkdtempSync(join(tmpdir(), 'resip-c-'))
  const path = join(folder, 'program')
  execFileSync('cc', ['-O2', '-Wall', '-Werror', '-o', path, fileURLToPath(source), '-lsrtp2'])
  return { path, remove: () => rmSync(folder, { recursive: true, force: true }) }
}
