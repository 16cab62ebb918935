import { afterEach, describe, expect, it } from 'vitest'
import type { CarrierFactory } from '../../../../src/media/rtpengine/carrier/carrier.ts'
import { TcpCarrier } from '../../../../src/media/rtpengine/carrier/tcp.ts'
import { UdpCarrier } from '../../../../src/media/rtpengine/carrier/udp.ts'
import { RtpEngineClient } from '../../../../src/media/rtpengine/client.ts'
import type { HostAddress } from '../../../../src/net/resolve.ts'
import { listenTcp } from '../../../../src/net/tcp.ts'
import { UdpSocket } from '../../../../src/net/udp.ts'
import { familyOf } from '../../../../src/util/address.ts'
import { outcome } from '../simulation.ts'

const PONG = 'd6:result4:ponge'
const cleanUp: (() => Promise<unknown>)[] = []

afterEach(async () => {
  for (const step of cleanUp.splice(0).reverse()) await step()
})

const cookieOf = (request: Buffer): string => request.subarray(0, request.indexOf(0x20)).toString('latin1')

interface Engine {
  readonly port: number
  requests: number
  silent: boolean
  close(): Promise<void>
}

async function udpEngine(address: string, port: number = 0): Promise<Engine> {
  const socket: UdpSocket = await UdpSocket.bind(
    { address, port },
    {
      onDatagram(request, from, fromPort) {
        engine.requests++
        if (!engine.silent) socket.send(Buffer.from(`${cookieOf(request)} ${PONG}`), fromPort, from)
      },
      onSocketError() {},
    },
  )
  const engine: Engine = { port: socket.local.port, requests: 0, silent: false, close: () => socket.close() }
  cleanUp.push(() => socket.close())
  return engine
}

async function tcpEngine(address: string, port: number = 0): Promise<Engine> {
  const listener = await listenTcp(
    { address, port },
    {
      onConnected() {},
      onBytes(connection, request) {
        engine.requests++
        connection.write(`${cookieOf(request)} ${PONG}`)
      },
      onClosed() {},
      onListenerError() {},
    },
  )
  const engine: Engine = {
    port: listener.local.port,
    requests: 0,
    silent: false,
    close: () => listener.close(),
  }
  cleanUp.push(() => listener.close())
  return engine
}

/** As the name service would answer for a name with these addresses. */
function named(...addresses: string[]): () => Promise<HostAddress[]> {
  return async () => addresses.map(address => ({ address, family: familyOf(address) ?? 4 }))
}

function clientOver(carrier: CarrierFactory): RtpEngineClient {
  const client = new RtpEngineClient('udp://engine.invalid', { carrier, retransmission: { initial: 40 } })
  cleanUp.push(() => client.close())
  return client
}

function overUdp(port: number, ...addresses: string[]): RtpEngineClient {
  return clientOver(
    receiver => new UdpCarrier({ host: 'engine.invalid', port, resolve: named(...addresses) }, receiver),
  )
}

function overTcp(port: number, ...addresses: string[]): RtpEngineClient {
  return clientOver(
    receiver =>
      new TcpCarrier({ host: 'engine.invalid', port, limits: {}, resolve: named(...addresses) }, receiver),
  )
}

describe('a name with several addresses, over UDP', () => {
  it('an address that refuses (ICMP) gives way at once, be it of the other family', async () => {
    const engine = await udpEngine('127.0.0.1')
    const client = overUdp(engine.port, '::1', '127.0.0.9', '127.0.0.1')
    expect(await outcome(client.ping())).toBe('ok')
    expect([engine.requests, client.counters.retransmissions]).toEqual([1, 0])
  })

  it('a message that is sent again goes to the next address; the one that answers is kept', async () => {
    const engine = await udpEngine('127.0.0.1')
    const dead = await udpEngine('127.0.0.2', engine.port)
    dead.silent = true
    const client = overUdp(engine.port, '127.0.0.2', '127.0.0.1')
    expect(await outcome(client.ping())).toBe('ok')
    expect([dead.requests, engine.requests, client.counters.retransmissions]).toEqual([1, 1, 1])
    expect(await outcome(client.ping())).toBe('ok')
    expect([dead.requests, engine.requests, client.counters.retransmissions]).toEqual([1, 2, 1])
    engine.silent = true
    dead.silent = false
    expect(await outcome(client.ping({ timeout: 100 }))).toBe('ERR_RTPENGINE_TIMEOUT')
    expect(await outcome(client.ping())).toBe('ok')
  })

  it('where all refuse what is under way fails at once, and the next request looks them up anew', async () => {
    const engine = await udpEngine('127.0.0.1')
    await engine.close()
    const client = overUdp(engine.port, '127.0.0.9', '127.0.0.1')
    expect(await Promise.all([client.ping(), client.ping()].map(outcome))).toEqual([
      'ECONNREFUSED',
      'ECONNREFUSED',
    ])
    expect(client.counters).toMatchObject({ retransmissions: 0, timeouts: 0, carrierFailures: 2 })
    await udpEngine('127.0.0.1', engine.port)
    expect(await outcome(client.ping())).toBe('ok')
  })

  it('what timed out while the name was looked up is not sent any more', async () => {
    const engine = await udpEngine('127.0.0.1')
    let found: (addresses: HostAddress[]) => void = () => {}
    const resolve = (): Promise<HostAddress[]> => new Promise(done => (found = done))
    const client = clientOver(
      receiver => new UdpCarrier({ host: 'engine.invalid', port: engine.port, resolve }, receiver),
    )
    expect(await outcome(client.ping({ timeout: 100 }))).toBe('ERR_RTPENGINE_TIMEOUT')
    const late = outcome(client.ping())
    found(await named('127.0.0.1')())
    expect(await late).toBe('ok')
    expect(engine.requests).toBe(1)
  })
})

describe('a name with several addresses, over TCP', () => {
  it('they are tried in order until one connects, and what waits goes there', async () => {
    const engine = await tcpEngine('127.0.0.1')
    const client = overTcp(engine.port, '::1', '127.0.0.9', '127.0.0.1')
    expect(await outcome(client.ping())).toBe('ok')
    expect(engine.requests).toBe(1)
  })

  it('where none connects it fails at once, and the next request tries again', async () => {
    const engine = await tcpEngine('127.0.0.1')
    await engine.close()
    const client = overTcp(engine.port, '127.0.0.9', '127.0.0.1')
    expect(await outcome(client.ping())).toBe('ECONNREFUSED')
    await tcpEngine('127.0.0.1', engine.port)
    expect(await outcome(client.ping())).toBe('ok')
  })
})
