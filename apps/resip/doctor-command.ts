import { Command, InvalidArgumentError } from 'commander'
import { EnvironmentError, SipStack, TlsContexts, type Uri } from 'resip/stack'
import { sipUri } from './arguments.ts'
import { type CertificateFlags, tlsOptions, withCertificates } from './certificates.ts'
import { type Examination, type ExaminedTarget, examine, type Reach } from './doctor-examination.ts'
import { type Finding, findingsOf, placeOf } from './doctor-findings.ts'

interface Flags extends CertificateFlags {
  readonly listen?: readonly string[]
  readonly dns?: readonly string[]
  /** Milliseconds. */
  readonly timeout: number
  readonly json?: boolean
}

/** Every local address of both families. */
const ANYWHERE = ['0.0.0.0', '[::]']
const DEFAULT_TIMEOUT = 3000

/** `resip doctor`: where a URI leads, whether that answers, and what to do where it does not. `onDone` gets the exit code. */
export function doctorCommand(onDone: (exitCode: number) => void): Command {
  const command = new Command('doctor')
    .description('tells where a URI leads, whether it answers there, and what to do where it does not')
    .argument('<uri>', 'sip:example.com, sips:example.com, sip:192.0.2.1:5060;transport=tcp', sipUri)
    .option('--listen <address>', 'a local address to send from; may be given again', collect)
    .option('--dns <server>', 'a name server, ADDRESS or ADDRESS:PORT; may be given again', collect)
    .option('--timeout <seconds>', 'how long each target may take to answer', seconds, DEFAULT_TIMEOUT)
    .option('--json', 'print what was found as JSON')
    .allowExcessArguments(false)
    .action(async (uri: Uri, flags: Flags) => onDone(await diagnose(uri, flags)))
  return withCertificates(command)
}

/** Exit code 0 where all is well but for warnings, else 1. */
async function diagnose(uri: Uri, flags: Flags): Promise<number> {
  const contexts = new TlsContexts(tlsOptions(flags))
  const stack = new SipStack({ tls: contexts, ...(flags.dns && { dns: { servers: flags.dns } }) })
  try {
    await listenAt(stack, flags.listen)
    const from = 'sip:doctor@doctor.invalid'
    const examination = await examine(uri, { stack, contexts, timeout: flags.timeout, from, now: Date.now() })
    const findings = findingsOf(examination)
    const said = flags.json ? asJson(examination, findings) : asText(examination, findings)
    process.stdout.write(`${said}\n`)
    return findings.some(({ level }) => level === 'error') ? 1 : 0
  } finally {
    await stack.close()
  }
}

/** A host without one of the families is as good as one with both, where no address was given. */
async function listenAt(stack: SipStack, given: readonly string[] | undefined): Promise<void> {
  const failures: EnvironmentError[] = []
  for (const address of given ?? ANYWHERE) {
    try {
      const clients = ['tcp', 'tls', 'ws', 'wss'].map(protocol => `${protocol}:${address};client`)
      await stack.listen(`udp:${address}:0`, ...clients)
    } catch (error) {
      if (given !== undefined || !(error instanceof EnvironmentError)) throw error
      failures.push(error)
    }
  }
  const [failure] = failures
  if (failure !== undefined && failures.length === ANYWHERE.length) throw failure
}

function asJson(examination: Examination, findings: readonly Finding[]): string {
  return JSON.stringify({ ...examination, findings }, undefined, 2)
}

function asText({ uri, targets }: Examination, findings: readonly Finding[]): string {
  const lines = [`${uri} leads to ${targets.length === 1 ? '1 target' : `${targets.length} targets`}`]
  for (const [at, target] of targets.entries()) lines.push('', ...linesOf(target, at + 1))
  lines.push('')
  for (const { level, sentence } of findings) lines.push(`${level}: ${sentence}`)
  if (findings.length === 0) lines.push('All is well.')
  return lines.join('\n')
}

function linesOf(target: ExaminedTarget, number: number): string[] {
  const { why, reach, tls, overTcp } = target
  const lines = [
    `${number}. ${placeOf(target)}`,
    `   chosen by ${why || 'the URI'}`,
    `   OPTIONS: ${inWords(reach)}`,
  ]
  if (overTcp !== undefined) lines.push(`   over TCP: ${inWords(overTcp)}`)
  if (tls === undefined) return lines
  const verdict = tls.refusals.length === 0 ? 'is taken' : 'is refused'
  lines.push(`   ${tls.version} with ${tls.cipher}; the certificate for ${tls.serverName} ${verdict}`)
  for (const { subject, issuer, names, daysLeft } of tls.chain) {
    lines.push(`   - ${subject}, issued by ${issuer}, ${daysLeft} days left`)
    if (names.length > 0) lines.push(`     proves ${names.slice(0, 10).join(', ')}`)
  }
  return lines
}

function inWords(reach: Reach): string {
  if ('status' in reach) return `${reach.status} ${reach.reason} in ${reach.milliseconds} ms`
  return `${reach.failure}, ${reach.message}`
}

function seconds(value: string): number {
  const number = Number(value)
  if (!(number > 0 && number <= 60))
    throw new InvalidArgumentError('Seconds, above 0 and up to 60, are needed.')
  return Math.round(number * 1000)
}

function collect(value: string, earlier: readonly string[] = []): string[] {
  return [...earlier, value]
}
