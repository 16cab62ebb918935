import { EnvironmentError } from '../../util/errors.ts'
import { printable } from '../../util/log.ts'
import type { DnsTry } from './entry.ts'
import type { Question } from './wire.ts'

/** What a response code that is no answer is called (RFC 1035 §4.1.1), after c-ares. */
export function rcodeFailure(rcode: number): string {
  return RCODES.get(rcode) ?? 'ESERVFAIL'
}

const RCODES: ReadonlyMap<number, string> = new Map([
  [1, 'EFORMERR'],
  [4, 'ENOTIMP'],
  [5, 'EREFUSED'],
])

const ADVICE: ReadonlyMap<string, string> = new Map([
  [
    'ESERVFAIL',
    'the zone is broken, or the servers of that domain do not answer; look there, or try later or another name server',
  ],
  ['EREFUSED', 'the name server does not resolve for this host; allow this host there, or give another one'],
  ['EFORMERR', 'the name server does not understand the question; give another one'],
  ['EBADRESP', 'what the name server sends over TCP is no whole answer; give another one'],
  ['ENOTIMP', 'the name server does not know this kind of question; give another one'],
  ['ECONNREFUSED', 'no name server listens there; start it, or give another one or the right port'],
  ['EMFILE', 'too many files and sockets are open; raise the limit (ulimit -n), or lower maxQuestions'],
  ['ETIMEOUT', 'no name server answered; check that it runs and that no firewall drops what is sent to it'],
])

/** How telling a failure is: what a server said comes before what the network said, and silence is last. */
const SAID: readonly string[] = ['ESERVFAIL', 'EREFUSED', 'ENOTIMP', 'EFORMERR']

/** One error for a question that nobody answered, with what each server made of it. */
export function unanswered(question: Question, tries: readonly DnsTry[]): EnvironmentError {
  const results = tries.map(({ result }) => result)
  const code =
    SAID.find(said => results.includes(said)) ?? results.find(result => result !== 'ETIMEOUT') ?? 'ETIMEOUT'
  const attempts = tries.map(
    ({ server, transport, result, milliseconds }) =>
      `${server} ${transport} ${result} after ${milliseconds} ms`,
  )
  const advice = ADVICE.get(code) ?? 'check the network'
  return new EnvironmentError(code, `${told(question)} was not found out: ${advice} (${attempts.join('; ')})`)
}

export function noServers(question: Question): EnvironmentError {
  return new EnvironmentError(
    'ENOSERVER',
    `${told(question)} cannot be asked for: this host has no name server; set one up, or give the option servers`,
  )
}

export function aliasLoop(question: Question, aliases: readonly string[]): EnvironmentError {
  const chain = aliases.map(alias => printable(alias)).join(' → ')
  return new EnvironmentError(
    'ELOOP',
    `${told(question)} leads in circles, or through too many CNAMEs: ${chain}; mend the zone`,
  )
}

export function tooMany(question: Question, limit: number): EnvironmentError {
  return new EnvironmentError(
    'ERR_DNS_BUSY',
    `${told(question)} was not asked for: ${limit} questions wait already; raise maxWaiting, or see why no server answers`,
  )
}

export function notAsked(question: Question, cause: unknown): EnvironmentError {
  return new EnvironmentError('ERR_SYSTEM', `${told(question)} could not be asked for`, { cause })
}

export function closed(question: Question): EnvironmentError {
  return new EnvironmentError(
    'ECANCELLED',
    `${told(question)} is not asked for any more: the resolver is closed`,
  )
}

function told({ name, type }: Question): string {
  return `${type} of '${printable(name)}'`
}
