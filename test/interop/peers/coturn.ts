import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { testCertificate, testKey } from '../../net/certificate.ts'
import { installed } from '../../peers/installed.ts'

/** A coturn on one loopback address, stopped by `stop` (by its process id). */
export interface Coturn {
  readonly address: string
  readonly port: number
  readonly tlsPort: number
  /** How its certificate is checked. */
  readonly tls: { readonly ca: string; readonly serverName: string }
  stop(): Promise<void>
}

const realm = 'turn.test'
export const alice = { username: 'alice', password: 'secret' }

/** Starts coturn on `address`, users alice:secret and bob:hunter2, and waits until it listens. */
export async function startCoturn(
  address: string,
  options: readonly string[] = [],
  port = 24_478,
): Promise<Coturn> {
  installed('turnserver', 'coturn')
  const folder = mkdtempSync(join(tmpdir(), 'resip-coturn-'))
  const certificate = join(folder, 'cert.pem')
  const key = join(folder, 'key.pem')
  writeFileSync(certificate, testCertificate)
  writeFileSync(key, testKey)
  const tlsPort = port + 1000
  const server = spawn(
    'turnserver',
    [
      '-n',
      '--no-cli',
      '--simple-log',
      '--log-file=stdout',
      '--lt-cred-mech',
      `--realm=${realm}`,
      '--user=alice:secret',
      '--user=bob:hunter2',
      '--allow-loopback-peers',
      '--no-multicast-peers',
      `--listening-ip=${address}`,
      `--relay-ip=${address}`,
      `--listening-port=${port}`,
      `--tls-listening-port=${tlsPort}`,
      '--min-port=53000',
      '--max-port=53999',
      `--cert=${certificate}`,
      `--pkey=${key}`,
      `--userdb=${join(folder, 'users')}`,
      `--pidfile=${join(folder, 'pid')}`,
      ...options,
    ],
    { stdio: ['ignore', 'pipe', 'ignore'] },
  )
  await listening(server)
  return {
    address,
    port,
    tlsPort,
    tls: { ca: testCertificate, serverName: realm },
    stop: async () => {
      await ended(server)
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

function listening(server: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let log = ''
    server.once('exit', code => reject(new Error(`coturn ended with ${code}: ${log}`)))
    server.stdout?.on('data', chunk => {
      log += chunk
      if (log.includes('SQLite DB connection success')) resolve()
    })
  })
}

function ended(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return Promise.resolve()
  return new Promise(resolve => {
    server.once('exit', () => resolve())
    server.kill('SIGKILL')
  })
}
