import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Child } from '../../peers/child.ts'
import { installed } from '../../peers/installed.ts'
import { freePort } from '../../peers/ports.ts'

/** A certificate and its key as PEM, and who vouches for it. */
export interface KamailioCertificate {
  readonly certificate: string
  readonly key: string
  readonly ca: string
}

/**
 * Kamailio over UDP, TCP and TLS, with WebSocket at the ports of the last two: answers OPTIONS itself, sends on what has
 * another target and stays on the way of its dialogs, but for those over WSS: it would name itself by a sip URI with
 * transport=ws, which leads to a port in the clear.
 */
export class KamailioWebSocket {
  readonly wsPort: number
  readonly wssPort: number
  readonly udpPort: number
  readonly #child: Child
  readonly #folder: string

  static async start({ certificate, key, ca }: KamailioCertificate): Promise<KamailioWebSocket> {
    installed('kamailio', 'kamailio', 'kamailio-tls-modules', 'kamailio-websocket-modules')
    const folder = mkdtempSync(join(tmpdir(), 'resip-kamailio-'))
    const file = (name: string, text: string): string => {
      const path = join(folder, name)
      writeFileSync(path, text, { mode: 0o600 })
      return path
    }
    const ports = [await freePort('127.0.0.1'), await freePort('127.0.0.1'), await freePort('127.0.0.1')]
    const [wsPort = 0, wssPort = 0, udpPort = 0] = ports
    const paths = {
      certificate: file('certificate.pem', certificate),
      key: file('key.pem', key),
      ca: file('ca.pem', ca),
    }
    const path = file('kamailio.cfg', config(wsPort, wssPort, udpPort, paths))
    const child = await Child.start('kamailio', [
      '-DD',
      '-E',
      '-x',
      'tlsf',
      '-m',
      '512',
      '-Y',
      folder,
      '-f',
      path,
    ])
    try {
      for (const port of [wsPort, wssPort]) await listening(port, child)
    } catch (error) {
      await child.stop()
      throw error
    }
    return new KamailioWebSocket(child, folder, wsPort, wssPort, udpPort)
  }

  private constructor(child: Child, folder: string, wsPort: number, wssPort: number, udpPort: number) {
    this.#child = child
    this.#folder = folder
    this.wsPort = wsPort
    this.wssPort = wssPort
    this.udpPort = udpPort
  }

  get pid(): number {
    return this.#child.pid
  }

  async stop(): Promise<void> {
    await this.#child.stop()
    rmSync(this.#folder, { recursive: true, force: true })
  }
}

async function listening(port: number, child: Child): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    if (!child.isRunning) break
    const isUp = await new Promise<boolean>(resolve => {
      const socket = connect({ port, host: '127.0.0.1' }, () => {
        socket.destroy()
        resolve(true)
      })
      socket.once('error', () => resolve(false))
    })
    if (isUp) return
    await new Promise(resolve => setTimeout(resolve, 50))
  }
  throw new Error(`kamailio does not listen at port ${port}: ${child.complaint}`)
}

function config(
  wsPort: number,
  wssPort: number,
  udpPort: number,
  paths: { readonly certificate: string; readonly key: string; readonly ca: string },
): string {
  return `debug=0
log_stderror=yes
fork=yes
children=1
tcp_children=1
auto_aliases=no
enable_tls=yes
tcp_max_connections=20000
tls_max_connections=20000
tcp_connection_lifetime=3600
tcp_accept_no_cl=yes
listen=udp:127.0.0.1:${udpPort}
listen=tcp:127.0.0.1:${wsPort}
listen=tls:127.0.0.1:${wssPort}
mpath="/usr/lib/x86_64-linux-gnu/kamailio/modules/"
loadmodule "tls.so"
loadmodule "pv.so"
loadmodule "sl.so"
loadmodule "tm.so"
loadmodule "maxfwd.so"
loadmodule "rr.so"
loadmodule "siputils.so"
loadmodule "textops.so"
loadmodule "nathelper.so"
loadmodule "xhttp.so"
loadmodule "websocket.so"
modparam("tls", "tls_method", "TLSv1.2+")
modparam("tls", "certificate", "${paths.certificate}")
modparam("tls", "private_key", "${paths.key}")
modparam("tls", "ca_list", "${paths.ca}")
modparam("tls", "verify_certificate", 0)
modparam("tls", "require_certificate", 0)
request_route {
  if (!mf_process_maxfwd_header("10")) { sl_send_reply("483", "Too Many Hops"); exit; }
  if (is_method("OPTIONS") && $rU==$null) { sl_send_reply("200", "OK"); exit; }
  if (has_totag()) loose_route();
  else if (is_method("INVITE") && $proto != "wss") record_route();
  t_relay();
}
event_route[xhttp:request] {
  set_reply_close();
  set_reply_no_connect();
  if ($hdr(Upgrade)=~"websocket" && $hdr(Connection)=~"Upgrade" && $rm=~"GET") {
    if (ws_handle_handshake()) exit;
  }
  xhttp_reply("404", "Not Found", "", "");
}
`
}
