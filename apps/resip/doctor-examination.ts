import {
  type EnvironmentError,
  type Explanation,
  inspectTls,
  printable,
  RequestFailure,
  ResipError,
  request,
  type SipStack,
  type Target,
  type TlsContexts,
  type TlsInspection,
  type Uri,
} from 'resip/stack'

/** What came of an OPTIONS to one target. All texts of an examination are safe to print. */
export type Reach =
  | { readonly status: number; readonly reason: string; readonly milliseconds: number }
  /** `silent` where nothing came within the time-out, else the code of what the connection failed of. */
  | { readonly failure: string; readonly message: string }

interface SeenCertificate {
  readonly subject: string
  readonly issuer: string
  readonly names: readonly string[]
  readonly notAfter: string
  /** Whole days until it ends; negative where it has ended. */
  readonly daysLeft: number
}

export interface SeenTls {
  readonly version: string
  readonly cipher: string
  /** The name that the certificate must bear. */
  readonly serverName: string
  readonly chain: readonly SeenCertificate[]
  readonly refusals: readonly { readonly code: string; readonly message: string }[]
}

export interface ExaminedTarget {
  readonly protocol: Target['protocol']
  readonly address: string
  readonly port: number
  /** Why it was chosen. */
  readonly why: string
  readonly reach: Reach
  /** Of TLS and WSS, where there was a hand-shake. */
  readonly tls?: SeenTls
  /** Of a silent UDP target: what came of an OPTIONS over TCP to the same place. */
  readonly overTcp?: Reach
}

export interface Examination {
  readonly uri: string
  readonly targets: readonly ExaminedTarget[]
  /** Why no target was found. */
  readonly notFound?: { readonly code: string; readonly message: string }
}

export interface Examiner {
  readonly stack: SipStack
  readonly contexts: TlsContexts
  /** Milliseconds for each target. */
  readonly timeout: number
  /** Who the OPTIONS is from. */
  readonly from: string
  /** Milliseconds since 1970. */
  readonly now: number
}

const DAY = 86_400_000
/** Characters that are shown of a text from the wire. */
const LONGEST = 300

/** Finds the targets of a URI and tries each of them, all at once. */
export async function examine(uri: Uri, examiner: Examiner): Promise<Examination> {
  const shown = printable(String(uri), LONGEST)
  let found: readonly Explanation[]
  try {
    found = await examiner.stack.locate(uri)
  } catch (error) {
    return { uri: shown, targets: [], notFound: codeAndMessage(error) }
  }
  const targets = await Promise.all(found.map(explanation => examineTarget(uri, explanation, examiner)))
  return { uri: shown, targets }
}

async function examineTarget(
  uri: Uri,
  { target, why }: Explanation,
  examiner: Examiner,
): Promise<ExaminedTarget> {
  const isSecure = target.protocol === 'TLS' || target.protocol === 'WSS'
  const [reach, tls] = await Promise.all([
    reached(uri, target, examiner),
    isSecure ? seenTls(target, examiner) : undefined,
  ])
  const { protocol, address, port } = target
  const isSilent = protocol === 'UDP' && 'failure' in reach
  const overTcp = isSilent ? await reached(uri, { protocol: 'TCP', address, port }, examiner) : undefined
  return {
    protocol,
    address: printable(address),
    port,
    why,
    reach,
    ...(tls && { tls }),
    ...(overTcp && { overTcp }),
  }
}

/** One OPTIONS to one target. Made without a connection before, so that the time has the hand-shakes in it. */
async function reached(uri: Uri, target: Target, { stack, timeout, from }: Examiner): Promise<Reach> {
  const began = stack.timers.now()
  try {
    const signal = AbortSignal.timeout(timeout)
    const answer = await stack.request(request('OPTIONS', uri, { from }), { targets: [target], signal })
    const milliseconds = Math.round(stack.timers.now() - began)
    return { status: answer.status, reason: printable(answer.reason, LONGEST), milliseconds }
  } catch (error) {
    if (error instanceof DOMException && error.name === 'TimeoutError')
      return { failure: 'silent', message: `no answer within ${timeout} ms` }
    const cause = error instanceof RequestFailure ? error.attempts.at(-1)?.cause : undefined
    const { code, message } = codeAndMessage(cause ?? error)
    return { failure: code, message }
  }
}

async function seenTls(
  { address, port, serverName }: Target,
  { contexts, timeout, now }: Examiner,
): Promise<SeenTls | undefined> {
  const name = serverName ?? address
  try {
    const seen = await inspectTls({ address, port, serverName: name, contexts, timeout })
    return { ...summary(seen, now), serverName: printable(name) }
  } catch (error) {
    // why there was no hand-shake the OPTIONS tells as well
    if (error instanceof ResipError) return undefined
    throw error
  }
}

function summary({ version, cipher, chain, refusals }: TlsInspection, now: number) {
  return {
    version: printable(version),
    cipher: printable(cipher),
    chain: chain.map(({ subject, issuer, names, notAfter }) => ({
      subject: nameIn(subject),
      issuer: nameIn(issuer),
      names: names.map(name => printable(name)),
      notAfter: Number.isNaN(notAfter) ? '' : new Date(notAfter).toISOString(),
      daysLeft: Math.floor((notAfter - now) / DAY),
    })),
    refusals: refusals.map(codeAndMessage),
  }
}

function nameIn(attributes: string): string {
  return printable(attributes.split('\n').join(', '), LONGEST)
}

function codeAndMessage(error: EnvironmentError | unknown): { code: string; message: string } {
  const code = error instanceof ResipError ? error.code : 'ERR_SYSTEM'
  const message = error instanceof Error ? error.message : String(error)
  return { code: printable(code, 64), message: printable(message, 2 * LONGEST) }
}
