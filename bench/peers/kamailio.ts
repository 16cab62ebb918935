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
export async function startKamailio(port: number, nextHop: number): Promise<Child | undefined> {
  const modules = folders.find(folder => existsSync(`${folder}maxfwd.so`))
  if (modules === undefined || spawnSync('kamailio', ['-v']).error !== undefined) return undefined
  const folder = await mkdtemp(join(tmpdir(), 'resip-kamailio-'))
  const file = join(folder, 'kamailio.cfg')
  await writeFile(file, configuration(modules, port, nextHop))
  // the default allocator is one for finding faults
  const args = ['-DD', '-E', '-x', 'tlsf', '-Y', folder, '-P', join(folder, 'pid'), '-f', file]
  const kamailio = await Child.start('kamailio', args)
  void kamailio.ended.then(() => rm(folder, { recursive: true, force: true }))
  await sleep(1000)
  if (!kamailio.isRunning) throw new Error(`Kamailio did not start: ${kamailio.complaint.slice(-500)}`)
  return kamailio
}

/** What `resip proxy --next-hop` does: forwarding by next hop or Route, Record-Route, Max-Forwards. */
function configuration(modules: string, port: number, nextHop: number): string {
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
