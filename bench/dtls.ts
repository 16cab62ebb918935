import { execFileSync } from 'node:child_process'
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import {
  createDtlsFactory,
  type DtlsEndpoint,
  type DtlsFactory,
  type DtlsOptions,
  nodeCrypto,
  type Remote,
  SimulatedClock,
  systemClock,
  systemRandom,
  Timers,
} from 'resip/media'
import { type Compiled, compiledWithOpenssl } from '../test/peers/compiled.ts'
import type { Measurement } from './measurement.ts'
import { median } from './median.ts'

const TURNS = 5
const HANDSHAKES = 200
const AT_ONCE = 200
const WITHIN = 30_000

/**
 * CPU of a DTLS handshake a side, in memory, both sides with certificates, beside OpenSSL with itself in the same run; and 200
 * handshakes at once over loop-back.
 */
export async function dtls(): Promise<Measurement[]> {
  const ours: number[] = []
  const theirs: number[] = []
  const factory = await make()
  let program: Compiled | undefined
  let note = 'required: 2,500 at the most'
  try {
    program = compiledWithOpenssl(new URL('../../bench/dtls/openssl-handshakes.c', import.meta.url))
  } catch (error) {
    note = `${note}; no figure of OpenSSL: ${error instanceof Error ? error.message : error}`
  }
  try {
    // in turn, for the machine is not as fast now as it was a second ago; the first turn warms up
    for (let turn = 0; turn <= TURNS; turn++) {
      const spent = handshakes(factory)
      const other = program && Number(execFileSync(program.path, [`${HANDSHAKES}`])) / 2
      if (turn === 0) continue
      ours.push(spent)
      if (other !== undefined) theirs.push(other)
    }
  } finally {
    program?.remove()
  }
  const peers = theirs.length > 0 ? { openssl: median(theirs) } : {}
  return [
    { bench: 'dtls', case: 'handshake P-256, a side', value: median(ours), unit: 'µs CPU', peers, note },
    await atOnce(factory),
  ]
}

/** Microseconds of CPU a side. */
function handshakes(factory: DtlsFactory): number {
  const before = process.cpuUsage()
  for (let n = 0; n < HANDSHAKES; n++) inMemory(factory)
  const { user, system } = process.cpuUsage(before)
  return (user + system) / HANDSHAKES / 2
}

function inMemory(factory: DtlsFactory): void {
  const timers = new Timers(new SimulatedClock())
  const queue: (() => void)[] = []
  const fingerprints = [factory.fingerprint()]
  const common = { fingerprints, proven: false, timers, random: systemRandom }
  let secured = 0
  const user = (deliver: (datagram: Buffer) => void) => ({
    send: (datagram: Buffer) => queue.push(() => deliver(datagram)),
    onKeys: () => secured++,
    onEnd: (error?: Error) => {
      throw error ?? new Error('it ended')
    },
  })
  const here: Remote = { address: '192.0.2.1', port: 1 }
  const client: DtlsEndpoint = factory.endpoint(
    { role: 'client', ...common },
    user(datagram => server.receive(datagram, here)),
  )
  const server: DtlsEndpoint = factory.endpoint(
    { role: 'server', ...common },
    user(datagram => client.receive(datagram, here)),
  )
  client.start(here)
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) next()
  if (secured !== 2) throw new Error('bench dtls: a handshake was not done')
  client.close()
  server.close()
}

/** All begun in one turn of the event loop, each pair on two sockets of its own. */
async function atOnce(factory: DtlsFactory): Promise<Measurement> {
  const timers = new Timers(systemClock)
  const pairs = await Promise.all(Array.from({ length: AT_ONCE }, () => pairOver(factory, timers)))
  const began = performance.now()
  for (const { begin } of pairs) begin()
  await Promise.race([
    Promise.all(pairs.map(({ done }) => done)),
    new Promise<void>(resolve => timers.after(WITHIN, resolve)),
  ])
  const took = performance.now() - began
  const complete = pairs.filter(({ isDone }) => isDone()).length
  for (const { close } of pairs) close()
  timers.close()
  return {
    bench: 'dtls',
    case: `${AT_ONCE} handshakes at once over loop-back`,
    value: complete,
    unit: 'complete',
    note: `all of them in ${Math.round(took)} ms, both sides in one process; required: ${AT_ONCE}`,
  }
}

async function pairOver(factory: DtlsFactory, timers: Timers) {
  const [one, other] = await Promise.all([bound(), bound()])
  let left = 2
  let settle: () => void = () => {}
  const done = new Promise<void>(resolve => {
    settle = resolve
  })
  const end = (role: DtlsOptions['role'], socket: Socket) => {
    const fingerprints = [factory.fingerprint()]
    const endpoint = factory.endpoint(
      { role, fingerprints, proven: false, timers, random: systemRandom },
      {
        send: (datagram, to) => to && socket.send(datagram, to.port, to.address),
        onKeys: () => {
          left--
          if (left === 0) settle()
        },
        onEnd: error => console.error(`bench dtls: ${error}`),
      },
    )
    socket.on('message', (datagram, from) => endpoint.receive(datagram, from))
    return endpoint
  }
  const client = end('client', one)
  const server = end('server', other)
  return {
    done,
    isDone: () => left === 0,
    begin: () => client.start({ address: '127.0.0.1', port: other.address().port }),
    close: () => {
      client.close()
      server.close()
      one.close()
      other.close()
    },
  }
}

async function bound(): Promise<Socket> {
  const socket = createSocket('udp4')
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  return socket
}

function make(): Promise<DtlsFactory> {
  return createDtlsFactory({
    random: systemRandom,
    crypto: nodeCrypto,
    date: systemClock.date(),
    now: systemClock.now(),
  })
}
