import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { installed } from '../../peers/installed.ts'

/** A Kamailio that answers every request with 200, pings and STUN by itself; stopped by `stop` (by its process id). */
export interface StunKamailio {
  readonly address: string
  readonly port: number
  stop(): Promise<void>
}

/** Where distributions put the modules. */
const folders = [
  '/usr/lib/x86_64-linux-gnu/kamailio/modules/',
  '/usr/lib/aarch64-linux-gnu/kamailio/modules/',
]

/** Listens on `address` over UDP and TCP, and waits until it does. */
export async function startStunKamailio(address: string, port: number): Promise<StunKamailio> {
  installed('kamailio', 'kamailio')
  const modules = folders.find(path => existsSync(join(path, 'stun.so')))
  if (modules === undefined) throw new Error('Kamailio has no stun.so: install Debian’s package kamailio')
  const folder = mkdtempSync(join(tmpdir(), 'resip-kamailio-'))
  const config = join(folder, 'kamailio.cfg')
  const lines = [
    'debug=1',
    'log_stderror=yes',
    'fork=yes',
    'children=1',
    'tcp_children=1',
    'auto_aliases=no',
    `listen=udp:${address}:${port}`,
    `listen=tcp:${address}:${port}`,
    `mpath="${modules}"`,
    'loadmodule "pv.so"',
    'loadmodule "sl.so"',
    'loadmodule "stun.so"',
    'request_route { sl_send_reply("200", "OK"); exit; }',
  ]
  writeFileSync(config, `${lines.join('\n')}\n`)
  const server = spawn('kamailio', ['-f', config, '-DD', '-E', '-w', folder, '-Y', folder], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  try {
    await listening(server, address, port)
  } catch (error) {
    server.kill('SIGKILL')
    rmSync(folder, { recursive: true, force: true })
    throw error
  }
  return {
    address,
    port,
    async stop() {
      await ended(server)
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** Its TCP main process is started last: it listens when that takes a connection. */
async function listening(server: ChildProcess, address: string, port: number): Promise<void> {
  let said = ''
  server.stderr?.on('data', (bytes: Buffer) => {
    said += bytes.toString()
  })
  for (const end = Date.now() + 20_000; Date.now() < end; ) {
    if (server.exitCode !== null) break
    if (await accepts(address, port)) return
    await new Promise(resolve => setTimeout(resolve, 50))
  }
  throw new Error(`Kamailio does not listen:\n${said}`)
}

function accepts(host: string, port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect({ host, port })
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

function ended(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null) return Promise.resolve()
  return new Promise(resolve => {
    server.once('exit', () => resolve())
    server.kill('SIGTERM')
  })
}
