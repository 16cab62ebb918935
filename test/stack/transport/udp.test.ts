import { request, SipStack } from 'resip/stack'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type DatagramReceiver, UdpSocket } from '../../../src/net/udp.ts'
import { encode } from '../../../src/stack/message/encode.ts'
import { type Flow, flowTo } from '../../../src/stack/message/flow.ts'
import { Counters } from '../../../src/stack/statistics.ts'
import { Placement } from '../../../src/stack/transport/placement.ts'
import { UdpTransport } from '../../../src/stack/transport/udp.ts'
import { SimulatedClock } from '../../../src/util/clock.ts'
import { EnvironmentError } from '../../../src/util/errors.ts'
import { Timers } from '../../../src/util/timers.ts'
import { deaf, settled } from '../world.ts'

let clock: SimulatedClock
let timers: Timers
let counters: Counters
const open: { close(): Promise<void> }[] = []

beforeEach(() => {
  clock = new SimulatedClock()
  timers = new Timers(clock)
  counters = new Counters()
})

afterEach(async () => {
  await Promise.all(open.splice(0).map(each => each.close()))
  expect(timers.size).toBe(0)
})

async function until(done: () => boolean): Promise<void> {
  for (let turn = 0; !done(); turn++) {
    if (turn > 5000) throw new Error('it did not come to pass')
    await settled()
  }
}

/** A place on loopback where nobody listens. */
async function deadPort(): Promise<number> {
  const socket = await UdpSocket.bind(
    { address: '127.0.0.1', port: 0 },
    { onDatagram() {}, onSocketError() {} },
  )
  await socket.close()
  return socket.local.port
}

describe('a datagram that the system does not take', () => {
  const remote = { address: '192.0.2.9', port: 5060, family: 4 } as const

  async function failing(): Promise<{ fail(code: string): void; failed: string[]; transport: UdpTransport }> {
    let receiver: DatagramReceiver | undefined
    const socket = {
      local: { address: '192.0.2.1', port: 5060, family: 4 as const },
      send() {},
      close: () => Promise.resolve(),
    }
    const bind = (_: unknown, to: DatagramReceiver): Promise<typeof socket> => {
      receiver = to
      return Promise.resolve(socket)
    }
    const transport = new UdpTransport({ address: '192.0.2.1', port: 5060, bind, counters }, timers)
    const failed: string[] = []
    await transport.open({
      ...deaf,
      onFlowFailed: ({ address, port }, error) => void failed.push(`${address}:${port} ${error?.code}`),
    })
    open.push(transport)
    return {
      fail: code => receiver?.onSocketError(new EnvironmentError(code, code), remote),
      failed,
      transport,
    }
  }

  test.each(['ENOBUFS', 'ENOMEM', 'EAGAIN', 'EWOULDBLOCK', 'EINTR', 'EPERM', 'EMSGSIZE'])(
    '%s is a lost datagram, and no word about its peer',
    async code => {
      const { fail, failed } = await failing()
      fail(code)
      expect(failed).toEqual([])
      expect(counters.datagramsLost).toBe(1)
    },
  )

  test.each(['EHOSTUNREACH', 'ENETUNREACH', 'EINVAL', 'ECONNREFUSED', 'EACCES', 'ERR_PORT'])(
    'RFC 3261 §17.1.4 %s fails the flow',
    async code => {
      const { fail, failed } = await failing()
      fail(code)
      expect(failed).toEqual([`192.0.2.9:5060 ${code}`])
      expect(counters.datagramsLost).toBe(0)
    },
  )

  test('what no datagram carries is told at once', async () => {
    const { transport } = await failing()
    const flow = flowTo({ protocol: 'UDP', address: '192.0.2.9', port: 5060 }, transport)
    expect(transport.send('x'.repeat(65_507), flow)).toBe(flow)
    expect(transport.send('x'.repeat(65_508), flow)).toBe('too large')
    expect(transport.keepAlive(flow)).toBe(flow)
  })
})

describe('a side socket, on which a refusal is noticed', () => {
  interface Heard {
    readonly transport: UdpTransport
    readonly failed: string[]
    readonly datagrams: string[]
    side(port: number): Flow
  }

  async function sides(maxSideSockets: number = 2): Promise<Heard> {
    const transport = new UdpTransport(
      { address: '127.0.0.1', port: 0, counters, sideSockets: { maxSideSockets } },
      timers,
    )
    const failed: string[] = []
    const datagrams: string[] = []
    await transport.open({
      ...deaf,
      onDatagram: (bytes, flow) => void datagrams.push(`${bytes} by ${flow.connection}`),
      onFlowFailed: (flow, error) => void failed.push(`${flow.connection} ${error?.code}`),
    })
    open.push(transport)
    const side = (port: number): Flow => {
      const flow = flowTo({ protocol: 'UDP', address: '127.0.0.1', port }, transport)
      return transport.sideFlow(flow) ?? flow
    }
    return { transport, failed, datagrams, side }
  }

  test('an ICMP port unreachable fails its flow and nothing else', async () => {
    const { transport, failed, side } = await sides()
    const flow = side(await deadPort())
    expect(flow.connection).toBe(1)
    expect(transport.send('OPTIONS', flow)).toBe(flow)
    await until(() => failed.length > 0)
    expect(failed).toEqual(['1 ECONNREFUSED'])
    expect(transport.send('again', flow)).toBe('gone')
    expect(timers.size).toBe(0)
  })

  test('the answer comes back on it; one is enough for an address; it goes when it was not used', async () => {
    const { transport, failed, datagrams, side } = await sides()
    const peer = await UdpSocket.bind(
      { address: '127.0.0.1', port: 0 },
      {
        onDatagram: (bytes, address, port) => peer.send(bytes, port, address),
        onSocketError() {},
      },
    )
    open.push(peer)
    const flow = side(peer.local.port)
    expect(side(peer.local.port)).toBe(flow)
    transport.send('one', flow)
    transport.send('two', flow)
    await until(() => datagrams.length === 2)
    expect(datagrams).toEqual(['one by 1', 'two by 1'])
    clock.advance(240_000)
    expect(transport.send('three', flow)).toBe(flow)
    await until(() => datagrams.length === 3)
    clock.advance(480_000)
    expect(transport.send('late', flow)).toBe('gone')
    expect(side(peer.local.port).connection).toBe(2)
    expect(failed).toEqual([])
  })

  test('one that cannot be opened fails its flow, later', async () => {
    const socket = { send() {}, close: () => Promise.resolve() }
    const local = { address: '192.0.2.1', port: 5060, family: 4 as const }
    const transport = new UdpTransport(
      { address: '192.0.2.1', port: 5060, counters, bind: () => Promise.resolve({ ...socket, local }) },
      timers,
    )
    const failed: string[] = []
    await transport.open({ ...deaf, onFlowFailed: (_, error) => void failed.push(`${error?.code}`) })
    open.push(transport)
    const flow = transport.sideFlow(flowTo({ protocol: 'UDP', address: '192.0.2.9', port: 5060 }, transport))
    expect(flow?.connection).toBe(1)
    expect(failed).toEqual([])
    await until(() => failed.length === 1)
    expect(failed).toEqual(['EADDRNOTAVAIL'])
  })

  test('beyond the limit the main socket is used', async () => {
    const { side } = await sides(2)
    expect([1, 2, 3, 1].map(port => side(port).connection)).toEqual([1, 2, 0, 1])
  })

  test('a request and its response over one, by the stack of the other side (RFC 3581 §4)', async () => {
    const server = new SipStack()
    await server.listen('udp:127.0.0.1:0')
    open.push(server)
    server.onRequest(transaction => transaction.respond(200))
    const { transport, datagrams, side } = await sides()
    const flow = side(server.transports[0]?.local.port ?? 0)
    const template = request('OPTIONS', 'sip:127.0.0.1', { from: '<sip:a@127.0.0.1>' })
    transport.send(encode(template, new Placement(transport, flow, 'z9hG4bKside')), flow)
    await until(() => datagrams.length === 1)
    expect(datagrams[0]).toMatch(/^SIP\/2\.0 200 /)
    expect(datagrams[0]).toContain('branch=z9hG4bKside')
  })
})
