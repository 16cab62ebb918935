import { spawn, spawnSync } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { setTimeout as after } from 'node:timers/promises'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { decodeBencode, decodeNgMessage, encodeBencode, encodeNgMessage, RtpEngineClient } from 'resip/media'
import type { Measurement } from './measurement.ts'

const FAKE = 'rtpengine bench: fake engine'
const SECONDS = 2
/** Requests under way at a time, as many calls at once would have. */
const WINDOW = 64

const LINES = Array.from({ length: 44 }, (_, i) => `a=rtpmap:${96 + i} codec-name/90000`)
const SDP = ['v=0', 'o=- 1 1 IN IP4 192.0.2.1', 's=-', 'c=IN IP4 192.0.2.1', 't=0 0', ...LINES, ''].join(
  '\r\n',
)

const OFFER = {
  command: 'offer',
  'call-id': 'a84b4c76e66710@pc33.example.com',
  'from-tag': '1928301774',
  sdp: SDP,
  flags: ['trust-address'],
  replace: ['origin', 'session-connection'],
  ICE: 'remove',
  'transport-protocol': 'RTP/AVP',
  'received-from': ['IP4', '192.0.2.1'],
}

/** The NG protocol: writing and reading of a typical offer, and requests a second over loop-back UDP. */
export async function rtpengine(): Promise<Measurement[]> {
  const results: Measurement[] = []
  const bencode = encodeBencode(OFFER, 'utf8')
  const json = Buffer.from(JSON.stringify(OFFER))
  const message = encodeNgMessage('cookie', OFFER, 'bencode')
  const messageJson = encodeNgMessage('cookie', OFFER, 'json')
  const size = `offer of ${bencode.length} bytes`
  const each = (name: string, run: () => unknown, peer?: () => unknown): void => {
    results.push({
      bench: 'rtpengine',
      case: `${name}, ${size}`,
      value: perSecond(run),
      unit: 'ops/s',
      ...(peer && { peers: { 'JSON alone': perSecond(peer) } }),
    })
  }
  each(
    'bencode encode',
    () => encodeBencode(OFFER, 'utf8'),
    () => Buffer.from(JSON.stringify(OFFER)),
  )
  each(
    'bencode decode',
    () => decodeBencode(bencode, { strings: 'utf8' }),
    () => JSON.parse(json.toString()),
  )
  each('message encode, bencode', () => encodeNgMessage('cookie', OFFER, 'bencode'))
  each('message encode, JSON', () => encodeNgMessage('cookie', OFFER, 'json'))
  each('message decode, bencode', () => decodeNgMessage(message))
  each('message decode, JSON', () => decodeNgMessage(messageJson))
  results.push(...(await againstFake()), ...(await againstEngine()))
  return results
}

function perSecond(run: () => unknown): number {
  for (let i = 0; i < 20_000; i++) run()
  const rates: number[] = []
  for (let round = 0; round < 3; round++) {
    const start = performance.now()
    let done = 0
    for (; performance.now() - start < 300; done += 1000) for (let i = 0; i < 1000; i++) run()
    rates.push(done / ((performance.now() - start) / 1000))
  }
  return Math.round(rates.sort((one, other) => one - other)[1] ?? 0)
}

/** A worker thread that answers each request with what a reply of its kind holds, and does no more. */
async function againstFake(): Promise<Measurement[]> {
  const worker = new Worker(new URL(import.meta.url), { workerData: FAKE })
  const [port] = await once(worker, 'message')
  try {
    return await measure(`udp://127.0.0.1:${port}`, 'fake engine')
  } finally {
    await worker.terminate()
  }
}

/** The real one, where it is installed. */
async function againstEngine(): Promise<Measurement[]> {
  if (spawnSync('sh', ['-c', 'command -v rtpengine']).status !== 0) return []
  const engine = spawn(
    'rtpengine',
    [
      ...['--config-file=none', '--foreground', '--log-stderr', '--log-level=2', '--table=-1'],
      ...['--interface=127.61.0.9', '--listen-ng=127.61.0.9:2223', '--num-threads=2'],
    ],
    { stdio: 'ignore' },
  )
  try {
    return await measure('udp://127.61.0.9:2223', 'rtpengine', ['ping'])
  } finally {
    const gone = once(engine, 'exit')
    engine.kill()
    await gone
  }
}

async function measure(
  url: string,
  name: string,
  kinds: ('ping' | 'offer')[] = ['ping', 'offer'],
): Promise<Measurement[]> {
  const client = new RtpEngineClient(url)
  try {
    await answered(client)
    const results: Measurement[] = []
    for (const kind of kinds) {
      const run = (): Promise<unknown> =>
        kind === 'ping'
          ? client.ping()
          : client.offer(SDP, OFFER['call-id'], OFFER['from-tag'], {
              flags: ['trust-address'],
              replace: ['origin', 'session-connection'],
              ice: 'remove',
              transportProtocol: 'RTP/AVP',
              receivedFrom: '192.0.2.1',
            })
      await rate(run, 0.5)
      results.push({
        bench: 'rtpengine',
        case: `${kind}s over loop-back UDP, ${name}`,
        value: await rate(run, SECONDS),
        unit: 'requests/s',
        note: `${WINDOW} under way, ${client.counters.retransmissions} retransmissions so far`,
      })
    }
    return results
  } finally {
    await client.close()
  }
}

async function rate(run: () => Promise<unknown>, seconds: number): Promise<number> {
  const start = performance.now()
  let done = 0
  const chain = async (): Promise<void> => {
    while (performance.now() - start < seconds * 1000) {
      await run()
      done++
    }
  }
  await Promise.all(Array.from({ length: WINDOW }, chain))
  return Math.round(done / ((performance.now() - start) / 1000))
}

function serveFake(): void {
  const socket = createSocket({ type: 'udp4', recvBufferSize: 4 * 1024 * 1024 })
  const pong = Buffer.from(' d6:result4:ponge')
  const ok = Buffer.concat([Buffer.from(' '), encodeBencode({ result: 'ok', sdp: SDP }, 'utf8')])
  socket.on('message', (request, from) => {
    const cookie = request.subarray(0, request.indexOf(0x20))
    socket.send([cookie, request.includes('4:ping') ? pong : ok], from.port, from.address)
  })
  socket.bind(0, '127.0.0.1', () => parentPort?.postMessage(socket.address().port))
}

if (!isMainThread && workerData === FAKE) serveFake()

/** An engine that was started just now refuses until its port is open. */
async function answered(client: RtpEngineClient): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      await client.ping()
      return
    } catch (error) {
      if (tries === 100) throw error
      await after(50)
    }
  }
}
