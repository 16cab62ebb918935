import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Child } from '../../test/peers/child.ts'

const folders = [
  '/usr/lib/x86_64-linux-gnu/kamailio/modules/',
  '/usr/lib/aarch64-linux-gnu/kamailio/modules/',
  '/usr/lib64/kamailio/modules/',
  '/usr/lib/kamailio/modules/',
]

/** Kamailio as a stateless proxy with one worker, or `undefined` where it is not installed. */
export function startKamailio(port: number, nextHop: number): Promise<Child | undefined> {
  return start('maxfwd.so', modules => forwarding(modules, port, nextHop))
}

export interface KamailioStreams {
  readonly tlsPort: number
  readonly tcpPort: number
  /** Files in PEM. */
  readonly certificate: string
  readonly key: string
}

/** Kamailio that answers OPTIONS statelessly over TLS and TCP with one worker, or `undefined` where it has no TLS. */
export function startKamailioStreams(options: KamailioStreams): Promise<Child | undefined> {
  return start('tls.so', modules => answering(modules, options))
}

async function start(module: string, configuration: (modules: string) => string): Promise<Child | undefined> {
  const modules = folders.find(folder => existsSync(`${folder}${module}`))
  if (modules === undefined || spawnSync('kamailio', ['-v']).error !== undefined) return undefined
  const folder = await mkdtemp(join(tmpdir(), 'resip-kamailio-'))
  const file = join(folder, 'kamailio.cfg')
  await writeFile(file, configuration(modules))
  // the default allocator is one for finding faults
  const args = ['-DD', '-E', '-x', 'tlsf', '-m', '512', '-Y', folder, '-P', join(folder, 'pid'), '-f', file]
  const kamailio = await Child.start('kamailio', args)
  void kamailio.ended.then(() => rm(folder, { recursive: true, force: true }))
  await sleep(1000)
  if (!kamailio.isRunning) throw new Error(`Kamailio did not start: ${kamailio.complaint.slice(-500)}`)
  return kamailio
}

/** What `resip proxy --next-hop` does: forwarding by next hop or Route, Record-Route, Max-Forwards. */
function forwarding(modules: string, port: number, nextHop: number): string {
  return `
debug=0
log_stderror=yes
fork=yes
children=1
disable_tcp=yes
auto_aliases=no
listen=udp:127.0.0.1:${port}
mpath="${modules}"
loadmodule "pv.so"
loadmodule "sl.so"
loadmodule "maxfwd.so"
loadmodule "rr.so"
loadmodule "textops.so"
request_route {
  if (!mf_process_maxfwd_header("70")) {
    sl_send_reply("483", "Too Many Hops");
    exit;
  }
  if (is_method("INVITE")) record_route();
  if (!loose_route()) $du = "sip:127.0.0.1:${nextHop}";
  forward();
}
`
}

function answering(modules: string, { tlsPort, tcpPort, certificate, key }: KamailioStreams): string {
  return `
debug=0
log_stderror=yes
fork=yes
children=1
tcp_children=1
tcp_max_connections=20000
tls_max_connections=20000
tcp_connection_lifetime=3600
auto_aliases=no
enable_tls=yes
listen=tcp:127.0.0.1:${tcpPort}
listen=tls:127.0.0.1:${tlsPort}
mpath="${modules}"
loadmodule "sl.so"
loadmodule "tls.so"
modparam("tls", "certificate", "${certificate}")
modparam("tls", "private_key", "${key}")
modparam("tls", "tls_method", "TLSv1.2+")
modparam("tls", "connection_timeout", 3600)
request_route {
  sl_send_reply("200", "OK");
}
`
}
