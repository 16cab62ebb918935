import { loadavg } from 'node:os'
import type { Measurement } from './measurement.ts'

/** Every bench by its name; it is loaded when it runs. */
const benches: Record<string, () => Promise<Measurement[]>> = {
  parse: async () => (await import('./parse.ts')).parse(),
  transaction: async () => (await import('./transaction.ts')).transaction(),
  'stateless-proxy': async () => (await import('./stateless-proxy.ts')).statelessProxy(),
  tls: async () => (await import('./tls.ts')).tls(),
  'tcp-connections': async () => (await import('./tcp-connections.ts')).tcpConnections(),
  uas: async () => (await import('./uas.ts')).uas(),
  timers: async () => (await import('./timers.ts')).timers(),
  sdp: async () => (await import('./sdp.ts')).sdp(),
  hmac: async () => [
    ...(await (await import('./hmac.ts')).hmac()),
    ...(await import('./flow-token.ts')).flowToken(),
  ],
  dns: async () => (await import('./dns.ts')).dns(),
  digest: async () => (await import('./digest.ts')).digest(),
  stun: async () => (await import('./stun.ts')).stunMessages(),
  turn: async () => (await import('./turn.ts')).turn(),
  'rtp-relay': async () => (await import('./rtp-relay.ts')).rtpRelay(),
  srtp: async () => (await import('./srtp.ts')).srtp(),
  pacer: async () => (await import('./pacer.ts')).pacer(),
  'jitter-buffer': async () => (await import('./jitter-buffer.ts')).jitterBuffer(),
  rtpengine: async () => (await import('./rtpengine.ts')).rtpengine(),
  websocket: async () => (await import('./websocket.ts')).websocket(),
}

const args = process.argv.slice(2)
const names = args.filter(arg => !arg.startsWith('--'))
const unknown = names.find(name => !Object.hasOwn(benches, name))
if (unknown === undefined) await run(names.length > 0 ? names : Object.keys(benches), args.includes('--json'))
else {
  process.stderr.write(
    `bench: there is no bench ${JSON.stringify(unknown)}; there are ${Object.keys(benches).join(', ')}\n`,
  )
  process.exitCode = 2
}

async function run(chosen: readonly string[], asJson: boolean): Promise<void> {
  for (const name of chosen) {
    const measurements = (await benches[name]?.()) ?? []
    if (asJson) for (const measurement of measurements) console.log(JSON.stringify(measurement))
    else print(measurements)
  }
  if (!asJson) console.log(`load of the machine: ${loadavg()[0]?.toFixed(1)}, Node ${process.version}`)
}

function print(measurements: readonly Measurement[]): void {
  for (const { bench, case: what, value, unit, peers = {}, note } of measurements) {
    const others = Object.entries(peers).map(([peer, figure]) => `${peer} ${rounded(figure)}`)
    const line = `${bench.padEnd(16)} ${what.padEnd(44)} ${rounded(value).padStart(11)} ${unit.padEnd(12)}`
    console.log(
      [line, others.join(', '), note ?? '']
        .filter(part => part !== '')
        .join('  ')
        .trimEnd(),
    )
  }
}

function rounded(value: number): string {
  const digits = Math.abs(value) < 10 ? 2 : Math.abs(value) < 100 ? 1 : 0
  return value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits })
}
