import { createSocket } from 'node:dgram'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Child } from './child.ts'
import { installed } from './installed.ts'

const folders = [
  '/usr/lib/x86_64-linux-gnu/kamailio/modules/',
  '/usr/lib/aarch64-linux-gnu/kamailio/modules/',
  '/usr/lib64/kamailio/modules/',
  '/usr/lib/kamailio/modules/',
]

export interface KamailioRegistrarOptions {
  readonly realm: string
  readonly password: string
  /**
   * What it offers; `''` for a challenge without qop, as RFC 2069 has it. Kamailio 5.6 can offer auth-int too, but takes no
   * credentials that have it.
   */
  readonly qop: 'auth' | ''
  readonly algorithm: 'MD5' | 'SHA-256'
  /** Seconds. */
  readonly nonceLifetime?: number
}

/** Kamailio as a registrar over UDP with one worker, which challenges every REGISTER; one password holds for all users. */
export async function startKamailioRegistrar(
  port: number,
  options: KamailioRegistrarOptions,
): Promise<Child> {
  installed('kamailio', 'kamailio')
  const modules = folders.find(folder => existsSync(`${folder}auth.so`))
  if (modules === undefined)
    throw new Error('Kamailio has no modules: install it with "apt-get install kamailio"')
  const folder = await mkdtemp(join(tmpdir(), 'resip-kamailio-'))
  const file = join(folder, 'kamailio.cfg')
  await writeFile(file, configuration(modules, port, options))
  // the default allocator is one for finding faults
  const args = ['-DD', '-E', '-x', 'tlsf', '-Y', folder, '-P', join(folder, 'pid'), '-f', file]
  const kamailio = await Child.start('kamailio', args)
  void kamailio.ended.then(() => rm(folder, { recursive: true, force: true }))
  while (kamailio.isRunning && !(await answers(port))) await sleep(100)
  if (!kamailio.isRunning) throw new Error(`Kamailio did not start: ${kamailio.complaint.slice(-500)}`)
  return kamailio
}

/** Whether an OPTIONS gets an answer within half a second. */
async function answers(port: number): Promise<boolean> {
  const socket = createSocket('udp4')
  const options = (own: number): string =>
    `OPTIONS sip:127.0.0.1:${port} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:${own};branch=z9hG4bK${own}\r\n` +
    `From: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: ${own}\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 9\r\nContent-Length: 0\r\n\r\n`
  try {
    return await new Promise(resolve => {
      setTimeout(() => resolve(false), 500)
      socket.once('message', () => resolve(true))
      socket.once('error', () => resolve(false))
      socket.bind(0, '127.0.0.1', () => socket.send(options(socket.address().port), port, '127.0.0.1'))
    })
  } finally {
    socket.close()
  }
}

function configuration(modules: string, port: number, options: KamailioRegistrarOptions): string {
  const { realm, password, qop, algorithm, nonceLifetime = 300 } = options
  return `
debug=0
log_stderror=yes
fork=yes
children=1
disable_tcp=yes
auto_aliases=no
alias="${realm}"
listen=udp:127.0.0.1:${port}
mpath="${modules}"
loadmodule "pv.so"
loadmodule "sl.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "auth.so"
modparam("auth", "nonce_expire", ${nonceLifetime})
modparam("auth", "algorithm", "${algorithm}")
${qop === '' ? '' : `modparam("auth", "qop", "${qop}")`}
modparam("usrloc", "db_mode", 0)
request_route {
  if (is_method("OPTIONS")) {
    sl_send_reply("200", "OK");
    exit;
  }
  if (!pv_www_authenticate("${realm}", "${password}", "0")) {
    www_challenge("${realm}", "${qop === '' ? 0 : 1}");
    exit;
  }
  if (is_method("REGISTER")) {
    if (!save("location")) sl_reply_error();
    exit;
  }
  sl_send_reply("200", "OK");
}
`
}
