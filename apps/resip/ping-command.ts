import { Command } from 'commander'
import { type PeerOptions, printable, request, SipStack, type Uri } from 'resip/stack'
import { sipUri } from './arguments.ts'
import { type CertificateFlags, tlsOptions, withCertificates } from './certificates.ts'

/** Characters of a line of the answer that are shown. */
const LONGEST_LINE = 2000

interface Flags extends CertificateFlags {
  readonly listen: string
  readonly path: string
  readonly insecureWildcards?: boolean
}

/** One object, so that contexts are made once. */
const lenient: PeerOptions = { unsafeWildcards: true }

/** `resip ping`: one OPTIONS, and what came back. */
export function pingCommand(): Command {
  const command = new Command('ping')
    .description('sends OPTIONS to a URI and prints the answer')
    .argument('<uri>', 'sip:127.0.0.1:5060, with ;transport=tcp, tls, ws or wss, or sips:', sipUri)
    .option('--listen <address>', 'the local address to send from', '127.0.0.1')
    .option('--path <path>', 'the path of a WebSocket', '/')
    .option('--insecure-wildcards', "unsafe: let *.example.com in the peer's certificate stand for any host")
    .allowExcessArguments(false)
    .action(ping)
  return withCertificates(command)
}

async function ping(target: Uri, flags: Flags): Promise<void> {
  const { listen, path, insecureWildcards } = flags
  const peers = insecureWildcards ? { peers: () => lenient } : {}
  const stack = new SipStack({ tls: { ...tlsOptions(flags), ...peers }, websocket: { client: { path } } })
  try {
    const clients = ['tls', 'ws', 'wss'].map(protocol => `${protocol}:${listen};client`)
    await stack.listen(`udp:${listen}:0`, `tcp:${listen}:0`, ...clients)
    const from = `sip:ping@${flags.listen}`
    const start = stack.timers.now()
    const response = await stack.request(request('OPTIONS', target, { from }))
    const took = stack.timers.now() - start
    process.stdout.write(`${response.status} ${printable(response.reason)} in ${took} ms\n`)
    for (const line of String(response).split('\r\n'))
      process.stdout.write(`${printable(line, LONGEST_LINE)}\n`)
  } finally {
    await stack.close()
  }
}
