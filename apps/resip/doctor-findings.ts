import type { Examination, ExaminedTarget, Reach, SeenTls } from './doctor-examination.ts'

/** What is wrong, or soon will be, and what to do, in one sentence. */
export interface Finding {
  /** An `error` keeps calls from the URI, or will where others fail; a `warning` does not yet. */
  readonly level: 'error' | 'warning'
  /** Stable and for programs. */
  readonly code: string
  readonly sentence: string
}

/** Days before its end at which a certificate is worth a word: others have renewed theirs by then. */
const SOON = 21

/** What an examination found, errors first. */
export function findingsOf(examination: Examination): Finding[] {
  const { uri, targets, notFound } = examination
  if (notFound !== undefined) return [notLocated(uri, notFound)]
  const findings = targets.flatMap(target => [...reachFindings(target), ...tlsFindings(target)])
  if (!targets.some(({ reach }) => isAnswered(reach)))
    findings.unshift(error('NOBODY', `Nobody answers for ${uri}; see what each target did.`))
  if (targets.length > 0 && targets.every(({ protocol }) => protocol === 'UDP')) findings.push(onlyUdp(uri))
  return [
    ...findings.filter(({ level }) => level === 'error'),
    ...findings.filter(({ level }) => level === 'warning'),
  ]
}

function notLocated(uri: string, { code, message }: { code: string; message: string }): Finding {
  if (code === 'ENOTFOUND')
    return error(
      'NO_RECORDS',
      `DNS has no records for ${uri}; add an SRV record (_sip._udp, _sip._tcp, _sips._tcp) or an address, or mend the name.`,
    )
  return error('DNS', `The targets of ${uri} could not be found (${code}): ${message}.`)
}

function reachFindings({ protocol, address, port, reach, tls, overTcp }: ExaminedTarget): Finding[] {
  const where = placeOf({ protocol, address, port })
  if ('status' in reach) return statusFindings(where, reach.status)
  if (overTcp !== undefined && isAnswered(overTcp))
    return [
      error(
        'SILENT_UDP',
        `${where} is silent, and TCP to the same port answers; open UDP in the firewall, or publish SRV records for TCP only.`,
      ),
    ]
  if (reach.failure === 'silent') {
    const isReached = tls !== undefined && tls.refusals.length === 0
    return [
      isReached
        ? error(
            'SILENT',
            `${where} takes the connection and does not answer OPTIONS; see whether its SIP server hangs.`,
          )
        : error(
            'SILENT',
            `${where} is silent; see whether it runs and whether a firewall drops what is sent to it.`,
          ),
    ]
  }
  // what its certificate lacks is told by itself
  if (tls !== undefined && tls.refusals.length > 0) return []
  return [error(reach.failure, `${where} was not reached (${reach.failure}): ${reach.message}.`)]
}

function statusFindings(where: string, status: number): Finding[] {
  if (status === 503)
    return [
      error(
        'UNAVAILABLE',
        `${where} answers 503: it is overloaded or being stopped; clients go on to the next target.`,
      ),
    ]
  if (status === 408 || status === 504)
    return [
      error(
        'BEHIND_SILENT',
        `${where} answers ${status}: it runs, and a server behind it does not; see to that one.`,
      ),
    ]
  if (status >= 500)
    return [error('SERVER_ERROR', `${where} answers ${status}, a fault of its own; see its log.`)]
  if (status === 401 || status === 403 || status === 407)
    return [
      warning(
        'NOT_OPEN',
        `${where} answers ${status}: it runs and does not tell strangers more; that is usual.`,
      ),
    ]
  if (status >= 400)
    return [
      warning(
        'OPTIONS_REFUSED',
        `${where} answers ${status} to OPTIONS: it runs; see whether the URI is one that it serves.`,
      ),
    ]
  return []
}

function tlsFindings({ tls, ...target }: ExaminedTarget): Finding[] {
  if (tls === undefined) return []
  const where = placeOf(target)
  const refused = tls.refusals.map(({ code, message }) => refusal(where, tls, code, message))
  if (refused.length > 0) return refused
  const [ending] = [...tls.chain].sort((one, other) => one.daysLeft - other.daysLeft)
  if (ending === undefined || ending.daysLeft >= SOON) return []
  return [
    warning(
      'CERTIFICATE_ENDS_SOON',
      `The certificate ${ending.subject} of ${where} ends in ${ending.daysLeft} days; renew it before.`,
    ),
  ]
}

function refusal(where: string, { serverName, chain }: SeenTls, code: string, message: string): Finding {
  if (code !== 'ERR_TLS_IDENTITY')
    return error(code, `The certificate of ${where} is refused (${code}): ${message}.`)
  const names = chain[0]?.names ?? []
  const borne = names.length > 0 ? names.slice(0, 5).join(', ') : 'no SIP domain'
  return error(
    'CERTIFICATE_NAME',
    `The certificate of ${where} is for ${borne} and not for ${serverName}; have one issued with ${serverName} in its subjectAltName (RFC 5922).`,
  )
}

function onlyUdp(uri: string): Finding {
  return warning(
    'ONLY_UDP',
    `All targets of ${uri} are UDP; offer TCP and TLS too, for what is longer than 1,300 bytes goes over TCP (RFC 3261 §18.1.1).`,
  )
}

function isAnswered(reach: Reach): boolean {
  return 'status' in reach && reach.status < 500
}

/** `tls 192.0.2.1:5061`. */
export function placeOf({
  protocol,
  address,
  port,
}: Pick<ExaminedTarget, 'protocol' | 'address' | 'port'>): string {
  return `${protocol.toLowerCase()} ${address.includes(':') ? `[${address}]` : address}:${port}`
}

function error(code: string, sentence: string): Finding {
  return { level: 'error', code, sentence }
}

function warning(code: string, sentence: string): Finding {
  return { level: 'warning', code, sentence }
}
