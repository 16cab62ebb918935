import { Command, InvalidArgumentError } from 'commander'
import { type TlsOptions, type Uri, UsageError } from 'resip/stack'
import { StatelessProxy, type StatelessProxyOptions } from '../stateless-proxy/proxy.ts'
import { isOnLoopback, sipUri } from './arguments.ts'
import { type CertificateFlags, serverTlsOptions, tlsOptions, withCertificates } from './certificates.ts'

interface Flags extends CertificateFlags {
  readonly listen?: readonly string[]
  readonly nextHop?: Uri
  readonly route?: ReadonlyMap<string, Uri>
  readonly domain?: readonly string[]
  readonly openRelay?: boolean
  readonly name?: readonly string[]
  readonly recordRoute: boolean
  readonly natHelp?: boolean
  readonly supported?: readonly string[]
}

const DEFAULT_LISTEN = ['udp:127.0.0.1:5060', 'tcp:127.0.0.1:5060']

/** `resip proxy`: the stateless proxy, until it is told to stop; SIGHUP has it read its certificates again. */
export function proxyCommand(): Command {
  const command = new Command('proxy')
    .description('a stateless proxy: forwards requests and responses and keeps nothing of them')
    .option(
      '--listen <point>',
      'PROTOCOL:ADDRESS:PORT of udp, tcp, tls, ws or wss, with ;advertise=HOST:PORT;localNets=NET,… behind a NAT; may be given again',
      collect,
    )
    .option('--next-hop <uri>', 'where requests go that nothing else leads on', sipUri)
    .option('--route <domain=uri>', 'where requests for a domain go; may be given again', route)
    .option('--domain <name>', 'a domain to send requests on to; may be given again', collect)
    .option(
      '--open-relay',
      'send on whatever comes, to wherever it leads; on loop-back without --domain it does',
    )
    .option('--name <host>', 'a name the proxy is known by; may be given again', collect)
    .option('--supported <tag>', 'an option tag to let through in Proxy-Require; may be given again', collect)
    .option('--nat-help', 'lead dialogs back over the flow of clients that a NAT hides')
    .option('--no-record-route', 'stay out of the way of dialogs')
    .allowExcessArguments(false)
    .action(run)
  return withCertificates(command)
}

async function run(flags: Flags): Promise<void> {
  const { listen = DEFAULT_LISTEN, domain, openRelay } = flags
  if (domain !== undefined && openRelay)
    throw new UsageError('ERR_SIP_RELAY', '--open-relay and --domain exclude each other; give one of them')
  const isSecure = listen.some(point => /^(tls|wss):(?!.*;client)/i.test(point))
  const readTls = async (): Promise<TlsOptions> =>
    isSecure ? serverTlsOptions(flags, namesOf(flags, listen)) : tlsOptions(flags)
  const options: StatelessProxyOptions = {
    listen,
    stack: { tls: await readTls() },
    relay: openRelay ?? (domain === undefined && listen.every(isOnLoopback)),
    ...(domain && { domains: domain }),
    recordRoute: flags.recordRoute,
    natHelp: flags.natHelp ?? false,
    ...(flags.nextHop && { nextHop: flags.nextHop }),
    ...(flags.route && { routes: flags.route }),
    ...(flags.name && { names: flags.name }),
    ...(flags.supported && { supported: flags.supported }),
  }
  const proxy = await StatelessProxy.start(options)
  const keys = proxy.stack.transports.map(transport => transport.key)
  process.stdout.write(`resip proxy listens on ${keys.join(' and ')}\n`)
  process.stdout.write(`try: npx resip ping sip:${keys[0]?.replace(/^[a-z]+:/, '')}\n`)
  const renew = (): void => {
    readTls()
      .then(tls => proxy.stack.updateTls(tls))
      .then(() => process.stdout.write('resip proxy has read its certificates anew\n'))
      .catch((error: unknown) =>
        process.stderr.write(`resip: certificates stay as they are: ${reasonOf(error)}\n`),
      )
  }
  const stop = (): void => {
    process.removeListener('SIGHUP', renew)
    void proxy.close()
  }
  process.on('SIGHUP', renew)
  process.once('SIGINT', stop)
  process.once('SIGTERM', stop)
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** What a certificate made here is for: the proxy's names and domains, else the addresses where it listens. */
function namesOf({ name = [], domain = [] }: Flags, listen: readonly string[]): string[] {
  const names = [...new Set([...name, ...domain])]
  if (names.length > 0) return names
  const hosts = listen.map(point => /^[a-z]+:(?:\[([^\]]+)\]|([^:;]+))/i.exec(point))
  return [...new Set(hosts.map(found => found?.[1] ?? found?.[2] ?? 'localhost'))]
}

function collect(value: string, earlier: readonly string[] = []): string[] {
  return [...earlier, value]
}

function route(value: string, earlier: ReadonlyMap<string, Uri> = new Map()): Map<string, Uri> {
  const [, domain, target] = /^([^=]+)=(.+)$/.exec(value) ?? []
  if (domain === undefined || target === undefined)
    throw new InvalidArgumentError('A domain=uri is needed, as in example.com=sip:10.0.0.1')
  return new Map(earlier).set(domain.toLowerCase(), sipUri(target))
}
