import { performance } from 'node:perf_hooks'
import {
  ack2xx,
  h,
  type Identifiers,
  nameAddr,
  type RequestTemplate,
  register,
  request,
  type SipResponse,
  SipStack,
  uri,
} from 'resip/stack'
import type { Measurement } from './measurement.ts'
import { median } from './median.ts'

const WINDOW = 100
const WARM_UP = 20_000
const RUNS = 3
const REGISTERS = 60_000
const CALLS = 20_000

interface Ends {
  readonly client: SipStack
  readonly server: SipStack
  readonly target: string
}

interface Result {
  readonly perSecond: number
  readonly cpuMicroseconds: number
}

/** Does one unit of work and calls `done` when it is over. */
type Work = (ends: Ends, done: (failure?: string) => void) => void

/** Transactions between two stacks in one thread, over loop-back UDP, with a window of outstanding requests. */
export async function transaction(): Promise<Measurement[]> {
  const [registers, keptByRegister] = await measure(registerOnce, REGISTERS)
  const [calls] = await measure(callOnce, CALLS)
  const row = (what: string, value: number, unit: string): Measurement => ({
    bench: 'transaction',
    case: what,
    value,
    unit,
  })
  return [
    row('REGISTER', median(registers.map(result => result.perSecond)), 'per second'),
    row('REGISTER, CPU of both ends', median(registers.map(result => result.cpuMicroseconds)), 'µs'),
    row('REGISTER, kept by both ends when finished', keptByRegister, 'bytes'),
    row('INVITE, ACK and BYE', median(calls.map(result => result.perSecond)), 'per second'),
    row('INVITE, ACK and BYE, CPU of both ends', median(calls.map(result => result.cpuMicroseconds)), 'µs'),
  ]
}

/** Runs on fresh stacks, so that no run pays for the transactions of the one before. */
async function measure(work: Work, count: number): Promise<[results: Result[], kept: number]> {
  await withEnds(ends => repeat(work, ends, WARM_UP))
  const results: Result[] = []
  const kept: number[] = []
  for (let run = 0; run < RUNS; run++) {
    await withEnds(async ends => {
      const before = usedBytes()
      const cpu = process.cpuUsage()
      const began = performance.now()
      await repeat(work, ends, count)
      const seconds = (performance.now() - began) / 1000
      const { user, system } = process.cpuUsage(cpu)
      results.push({ perSecond: count / seconds, cpuMicroseconds: (user + system) / count })
      kept.push((usedBytes() - before) / count)
    })
  }
  return [results, median(kept)]
}

async function withEnds(use: (ends: Ends) => Promise<void>): Promise<void> {
  const client = new SipStack()
  const server = new SipStack()
  try {
    await client.listen('udp:127.0.0.1:0')
    await server.listen('udp:127.0.0.1:0')
    server.onRequest(
      transaction => {
        if (transaction.method !== 'INVITE') transaction.respond(200)
        else transaction.respond(transaction.response(200).set(h.Contact, openContact))
      },
      () => {},
    )
    const port = server.transports[0]?.local.port
    await use({ client, server, target: `127.0.0.1:${port}` })
  } finally {
    await client.close()
    await server.close()
  }
}

/** Does `count` units, `WINDOW` of them at a time. */
function repeat(work: Work, ends: Ends, count: number): Promise<void> {
  return new Promise((resolve, reject) => {
    let begun = 0
    let ended = 0
    const next = (failure?: string): void => {
      if (failure !== undefined) reject(new Error(failure))
      else if (++ended === count) resolve()
      else if (begun < count) {
        begun++
        work(ends, next)
      }
    }
    while (begun < Math.min(WINDOW, count)) {
      begun++
      work(ends, next)
    }
  })
}

function registerOnce(ends: Ends, done: (failure?: string) => void): void {
  const { client, target } = ends
  const user = nameAddr(`<sip:alice@${target}>`)
  send(client, register(user, user, client.identifiers), () => done(), done)
}

function callOnce(ends: Ends, done: (failure?: string) => void): void {
  const { client, target } = ends
  const invite = request(
    'INVITE',
    uri(`sip:bob@${target}`),
    { from: caller, contact: openContact },
    client.identifiers,
  )
  const hangUp = (ok: SipResponse): void => {
    client.sendAck(ack2xx(invite, ok)).sent.catch(error => done(String(error)))
    send(client, byeOf(invite, ok, client.identifiers), () => done(), done)
  }
  send(client, invite, hangUp, done)
}

function byeOf(invite: RequestTemplate, ok: SipResponse, ids: Identifiers): RequestTemplate {
  const target = ok.get(h.Contact)?.uri ?? invite.requestUri
  return request('BYE', target, { from: invite.from, to: ok.to, callId: invite.callId, cseq: 2 }, ids)
}

function send(
  client: SipStack,
  template: RequestTemplate,
  answered: (response: SipResponse) => void,
  failed: (why: string) => void,
): void {
  client.send(template, {
    onFinal(response) {
      if (response.status === 200) answered(response)
      else failed(`${template.method} was answered ${response.status}`)
    },
    onFailure: failure => failed(failure.message),
  })
}

const caller = nameAddr('<sip:caller@host.invalid>')
/** Its host is filled in when the message is sent. */
const openContact = caller.with({ uri: caller.uri.with({ host: '' }) })

function usedBytes(): number {
  globalThis.gc?.()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}
