import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Child } from './child.ts'
import { installed } from './installed.ts'
import { freePort } from './ports.ts'

/** Zone files by the names of their zones. */
export type Zones = Readonly<Record<string, string>>

/** A BIND name server on one loop-back address, stopped by its process number. */
export class Named {
  readonly address: string
  readonly port: number
  readonly #child: Child
  readonly #folder: string
  readonly #zones: Zones

  /** Starts it and waits until it answers; a zone whose file is broken is served as SERVFAIL. */
  static async start(zones: Zones, address: string = '127.0.0.1'): Promise<Named> {
    installed('named', 'bind9')
    const port = await freePort(address)
    const folder = mkdtempSync(join(tmpdir(), 'resip-named-'))
    for (const [name, text] of Object.entries(zones)) writeFileSync(join(folder, name), zoneFile(text))
    const configuration = join(folder, 'named.conf')
    writeFileSync(configuration, configurationOf(Object.keys(zones), folder, address, port))
    // it writes its log to standard error, where nobody waits for lines
    const child = await Child.start('sh', ['-c', `exec named -g -n 1 -c '${configuration}' 2>&1`])
    const named = new Named(child, folder, zones, address, port)
    try {
      await child.says('all zones loaded')
    } catch (error) {
      await named.stop()
      throw error
    }
    return named
  }

  private constructor(child: Child, folder: string, zones: Zones, address: string, port: number) {
    this.#child = child
    this.#folder = folder
    this.#zones = zones
    this.address = address
    this.port = port
  }

  /** As a resolver is given it. */
  get server(): string {
    return this.address.includes(':') ? `[${this.address}]:${this.port}` : `${this.address}:${this.port}`
  }

  /** Puts another file in the place of a zone's, with a higher serial, and waits until it is served. */
  async change(zone: string, text: string, serial: number): Promise<void> {
    if (!Object.hasOwn(this.#zones, zone)) throw new Error(`named serves no ${zone}`)
    writeFileSync(join(this.#folder, zone), zoneFile(text, serial))
    this.#child.kill('SIGHUP')
    await this.#child.says(`zone ${zone}/IN: loaded serial ${serial}`)
  }

  async stop(): Promise<void> {
    await this.#child.stop()
    rmSync(this.#folder, { recursive: true, force: true })
  }
}

function zoneFile(records: string, serial: number = 1): string {
  return [
    '$TTL 60',
    `@ IN SOA ns root ${serial} 3600 600 86400 2`,
    '@ IN NS ns',
    'ns IN A 127.0.0.1',
    records,
    '',
  ].join('\n')
}

function configurationOf(zones: readonly string[], folder: string, address: string, port: number): string {
  const here = address.includes(':')
    ? 'listen-on { none; }; listen-on-v6'
    : 'listen-on-v6 { none; }; listen-on'
  return [
    `options { directory "${folder}"; pid-file none; session-keyfile none; recursion no; minimal-responses no;`,
    `  check-names primary ignore; check-integrity no; notify no; dnssec-validation no; max-udp-size 1232; ${here} port ${port} { ${address}; }; };`,
    'controls { };',
    ...zones.map(zone => `zone "${zone}" { type primary; file "${zone}"; };`),
    '',
  ].join('\n')
}
