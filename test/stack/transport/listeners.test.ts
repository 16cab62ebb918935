import { connect } from 'node:net'
import {
  h,
  type ListenOptions,
  nameAddr,
  register,
  request,
  type SentBy,
  type SipRequest,
  SipStack,
  type StackOptions,
} from 'resip/stack'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { InterfaceAddress } from '../../../src/net/interfaces.ts'
import { ConnectPorts } from '../../../src/stack/transport/connect-ports.ts'
import { parseListenPoint } from '../../../src/stack/transport/listen-point.ts'
import { SimulatedClock } from '../../../src/util/clock.ts'
import { freePort } from '../../peers/ports.ts'
import { requestText, settled } from '../world.ts'

/** What the host is said to have; loopback addresses of Linux, so that they can be bound. */
const host: { addresses: string[]; failure: Error | undefined } = { addresses: [], failure: undefined }

function interfaces(): InterfaceAddress[] {
  if (host.failure !== undefined) throw host.failure
  return host.addresses.map(address => ({ name: 'lo', address, family: 4, internal: true, scope: 0 }))
}

const stacks: SipStack[] = []

beforeEach(() => {
  host.addresses = ['127.0.0.1']
  host.failure = undefined
})

afterEach(async () => {
  await Promise.all(stacks.splice(0).map(stack => stack.close()))
})

function made(options: StackOptions = {}): SipStack {
  const stack = new SipStack({ interfaces, ...options })
  stacks.push(stack)
  return stack
}

/** Waits for what real sockets do, a turn of the event loop at a time. */
async function until(done: () => boolean): Promise<void> {
  for (let turn = 0; !done(); turn++) {
    if (turn > 5000) throw new Error('it did not come to pass')
    await new Promise(resolve => setImmediate(resolve))
  }
}

describe('listen points', () => {
  test.each([
    ['udp:127.0.0.1:5070', { protocol: 'UDP', host: '127.0.0.1', port: 5070 }],
    ['TCP:[::1]:5062', { protocol: 'TCP', host: '::1', port: 5062 }],
    ['udp:0.0.0.0', { protocol: 'UDP', host: '0.0.0.0', port: 5060 }],
    ['tls:127.0.0.1', { protocol: 'TLS', host: '127.0.0.1', port: 5061 }],
    ['ws:127.0.0.1', { protocol: 'WS', host: '127.0.0.1', port: 80 }],
    ['wss:[::1]', { protocol: 'WSS', host: '::1', port: 443 }],
    ['udp:[::]', { protocol: 'UDP', host: '::', port: 5060 }],
    ['udp:eth0:0', { protocol: 'UDP', host: 'eth0', port: 0 }],
    ['udp:[::FFFF:127.0.0.1]', { protocol: 'UDP', host: '127.0.0.1', port: 5060 }],
    ['udp:[::];ipv6Only=false', { protocol: 'UDP', host: '::', port: 5060, ipv6Only: false }],
    ['tcp:[fe80::1%eth0]:5060', { protocol: 'TCP', host: 'fe80::1%eth0', port: 5060 }],
  ])('%s', (text, point) => expect(parseListenPoint(text)).toEqual(point))

  test.each([
    ['', 'one of udp, tcp, tls, ws, wss and a colon expected'],
    ['127.0.0.1:5060', 'one of udp, tcp, tls, ws, wss and a colon expected'],
    ['sctp:127.0.0.1', 'one of udp, tcp, tls, ws, wss and a colon expected'],
    ['udp:127.0.0.1:65536', 'an address, in brackets where it is IPv6, and a port expected'],
    ['udp:127.0.0.1:sip', 'an address, in brackets where it is IPv6, and a port expected'],
    ['udp:::1', 'an address, in brackets where it is IPv6, and a port expected'],
    ['udp:[::1', 'an address, in brackets where it is IPv6, and a port expected'],
    ['udp::5060', 'an address, in brackets where it is IPv6, and a port expected'],
  ])('%j is refused and named', (text, problem) => {
    expect(() => parseListenPoint(text)).toThrow(`"${text}": ${problem}`)
  })
})

describe('what a listen point advertises', () => {
  const advertised = (point: string | ListenOptions): SentBy | undefined => parseListenPoint(point).sentBy

  test.each([
    ['udp:10.0.0.5:5060;advertise=203.0.113.7:5070', '203.0.113.7', 5070, '203.0.113.7:5070'],
    [{ listen: 'tcp:eth0', advertise: '[2001:db8::7]:5060' }, '2001:db8::7', 5060, '[2001:db8::7]:5060'],
    [
      { listen: 'tcp:[::1]:5060', advertise: 'sip.example.com' },
      'sip.example.com',
      undefined,
      'sip.example.com',
    ],
  ] as const)('%j', (point, host, port, text) => expect(advertised(point)).toEqual({ host, port, text }))

  test('networks that are told the bound address, in either form', () => {
    const texts = [
      'udp:10.0.0.5;advertise=sip.example.com;localNets=10.0.0.0/8,private;connectFrom=40000-40001',
    ]
    const points = [
      ...texts,
      {
        listen: 'udp:10.0.0.5',
        advertise: 'sip.example.com',
        localNets: ['10.0.0.0/8', 'private'],
        connectFrom: [40000, 40001],
      },
    ] as const
    for (const { sentBy, connectFrom } of points.map(point => parseListenPoint(point))) {
      expect(sentBy?.text).toBe('sip.example.com')
      expect(['10.200.0.1', '192.168.0.1', '203.0.113.1'].map(host => sentBy?.localNets?.has(host))).toEqual([
        true,
        true,
        false,
      ])
      expect(connectFrom).toEqual([40000, 40001])
    }
    expect(parseListenPoint('udp:10.0.0.5;connectFrom=40000').connectFrom).toEqual([40000, 40000])
  })

  test.each([
    ['udp:10.0.0.5;localNets=10.0.0.0/8', 'give advertise too'],
    ['udp:10.0.0.5;advertise=a.example;localNets=10.0.0.0/33', '"10.0.0.0/33" is no network'],
    ['udp:10.0.0.5;ipv6Only=false', 'ipv6Only is for [::] or an interface'],
    ['udp:[::1];ipv6Only=true', 'ipv6Only is for [::] or an interface'],
    ['udp:[::];ipv6Only=no', 'true or false expected'],
    ['tcp:10.0.0.5;connectFrom=0', 'a port to connect from'],
    ['tcp:10.0.0.5;connectFrom=5-4', 'a port to connect from'],
    ['tcp:10.0.0.5;connectFrom=x', 'a port to connect from'],
    ['udp:10.0.0.5;advertised=a', 'advertise, localNets, ipv6Only or connectFrom and a value expected'],
    ['udp:10.0.0.5;', 'advertise, localNets, ipv6Only or connectFrom and a value expected'],
  ])('%s is refused', (point, problem) => expect(() => parseListenPoint(point)).toThrow(problem))

  test.each(['', '203.0.113.7:0', '203.0.113.7:65536', 'fe80::1%eth0', 'a b', 'x\r\nVia: y', '-a'])(
    '%j is refused',
    advertise => {
      expect(() => advertised({ listen: 'udp:10.0.0.5', advertise })).toThrow('a host that others know')
    },
  )

  test('RFC 3261 §18.1.1 Via and Contact name it, and the stack is known by it as by its own address', async () => {
    const [client, server] = [made(), made()]
    await client.listen({ listen: 'udp:127.0.0.1:0', advertise: '203.0.113.7:5070' }, 'tcp:127.0.0.1:0')
    await server.listen('udp:127.0.0.1:0')
    const seen: SipRequest[] = []
    server.onRequest(transaction => {
      seen.push(transaction.request)
      transaction.respond(200)
    })
    const [udp] = client.transports
    const registration = register(nameAddr(`<sip:alice@127.0.0.1:${server.transports[0]?.local.port}>`))
    expect((await client.request(registration)).status).toBe(200)
    expect(seen[0]?.via.sentBy).toBe('203.0.113.7:5070')
    expect(seen[0]?.source?.port).toBe(udp?.local.port)
    expect(String(seen[0]?.get(h.Contact))).toBe('<sip:alice@203.0.113.7:5070>')
    expect(client.isOurs('203.0.113.7', 5070)).toBe(true)
    expect(client.isOurSentBy('203.0.113.7:5070')).toBe(true)
    expect(client.isOurs('127.0.0.1', udp?.local.port)).toBe(true)
    expect(client.isOurs('203.0.113.7', 5060)).toBe(false)
  })
})

describe('listeners', () => {
  test('a port in use is named, and none of the points is open then', async () => {
    const first = made()
    await first.listen('udp:127.0.0.1:0', 'tcp:127.0.0.1:0')
    const [udp, tcp] = first.transports
    for (const transport of [udp, tcp]) {
      const second = made()
      const key = transport?.key ?? ''
      await expect(second.listen('udp:127.0.0.1:0', key)).rejects.toMatchObject({
        code: 'EADDRINUSE',
        message: expect.stringContaining(`127.0.0.1:${transport?.local.port}`),
      })
      expect(second.transports).toEqual([])
    }
  })

  test('an interface that is not there is refused with those that are', async () => {
    await expect(made().listen('udp:nonesuch0:5060')).rejects.toThrow(
      'udp:nonesuch0:5060: neither an address nor an interface of this host, which has lo',
    )
  })

  test.each([
    ['udp:[::]:0', ['::1']],
    ['udp:[::]:0;ipv6Only=false', ['127.0.0.1', '::1']],
    ['udp:lo:0', ['127.0.0.1', '::1']],
    ['udp:lo:0;ipv6Only=true', ['::1']],
    ['udp:0.0.0.0:0', ['127.0.0.1']],
  ])('%s stands for %j', async (point, expected) => {
    const stack = made({
      interfaces: () => [
        { name: 'lo', address: '127.0.0.1', family: 4, internal: true, scope: 0 },
        { name: 'lo', address: '::1', family: 6, internal: true, scope: 0 },
        { name: 'lo', address: 'fe80::1', family: 6, internal: true, scope: 1 },
      ],
    })
    await stack.listen(point)
    expect(stack.transports.map(({ local }) => local.address)).toEqual(expected)
  })

  test.each(['udp', 'tcp'])(
    '%s: a port that the system chooses is the same on all addresses, and comes back so',
    async protocol => {
      const clock = new SimulatedClock()
      const stack = made({ clock })
      host.addresses = ['127.0.0.1', '127.0.0.2', '127.0.0.3']
      await stack.listen(`${protocol}:0.0.0.0:0`)
      const ports = (): number[] => stack.transports.map(({ local }) => local.port)
      const [port = 0] = ports()
      expect(ports()).toEqual([port, port, port])
      host.addresses = ['127.0.0.4']
      clock.advance(5000)
      await until(() => stack.transports[0]?.local.address === '127.0.0.4')
      expect(ports()).toEqual([port])
    },
  )

  test('where that port is taken on an address that comes, that address has one of its own', async () => {
    const clock = new SimulatedClock()
    const [stack, other] = [made({ clock }), made()]
    await stack.listen('tcp:0.0.0.0:0')
    const [first] = stack.transports
    await other.listen(`tcp:127.0.0.2:${first?.local.port}`)
    host.addresses.push('127.0.0.2')
    clock.advance(5000)
    await until(() => stack.transports.length === 2)
    expect(stack.transports[1]?.local.port).not.toBe(first?.local.port)
    expect(stack.counters.listenFailures).toBe(0)
  })

  test('a fixed port that is taken on one new address does not stop the others; it is told once and tried again', async () => {
    const clock = new SimulatedClock()
    const lines: string[] = []
    const log = {
      enabled: () => true,
      write: (_: string, __: string, text: string): void => void lines.push(text),
    }
    const [stack, other] = [made({ clock, log }), made()]
    await other.listen('udp:127.0.0.2:0')
    const port = other.transports[0]?.local.port
    await stack.listen(`udp:0.0.0.0:${port}`)
    host.addresses = ['127.0.0.1', '127.0.0.2', '127.0.0.3']
    clock.advance(5000)
    await until(() => stack.transports.length === 2 && stack.timers.size === 1)
    expect(stack.transports.map(({ local }) => local.address)).toEqual(['127.0.0.1', '127.0.0.3'])
    clock.advance(5000)
    await until(() => stack.counters.listenFailures === 2 && stack.timers.size === 1)
    expect(lines).toEqual([expect.stringContaining(`127.0.0.2:${port} is in use`)])
    await other.close()
    clock.advance(5000)
    await until(() => stack.transports.length === 3)
  })

  test('connections are made from the ports that were given, each in its turn', async () => {
    const [client, server] = [made(), made()]
    await server.listen('tcp:127.0.0.1:0', 'tcp:127.0.0.2:0', 'tcp:127.0.0.3:0')
    const free = await freePort('127.0.0.1')
    await client.listen({ listen: 'tcp:127.0.0.1:0', connectFrom: free })
    const from: (number | undefined)[] = []
    server.onRequest(transaction => {
      from.push(transaction.request.source?.port)
      transaction.respond(200)
    })
    for (const { local } of server.transports) {
      const target = `sip:${local.address}:${local.port};transport=tcp`
      expect((await client.request(request('OPTIONS', target, { from: '<sip:a@127.0.0.1>' }))).status).toBe(
        200,
      )
    }
    expect(from).toEqual([free, free, free])
    const ports = new ConnectPorts([40_000, 40_001])
    expect([ports.next(), ports.next(), ports.next()]).toEqual([40_000, 40_001, 40_000])
  })

  test.each(['udp:0.0.0.0:0', 'tcp:lo:0'])(
    '%s has a transport for each address, and follows them',
    async point => {
      const clock = new SimulatedClock()
      const stack = made({ clock })
      const addresses = (): string[] => stack.transports.map(transport => transport.local.address)
      await stack.listen(point)
      expect(addresses()).toEqual(['127.0.0.1'])
      host.addresses = ['127.0.0.1', '127.0.0.2']
      clock.advance(5000)
      await until(() => addresses().length === 2)
      expect(addresses()).toEqual(['127.0.0.1', '127.0.0.2'])
      await until(() => stack.timers.size === 1)
      host.addresses = ['127.0.0.2']
      clock.advance(5000)
      await until(() => addresses().length === 1)
      expect(addresses()).toEqual(['127.0.0.2'])
      await stack.close()
      expect(stack.timers.size).toBe(0)
    },
  )
})

test('no descriptor is left when the addresses are looked at: the stack lives on, counts, and follows later', async () => {
  const clock = new SimulatedClock()
  const lines: string[] = []
  const log = {
    enabled: () => true,
    write: (level: string, subsystem: string, text: string): void =>
      void lines.push(`${level} ${subsystem} ${text}`),
  }
  const stack = made({ clock, log })
  const rejections: unknown[] = []
  const onRejection = (reason: unknown): void => void rejections.push(reason)
  process.on('unhandledRejection', onRejection)
  try {
    await stack.listen('udp:0.0.0.0:0')
    host.failure = new Error('EMFILE: too many open files')
    for (const failures of [1, 2]) {
      clock.advance(5000)
      await until(() => stack.counters.listenFailures === failures && stack.timers.size === 1)
    }
    expect(lines).toEqual(Array(2).fill('warning transport EMFILE: too many open files'))
    expect(stack.transports).toHaveLength(1)
    host.failure = undefined
    host.addresses = ['127.0.0.1', '127.0.0.2']
    clock.advance(5000)
    await until(() => stack.transports.length === 2)
    expect(rejections).toEqual([])
  } finally {
    process.off('unhandledRejection', onRejection)
  }
})

test('an address that cannot be opened when it comes is counted, and tried again', async () => {
  const clock = new SimulatedClock()
  const stack = made({ clock })
  await stack.listen('tcp:0.0.0.0:0')
  host.addresses = ['127.0.0.1', '192.0.2.77']
  clock.advance(5000)
  await until(() => stack.counters.listenFailures === 1 && stack.timers.size === 1)
  clock.advance(5000)
  await until(() => stack.counters.listenFailures === 2)
  expect(stack.transports).toHaveLength(1)
})

test('smoke: REGISTER and its answer over real UDP and TCP sockets, on one connection each way', async () => {
  const [client, server] = [made(), made()]
  await client.listen('udp:127.0.0.1:0', 'tcp:127.0.0.1:0')
  await server.listen('udp:127.0.0.1:0', 'tcp:127.0.0.1:0')
  const seen: SipRequest[] = []
  server.onRequest(transaction => {
    seen.push(transaction.request)
    transaction.respond(transaction.response(200).set(h.Expires, 60))
  })
  for (const { protocol, local } of server.transports) {
    const target = `sip:127.0.0.1:${local.port};transport=${protocol.toLowerCase()}`
    for (const _ of [1, 2]) {
      const response = await client.request(request('REGISTER', target, { from: '<sip:a@127.0.0.1>' }))
      expect(response.status).toBe(200)
      expect(response.get(h.Expires)).toBe(60)
    }
  }
  expect(seen.map(({ via }) => via.transport)).toEqual(['UDP', 'UDP', 'TCP', 'TCP'])
  expect(seen[2]?.source?.connection).toBe(seen[3]?.source?.connection)
})

test('smoke: a refused and a lost TCP connection fail their requests at once', async () => {
  const [client, server] = [made(), made()]
  await client.listen('tcp:127.0.0.1:0')
  await server.listen('tcp:127.0.0.1:0')
  const port = server.transports[0]?.local.port ?? 0
  let heard = 0
  server.onRequest(() => void heard++)
  const options = () =>
    request('OPTIONS', `sip:127.0.0.1:${port};transport=tcp`, { from: '<sip:a@127.0.0.1>' })
  const lost = expect(client.request(options())).rejects.toMatchObject({ status: 503 })
  await until(() => heard === 1)
  await server.close()
  await lost
  await expect(client.request(options())).rejects.toMatchObject({
    status: 503,
    attempts: [{ outcome: 'transport error' }],
  })
  expect(client.transactionCount).toBe(0)
})

test('smoke: a TCP peer pings, breaks its framing, and is cut off', async () => {
  const server = made()
  await server.listen('tcp:127.0.0.1:0')
  server.onRequest(transaction => transaction.respond(200))
  const port = server.transports[0]?.local.port ?? 0
  const socket = connect(port, '127.0.0.1')
  let text = ''
  const closed = new Promise(resolve => socket.once('close', resolve))
  socket.on('data', bytes => {
    text += bytes.toString('latin1')
  })
  socket.write('\r\n\r\n')
  await until(() => text === '\r\n')
  socket.write(requestText('OPTIONS', { via: 'SIP/2.0/TCP 127.0.0.1:5060;branch=z9hG4bKsmoke' }))
  await until(() => text.includes('200 OK'))
  socket.write(requestText('OPTIONS').replace('Content-Length: 0', 'Content-Length: none'))
  await closed
  expect(server.counters.brokenStreams).toBe(1)
})

test('smoke: what speaks HTTP to us, and what says nothing, is cut off', async () => {
  const clock = new SimulatedClock()
  const server = made({ clock })
  await server.listen('tcp:127.0.0.1:0')
  const port = server.transports[0]?.local.port ?? 0
  const opened = (said: string): { closed: boolean } => {
    const state = { closed: false }
    const socket = connect(port, '127.0.0.1', () => socket.write(said))
    socket.on('error', () => {})
    socket.on('close', () => {
      state.closed = true
    })
    return state
  }
  const http = opened('GET / HTTP/1.1\r\nHost: a.example\r\n\r\n')
  await until(() => http.closed)
  expect(server.counters.foreignStreams).toBe(1)
  const silent = opened('')
  await until(() => server.timers.size === 1)
  clock.advance(31_999)
  await settled()
  expect(silent.closed).toBe(false)
  clock.advance(1)
  await until(() => silent.closed)
  expect(server.counters.slowSenders).toBe(1)
  expect(server.timers.size).toBe(0)
})

test('smoke: one connection more than maxConnections is closed unheard', async () => {
  const server = new SipStack({ limits: { maxConnections: 1 } })
  stacks.push(server)
  await server.listen('tcp:127.0.0.1:0')
  server.onRequest(transaction => transaction.respond(200))
  const port = server.transports[0]?.local.port ?? 0
  const sockets = [1, 2].map(number => {
    const socket = connect(port, '127.0.0.1')
    const via = `SIP/2.0/TCP 127.0.0.1:5060;branch=z9hG4bK${number}`
    const state = { text: '', closed: false }
    socket.on('error', () => {})
    socket.on('close', () => {
      state.closed = true
    })
    socket.on('data', bytes => {
      state.text += bytes.toString('latin1')
    })
    socket.write(requestText('OPTIONS', { via }))
    return { socket, state }
  })
  await until(
    () => sockets.some(({ state }) => state.closed) && sockets.some(({ state }) => state.text !== ''),
  )
  expect(sockets.map(({ state }) => [state.text.startsWith('SIP/2.0 200'), state.closed])).toEqual([
    [true, false],
    [false, true],
  ])
  for (const { socket } of sockets) socket.destroy()
})

test('smoke: what no datagram can carry fails alone, and not what else is under way to that place', async () => {
  const client = new SipStack({ maxDatagram: Number.POSITIVE_INFINITY })
  const server = made()
  stacks.push(client)
  await client.listen('udp:127.0.0.1:0')
  await server.listen('udp:127.0.0.1:0')
  const pending: (() => void)[] = []
  server.onRequest(transaction => void pending.push(() => transaction.respond(200)))
  const target = `sip:127.0.0.1:${server.transports[0]?.local.port}`
  const small = client.request(request('OPTIONS', target, { from: '<sip:a@127.0.0.1>' }))
  const large = request('MESSAGE', target, { from: '<sip:a@127.0.0.1>' }).setBody(
    'text/plain',
    'x'.repeat(65_500),
  )
  await expect(client.request(large)).rejects.toMatchObject({
    status: 503,
    attempts: [{ outcome: 'transport error' }],
  })
  await until(() => pending.length === 1)
  pending[0]?.()
  expect((await small).status).toBe(200)
})
