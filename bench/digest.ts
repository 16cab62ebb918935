import { createRequire } from 'node:module'
import {
  DigestClient,
  DigestRealm,
  type Flow,
  type HashName,
  h,
  MemoryUsers,
  parseMessage,
  request,
  response,
  type SipRequest,
  SipResponse,
} from 'resip/stack'
import { startKamailioRegistrar } from '../test/peers/kamailio-registrar.ts'
import { freePort } from '../test/peers/ports.ts'
import { ensureSipp, Sipp, type SippResult } from '../test/peers/sipp.ts'
import { cpuMicroseconds, startMeasured } from './measured-program.ts'
import type { Measurement } from './measurement.ts'
import { median } from './median.ts'

const REALM = 'example.com'
const NONCES = 1000
/** Requests under one nonce. */
const USES = 10
const ROUNDS = 7
const WARM_UP = 10_000
const RUNS = 3
const REGISTRATIONS = 6000
/** A second. */
const RATE = 1500
const key = new Uint8Array(20).fill(7)
const flow: Flow = {
  protocol: 'UDP',
  transport: 'udp:bench',
  address: '192.0.2.1',
  port: 5060,
  connection: 0,
}
const secret = 'correct horse battery staple'
const users = new MemoryUsers(
  Array.from({ length: 10_000 }, (_, at) => ({
    username: `user-${at}`,
    realm: REALM,
    secret: `${secret} ${at}`,
  })),
)
const scenario = new URL('../../test/sipp/scenarios/uac-register.xml', import.meta.url)

/**
 * Verifications a second on one core: framing and the header's parsing included, signature and count of the nonce checked, a
 * fresh nonce each tenth time. Then registrations with a challenge under SIPp, beside Kamailio's.
 */
export async function digest(): Promise<Measurement[]> {
  const theirs = npmSip()
  const measurements = (['SHA-256', 'SHA-512-256', 'MD5'] as const).map((algorithm): Measurement => {
    const wires = requestsBy(algorithm)
    const micros = verify(wires)
    return {
      bench: 'digest',
      case: `verifications, ${algorithm}`,
      value: 1e6 / micros,
      unit: '/s',
      ...(algorithm === 'MD5' && { peers: { sip: 1e6 / theirs(wires) } }),
      note: `${micros.toFixed(1)} µs CPU each`,
    }
  })
  return [...measurements, ...(await registrations())]
}

/** CPU microseconds a verification, median of the rounds; each round starts with no count known. */
function verify(wires: readonly Buffer[]): number {
  const times: number[] = []
  for (let round = 0; round <= ROUNDS; round++) {
    const realm = realmOf()
    let accepted = 0
    const began = process.cpuUsage()
    for (const wire of wires) {
      const verdict = realm.check(parsed(wire))
      if ('kind' in verdict && verdict.kind === 'authenticated') accepted++
    }
    const { user, system } = process.cpuUsage(began)
    if (accepted < wires.length) throw new Error(`${wires.length - accepted} of ${wires.length} were refused`)
    if (round > 0) times.push((user + system) / wires.length)
  }
  return median(times)
}

function realmOf(algorithms: readonly HashName[] = ['SHA-512-256', 'SHA-256', 'MD5']): DigestRealm {
  return new DigestRealm({ realm: REALM, users, nonceKey: key, nonceLifetime: 3_600_000, algorithms })
}

/** REGISTERs of many users as they come in, each nonce used ten times. */
function requestsBy(algorithm: HashName): Buffer[] {
  const realm = realmOf([algorithm])
  const wires: Buffer[] = []
  for (let at = 0; at < NONCES; at++) {
    const client = new DigestClient({ username: `user-${at}`, realms: REALM, password: `${secret} ${at}` })
    const aor = `<sip:user-${at}@${REALM}>`
    const template = request('REGISTER', `sip:${REALM}`, { from: aor, to: aor })
    let out = client.begin(template).next(challengeOf(realm, at))
    for (let use = 0; use < USES && out !== undefined; use++) {
      wires.push(wireOf(at, wires.length, `Authorization: ${out.get(h.Authorization)}\r\n`))
      out = client.begin(template).first()
    }
  }
  return wires
}

function challengeOf(realm: DigestRealm, user: number): SipResponse {
  const asked = parsed(wireOf(user, 0, ''))
  const challenges = realm
    .challenge(asked)
    .fill(response(asked, 401, 'tag'))
    .all(h.WWWAuthenticate)
  const lines = challenges.map(value => `WWW-Authenticate: ${value}\r\n`).join('')
  const message = parseMessage(Buffer.from(`SIP/2.0 401 Unauthorized\r\n${lines}\r\n`))
  if (!(message instanceof SipResponse)) throw new Error('a challenge expected')
  return message
}

function wireOf(user: number, at: number, credentials: string): Buffer {
  const aor = `<sip:user-${user}@${REALM}>`
  return Buffer.from(
    `REGISTER sip:${REALM} SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK${at}x\r\nMax-Forwards: 70\r\n` +
      `From: ${aor};tag=t${at}\r\nTo: ${aor}\r\nCall-ID: call-${user}\r\nCSeq: ${at + 1} REGISTER\r\n` +
      `Contact: <sip:user-${user}@192.0.2.1:5060>;expires=3600\r\n${credentials}Content-Length: 0\r\n\r\n`,
  )
}

function parsed(wire: Buffer): SipRequest {
  const message = parseMessage(wire, flow)
  if (message instanceof Error || !message.isRequest) throw new Error('a request expected')
  return message
}

interface NpmSip {
  parse(text: string): { headers: Record<string, { nonce?: string; username?: string }[]> }
}
interface NpmDigest {
  authenticateRequest(context: object, message: object, credentials: object): boolean
}

/** npm's `sip`: its parser reads the whole message, its digest keeps a context for each nonce and knows MD5 only. */
function npmSip(): (wires: readonly Buffer[]) => number {
  const require = createRequire(import.meta.url)
  const sip: NpmSip = require('sip')
  const digestOf: NpmDigest = require('sip/digest')
  return wires => {
    const texts = wires.map(wire => wire.toString('latin1'))
    const times: number[] = []
    for (let round = 0; round <= ROUNDS; round++) {
      const contexts = new Map<string, object>()
      let accepted = 0
      const began = process.cpuUsage()
      for (const text of texts) {
        const message = sip.parse(text)
        const { nonce = '', username = '' } = message.headers.authorization?.[0] ?? {}
        const user = username.slice(1, -1)
        const context = contexts.get(nonce) ?? { realm: REALM, nonce: nonce.slice(1, -1) }
        contexts.set(nonce, context)
        const password = `${secret} ${user.slice('user-'.length)}`
        if (digestOf.authenticateRequest(context, message, { user, password })) accepted++
      }
      const { user, system } = process.cpuUsage(began)
      if (accepted < texts.length)
        throw new Error(`sip refused ${texts.length - accepted} of ${texts.length}`)
      if (round > 0) times.push((user + system) / texts.length)
    }
    return median(times)
  }
}

/** REGISTER, 401, REGISTER with MD5 credentials, 200: CPU of `examples/registrar.mjs` and of Kamailio. */
async function registrations(): Promise<Measurement[]> {
  ensureSipp()
  const [port, theirPort] = [await freePort('127.0.0.1'), await freePort('127.0.0.1')]
  const args = ['--realm', REALM, '--user', 'bob:secret', '--algorithms', 'MD5', `udp:127.0.0.1:${port}`]
  const ours = await startMeasured('examples/registrar.mjs', args)
  const theirs = await startKamailioRegistrar(theirPort, {
    realm: REALM,
    password: 'secret',
    qop: 'auth',
    algorithm: 'MD5',
  })
  try {
    await registered(port, WARM_UP)
    const times: { ours: number[]; theirs: number[] } = { ours: [], theirs: [] }
    let failed = 0
    for (let run = 0; run < RUNS; run++) {
      for (const [list, target, { pid }] of [
        [times.ours, port, ours],
        [times.theirs, theirPort, theirs],
      ] as const) {
        const before = cpuMicroseconds(pid)
        const result = await registered(target, REGISTRATIONS)
        failed += result.failed
        list.push((cpuMicroseconds(pid) - before) / result.calls)
      }
    }
    return [
      {
        bench: 'digest',
        case: 'a registration with its challenge, UDP, MD5',
        value: median(times.ours),
        unit: 'µs CPU',
        peers: { Kamailio: median(times.theirs) },
        note: `${failed} failed`,
      },
    ]
  } finally {
    await ours.stop()
    await theirs.stop()
  }
}

async function registered(target: number, calls: number): Promise<SippResult> {
  const address = '127.0.0.1'
  const port = await freePort(address)
  const keys = { realm: REALM }
  return (await Sipp.start({ scenario, address, port, target, rate: RATE, calls, keys })).finished()
}
