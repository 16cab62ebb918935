import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  addressText,
  BindingServer,
  ErrorCode,
  Lifetime,
  LongTermAuthentication,
  MappedAddress,
  method,
  type NatBehavior,
  NatBehaviorDiscovery,
  nodeHash,
  parseStun,
  RequestedTransport,
  requestedTransport,
  StunClient,
  type StunClientOptions,
  StunErrorResponse,
  type StunFailure,
  StunFramer,
  type StunMessage,
  type StunRequest,
  StunWriter,
  type TransportAddress,
  valued,
  XorMappedAddress,
  XorRelayedAddress,
} from '../../src/media/stun/index.ts'
import { systemClock } from '../../src/net/clock.ts'
import { systemRandom } from '../../src/net/random.ts'
import type { StreamConnection } from '../../src/net/stream.ts'
import { connectTcp } from '../../src/net/tcp.ts'
import { UdpSocket } from '../../src/net/udp.ts'
import { Timers } from '../../src/util/timers.ts'
import { installed } from '../peers/installed.ts'

const timers = new Timers(systemClock)
const random = systemRandom
const alice = { username: 'alice', password: 'secret' }
const first = { address: '127.52.0.1', port: 23_478 }
const redirecting = { address: '127.52.0.3', port: 23_478 }
const closers: (() => Promise<void> | void)[] = []

afterAll(async () => {
  for (const close of closers.reverse()) await close()
})

/** A UDP socket whose datagrams go to whoever is set. */
async function openSocket(address: string, port = 0) {
  const receiver = { receive: (_: Buffer, __: TransportAddress): void => {} }
  const socket = await UdpSocket.bind(
    { address, port },
    {
      onDatagram: (bytes, from, fromPort) => receiver.receive(bytes, { address: from, port: fromPort }),
      onSocketError() {},
    },
  )
  closers.push(() => socket.close())
  const send = (bytes: Uint8Array, to: TransportAddress): void => socket.send(bytes, to.port, to.address)
  return { socket, receiver, send }
}

async function udpClient(server: TransportAddress, options: Partial<StunClientOptions> = {}) {
  const { socket, receiver, send } = await openSocket('127.0.0.1')
  const client = new StunClient({ transport: { reliable: false, send }, server, timers, random, ...options })
  receiver.receive = (bytes, source) => client.receive(bytes, source)
  return { client, local: socket.local }
}

function asked(client: StunClient, request: StunRequest): Promise<StunMessage> {
  return new Promise<StunMessage>((resolve, reject) => {
    client.request(request, { onSuccess: resolve, onFailure: (failure: StunFailure) => reject(failure) })
  })
}

describe('coturn', () => {
  const folder = mkdtempSync(join(tmpdir(), 'resip-coturn-'))

  beforeAll(async () => {
    installed('turnserver', 'coturn')
    const shared = [
      '-n',
      '--lt-cred-mech',
      '--user=alice:secret',
      '--realm=turn.test',
      '--no-tls',
      '--no-dtls',
    ]
    const quiet = ['--no-cli', '--log-file=stdout', '--simple-log', '--min-port=52000', '--max-port=52099']
    const rest = [...shared, ...quiet, '--allow-loopback-peers']
    await start('one', [
      '-L',
      first.address,
      '-L',
      '127.52.0.2',
      '-E',
      first.address,
      '-p',
      '23478',
      '--alt-listening-port=23479',
      ...rest,
    ])
    const alternate = `--alternate-server=${addressText(first)}`
    await start('two', [
      '-L',
      redirecting.address,
      '-E',
      redirecting.address,
      '-p',
      '23478',
      alternate,
      ...rest,
    ])
  })

  afterAll(() => rmSync(folder, { recursive: true }))

  async function start(name: string, options: string[]): Promise<void> {
    const files = [`--userdb=${join(folder, `${name}.db`)}`, `--pidfile=${join(folder, `${name}.pid`)}`]
    const server: ChildProcess = spawn('turnserver', [...options, ...files], {
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    closers.push(
      () =>
        new Promise<void>(resolve => {
          server.once('exit', () => resolve())
          server.kill('SIGKILL')
        }),
    )
    await new Promise<void>((resolve, reject) => {
      let log = ''
      server.once('exit', code => reject(new Error(`coturn ended with ${code}: ${log}`)))
      server.stdout?.on('data', chunk => {
        log += chunk
        if (log.includes('SQLite DB connection success')) resolve()
      })
    })
  }

  it('answers a Binding request over UDP, and one of RFC 3489', async () => {
    const { client, local } = await udpClient(first, { software: 'resip', timing: { rto: 200 } })
    const response = await asked(client, { method: method.Binding })
    expect(response.get(XorMappedAddress)).toEqual({ address: local.address, port: local.port })
    const { send, receiver, socket } = await openSocket('127.0.0.1')
    const old = new Promise<StunMessage | string>(resolve => {
      receiver.receive = bytes => resolve(parseStun(bytes))
    })
    send(new StunWriter(method.Binding, 'request', random.fill(new Uint8Array(16))).finish(), first)
    const classic = await old
    if (typeof classic === 'string') throw new Error(classic)
    expect(classic.classic).toBe(true)
    expect(classic.get(MappedAddress)).toEqual({ address: '127.0.0.1', port: socket.local.port })
  })

  it('answers a Binding request over TCP', async () => {
    const framer = new StunFramer()
    let connection: StreamConnection | undefined
    const client = new StunClient({
      transport: { reliable: true, send: bytes => connection?.write(bytes) },
      server: first,
      timers,
      random,
    })
    connection = connectTcp(first, {
      onConnected() {},
      onBytes: (_, bytes) => {
        for (const frame of framer.push(bytes)) client.receive(frame, first)
      },
      onClosed: (_, error) => client.transportFailed(error),
    })
    closers.push(() => connection?.destroy())
    const response = await asked(client, { method: method.Binding })
    expect(response.get(XorMappedAddress)?.address).toBe('127.0.0.1')
    connection.destroy()
  })

  it('challenges an Allocate request, and takes our answer (RFC 8489 §9.2)', async () => {
    // coturn does not sign its 437
    const authentication = new LongTermAuthentication(alice, nodeHash, { unsignedErrors: 'accept' })
    const { client } = await udpClient(first, { authentication })
    const allocate = [valued(RequestedTransport, requestedTransport.UDP)]
    const response = await asked(client, { method: method.Allocate, attributes: allocate })
    expect(response.get(XorRelayedAddress)?.address).toBe(first.address)
    expect(authentication.realm).toBe('turn.test')
    const again = asked(client, { method: method.Allocate, attributes: allocate })
    await expect(again).rejects.toMatchObject({ status: 437 })
    const ended = await asked(client, { method: method.Refresh, attributes: [valued(Lifetime, 0)] })
    expect(ended.get(Lifetime)).toBe(0)
  })

  it('refuses a wrong password, once (RFC 8489 §9.2.5)', async () => {
    const authentication = new LongTermAuthentication({ username: 'alice', password: 'guess' }, nodeHash)
    const { client } = await udpClient(first, { authentication })
    const refused = asked(client, {
      method: method.Allocate,
      attributes: [valued(RequestedTransport, requestedTransport.UDP)],
    })
    await expect(refused).rejects.toBeInstanceOf(StunErrorResponse)
    await expect(refused).rejects.toMatchObject({ status: 401 })
  })

  it('answers 420 to what it does not know', async () => {
    const { client } = await udpClient(first)
    const unknown = { type: 0x7ff0, name: 'UNKNOWN', decode: () => true, encode() {} }
    const refused = asked(client, { method: method.Binding, attributes: [valued(unknown, true)] })
    await expect(refused).rejects.toMatchObject({ status: 420 })
  })

  it('sends us to its alternate server, and we go (RFC 8489 §10)', async () => {
    const authentication = new LongTermAuthentication(alice, nodeHash)
    const { client } = await udpClient(redirecting, { authentication })
    const allocate = [valued(RequestedTransport, requestedTransport.UDP)]
    const response = await asked(client, { method: method.Allocate, attributes: allocate })
    expect(client.server).toEqual(first)
    expect(response.get(ErrorCode)).toBeUndefined()
    await asked(client, { method: method.Refresh, attributes: [valued(Lifetime, 0)] })
  })

  it('lets us find that no NAT stands between (RFC 5780)', async () => {
    const { socket, receiver, send } = await openSocket('127.0.0.1')
    const behavior = await new Promise<NatBehavior>(resolve => {
      const discovery = new NatBehaviorDiscovery({
        transport: { reliable: false, send },
        server: first,
        local: socket.local,
        timers,
        random,
        hairpin: true,
        timing: { rto: 100, requests: 3, lastWait: 4 },
        onResult: resolve,
      })
      receiver.receive = (bytes, source) => discovery.receive(bytes, source)
      discovery.start()
    })
    expect(behavior).toMatchObject({
      reachable: true,
      supported: true,
      translated: false,
      mapping: 'endpoint-independent',
      filtering: 'endpoint-independent',
      hairpinning: true,
    })
  })
})

describe('the RFC 3489 client of Debian', () => {
  it('finds our server, with all its tests', async () => {
    installed('stun', 'stun-client')
    const addresses = ['127.53.0.1', '127.53.0.2'] as const
    const ports = [23_480, 23_481] as const
    const server = new BindingServer({ other: { address: addresses[1], port: ports[1] } })
    const sockets = new Map<string, Awaited<ReturnType<typeof openSocket>>>()
    for (const address of addresses) {
      for (const port of ports) {
        const one = await openSocket(address, port)
        sockets.set(addressText({ address, port }), one)
        one.receiver.receive = (bytes, source) => {
          const { answer } = server.receive(bytes, source, one.socket.local)
          if (answer) sockets.get(addressText(answer.from))?.send(answer.bytes, answer.to)
        }
      }
    }
    const target = `${addresses[0]}:${ports[0]}`
    // its exit status tells what it found, so that success is not 0
    const { stdout } = await promisify(execFile)('stun', [target, '-v']).catch(
      (ended: { stdout: string }) => ended,
    )
    expect(stdout).toContain('Primary: Open')
    expect(server.counters).toMatchObject({ truncated: 0, badRequests: 0, ignored: 0 })
  })
})
