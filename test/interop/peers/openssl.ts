import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { DtlsProfile, Fingerprint } from '../../../src/media/dtls/index.ts'

const LABEL = 'EXTRACTOR-dtls_srtp'
const PROFILES: Readonly<Record<DtlsProfile, string>> = {
  AES_CM_128_HMAC_SHA1_80: 'SRTP_AES128_CM_SHA1_80',
  AES_CM_128_HMAC_SHA1_32: 'SRTP_AES128_CM_SHA1_32',
  AEAD_AES_128_GCM: 'SRTP_AEAD_AES_128_GCM',
  AEAD_AES_256_GCM: 'SRTP_AEAD_AES_256_GCM',
}

export interface OpensslOptions {
  readonly key?: 'EC' | 'RSA'
  readonly profiles?: readonly DtlsProfile[]
  readonly length?: number
  readonly cipher?: string
  readonly groups?: string
  readonly mtu?: number
}

/** The certificates that the `openssl` programs show, made once. */
export class OpensslIdentities {
  readonly #folder = mkdtempSync(join(tmpdir(), 'resip-openssl-'))

  constructor() {
    this.#make('EC', ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'])
    this.#make('RSA', ['-newkey', 'rsa:2048'])
  }

  fingerprint(key: 'EC' | 'RSA'): Fingerprint {
    const { fingerprint256 } = new X509Certificate(readFileSync(this.#file(key, 'cert')))
    return { hash: 'sha-256', value: fingerprint256 }
  }

  arguments(key: 'EC' | 'RSA'): readonly string[] {
    return ['-cert', this.#file(key, 'cert'), '-key', this.#file(key, 'key')]
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true })
  }

  #file(key: string, what: string): string {
    return join(this.#folder, `${key}-${what}.pem`)
  }

  #make(key: 'EC' | 'RSA', args: readonly string[]): void {
    const files = ['-keyout', this.#file(key, 'key'), '-out', this.#file(key, 'cert')]
    const all = ['req', '-x509', '-nodes', ...args, ...files, '-days', '3', '-subj', '/CN=openssl']
    execFileSync('openssl', all, { stdio: 'ignore' })
  }
}

/** One run of `openssl s_client` or `s_server`; `keyingMaterial` resolves once its handshake is done. */
export class OpensslPeer {
  readonly #process: ChildProcess
  log = ''
  readonly #waiting = new Set<() => void>()

  constructor(
    role: 'client' | 'server',
    port: number,
    identities: OpensslIdentities,
    { key = 'EC', profiles, length = 60, cipher, groups, mtu }: OpensslOptions = {},
  ) {
    const where =
      role === 'client'
        ? ['s_client', '-connect', `127.0.0.1:${port}`]
        : ['s_server', '-accept', `127.0.0.1:${port}`, '-verify', '1', '-naccept', '1']
    const names = (profiles ?? ['AES_CM_128_HMAC_SHA1_80']).map(profile => PROFILES[profile]).join(':')
    const args = [
      '-dtls1_2',
      '-timeout',
      '-use_srtp',
      names,
      '-keymatexport',
      LABEL,
      '-keymatexportlen',
      `${length}`,
    ]
    if (cipher !== undefined) args.push('-cipher', cipher)
    if (groups !== undefined) args.push('-groups', groups)
    if (mtu !== undefined) args.push('-mtu', `${mtu}`)
    this.#process = spawn('openssl', [...where, ...args, ...identities.arguments(key)])
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      stream?.on('data', (data: Buffer) => {
        this.log += data.toString('latin1')
        for (const check of this.#waiting) check()
      })
    }
  }

  /** User and system CPU in milliseconds so far; Linux only. */
  get cpu(): number {
    const fields = readFileSync(`/proc/${this.#process.pid}/stat`, 'latin1').split(') ')[1]?.split(' ') ?? []
    return (Number(fields[11]) + Number(fields[12])) * 10
  }

  listening(): Promise<unknown> {
    return this.#until(/ACCEPT/, 10_000)
  }

  /** What it exports; undefined where it has not come to it after so many milliseconds. */
  async keyingMaterial(within: number): Promise<Buffer | undefined> {
    const found = await this.#until(/Keying material: ([0-9A-F]+)/, within)
    return found?.[1] === undefined ? undefined : Buffer.from(found[1], 'hex')
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return
    const closed = once(this.#process, 'close')
    this.#process.kill('SIGKILL')
    await closed
  }

  #until(pattern: RegExp, within: number): Promise<RegExpExecArray | undefined> {
    return new Promise(resolve => {
      const done = (found: RegExpExecArray | undefined) => {
        clearTimeout(timer)
        this.#waiting.delete(check)
        resolve(found)
      }
      const check = () => {
        const found = pattern.exec(this.log)
        if (found) done(found)
      }
      const timer = setTimeout(() => done(undefined), within)
      this.#waiting.add(check)
      this.#process.once('close', () => done(pattern.exec(this.log) ?? undefined))
      check()
    })
  }
}

/** Stands between two programs and loses what `lose` says; made for one client. */
export class Relay {
  readonly port: number
  readonly #inner: Socket
  readonly #outer: Socket

  private constructor(inner: Socket, outer: Socket, server: number, lose: () => boolean) {
    this.#inner = inner
    this.#outer = outer
    this.port = inner.address().port
    let client = 0
    inner.on('message', (datagram, { port }) => {
      client = port
      if (!lose()) outer.send(datagram, server, '127.0.0.1')
    })
    outer.on('message', datagram => {
      if (client > 0 && !lose()) inner.send(datagram, client, '127.0.0.1')
    })
    // a peer that has gone is no concern of the network
    for (const socket of [inner, outer]) socket.on('error', () => {})
  }

  static async open(server: number, lose: () => boolean): Promise<Relay> {
    return new Relay(await boundSocket(), await boundSocket(), server, lose)
  }

  close(): void {
    this.#inner.close()
    this.#outer.close()
  }
}

export async function boundSocket(): Promise<Socket> {
  const socket = createSocket('udp4')
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  return socket
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const socket = await boundSocket()
  const { port } = socket.address()
  socket.close()
  return port
}
