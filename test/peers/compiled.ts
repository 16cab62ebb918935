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
const LIBSSL = '/usr/include/openssl/ssl.h'

/** Compiles a program against libsrtp2; throws one sentence where compiler or library are missing and cannot be installed. */
export function compiledWithLibsrtp2(source: URL): Compiled {
  installed('cc', 'gcc', 'libc6-dev')
  found('libsrtp2', () => existsSync(LIBSRTP2), ['libsrtp2-dev'])
  return compiled(source, '-lsrtp2')
}

/** As `compiledWithLibsrtp2`, against OpenSSL. */
export function compiledWithOpenssl(source: URL): Compiled {
  installed('cc', 'gcc', 'libc6-dev')
  found('libssl', () => existsSync(LIBSSL), ['libssl-dev'])
  return compiled(source, '-lssl', '-lcrypto')
}

function compiled(source: URL, ...libraries: readonly string[]): Compiled {
  const folder = mkdtempSync(join(tmpdir(), 'resip-c-'))
  const path = join(folder, 'program')
  execFileSync('cc', ['-O2', '-Wall', '-Werror', '-o', path, fileURLToPath(source), ...libraries])
  return { path, remove: () => rmSync(folder, { recursive: true, force: true }) }
}
