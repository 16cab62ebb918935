import {
  nameAddr,
  type RequestFailure,
  request,
  type ServerFailure,
  SipStack,
  type StackOptions,
  type Transport,
} from 'resip/stack'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { InterfaceAddress } from '../../../src/net/interfaces.ts'
import { SimulatedClock } from '../../../src/util/clock.ts'
import { invite, memoryOf, options, type Peer, requestText, settled, targets, World } from '../world.ts'

let world: World

function answerLast(peer: Peer): void {
  const heard = peer.heard.at(-1)
  if (heard === undefined) throw new Error('a request expected')
  peer.answer(heard, 200)
}

beforeEach(() => {
  world = new World()
})

afterEach(() => world.close())

describe('a transport that is removed', () => {
  test.each(['UDP', 'TCP'] as const)(
    'RFC 3261 §17.1.4 tells who waits for an answer over %s at once, and leaves nothing behind',
    async protocol => {
      const stack = await world.stack('192.0.2.1', [protocol])
      await world.peer('192.0.2.2', protocol)
      const failures: RequestFailure[] = []
      const user = { onFinal() {}, onFailure: (failure: RequestFailure) => void failures.push(failure) }
      for (const template of [invite(), options()])
        stack.send(template, user, { targets: targets(protocol, '192.0.2.2') })
      world.advance(10)
      expect(stack.transactionCount).toBe(2)
      const going = stack.removeTransport(memoryOf(stack))
      expect(failures.map(({ status, attempts }) => [status, attempts[0]?.outcome])).toEqual([
        [503, 'transport error'],
        [503, 'transport error'],
      ])
      expect(stack.transactionCount).toBe(0)
      expect(stack.timers.size).toBe(0)
      expect(stack.isOurs('192.0.2.1', 5060)).toBe(false)
      expect(stack.isOurSentBy('192.0.2.1:5060')).toBe(false)
      expect(await going).toBe(true)
      expect(stack.transports).toEqual([])
      await expect(stack.request(options())).rejects.toThrow('no way to udp 192.0.2.2:5060')
    },
  )

  test('RFC 3261 §17.2 tells who has to answer, and its users last; a late answer goes nowhere', async () => {
    const stack = await world.stack('192.0.2.1')
    const peer = await world.peer('192.0.2.2')
    const told: string[] = []
    const answers: (() => void)[] = []
    stack.addUser({
      accepts: () => true,
      onRequest: transaction => void answers.push(() => transaction.respond(200)),
      onFailure: (transaction, failure: ServerFailure) => void told.push(`${transaction.method} ${failure}`),
      onTransportAdded: (transport: Transport) => void told.push(`added ${transport.key}`),
      onTransportRemoved: (transport: Transport) => void told.push(`removed ${transport.key}`),
    })
    for (const method of ['INVITE', 'OPTIONS']) peer.send(requestText(method), '192.0.2.1')
    world.advance(0)
    const transport = memoryOf(stack)
    void stack.removeTransport(transport)
    expect(told).toEqual(['INVITE transport error', 'OPTIONS transport error', 'removed udp:192.0.2.1:5060'])
    for (const answer of answers) answer()
    world.advance(64_000)
    expect(peer.heard).toEqual([])
    expect(stack.timers.size).toBe(0)
    expect(await stack.removeTransport(transport)).toBe(false)
    await stack.addTransport(world.network.transport('UDP', '192.0.2.3', 5060))
    expect(told.at(-1)).toBe('added udp:192.0.2.3:5060')
  })

  test('leaves those alone that wait on another, and a request goes on to the target that the other reaches', async () => {
    const stack = await world.stack('192.0.2.1', ['UDP', 'TCP'])
    await world.peer('192.0.2.2')
    const peer = await world.peer('192.0.2.9', 'TCP')
    const response = stack.request(options(), {
      targets: [...targets('UDP', '192.0.2.2'), ...targets('TCP', '192.0.2.9')],
    })
    world.advance(100)
    void stack.removeTransport(memoryOf(stack, 'UDP'))
    world.advance(0)
    answerLast(peer)
    world.advance(0)
    expect((await response).status).toBe(200)
  })

  test('an INVITE that was accepted is over for its user, for no further 2xx can come (RFC 6026 §7.2)', async () => {
    const stack = await world.stack('192.0.2.1')
    const peer = await world.peer('192.0.2.2')
    const told: string[] = []
    stack.send(invite(), {
      onFinal: response => void told.push(String(response.status)),
      onFailure() {},
      onEnded: () => void told.push('ended'),
    })
    world.advance(0)
    answerLast(peer)
    world.advance(0)
    expect(told).toEqual(['200'])
    void stack.removeTransport(memoryOf(stack))
    expect(told).toEqual(['200', 'ended'])
    expect(stack.transactionCount).toBe(0)
  })
})

describe('a transport, interface or target that a request is bound to', () => {
  const interfaces = (): InterfaceAddress[] => [
    { name: 'eth0', address: '10.0.0.1', family: 4, internal: false, scope: 0 },
    { name: 'eth1', address: '192.0.2.1', family: 4, internal: false, scope: 0 },
  ]
  const twoLegged = async (extra: StackOptions = {}): Promise<SipStack> => {
    const stack = await world.stack('10.0.0.1', ['UDP'], {
      interfaces,
      route: async () => '192.0.2.1',
      ...extra,
    })
    for (const protocol of ['UDP', 'TCP'] as const)
      await stack.addTransport(world.network.transport(protocol, '192.0.2.1', 5060))
    return stack
  }

  test.each([
    [undefined, '192.0.2.1'],
    ['eth0', '10.0.0.1'],
    ['eth1', '192.0.2.1'],
    ['udp:10.0.0.1:5060', '10.0.0.1'],
  ])('transport %j sends from %s', async (transport, from) => {
    const stack = await twoLegged()
    const peer = await world.peer('198.51.100.7')
    const response = stack.request(
      options('sip:bob@198.51.100.7'),
      transport === undefined ? {} : { transport },
    )
    await settled()
    world.advance(0)
    answerLast(peer)
    world.advance(0)
    expect((await response).via.host).toBe(from)
  })

  test('one that is gone is told before send returns, without a look-up', async () => {
    const stack = await twoLegged({
      locate: {
        locate: () => {
          throw new Error('nobody needs to know')
        },
        locateResponse: () => [],
        report() {},
      },
    })
    const failures: RequestFailure[] = []
    const user = { onFinal() {}, onFailure: (failure: RequestFailure) => void failures.push(failure) }
    stack.send(options('sip:bob@example.com'), user, { transport: 'udp:10.0.0.2:5060' })
    expect(failures[0]?.status).toBe(503)
    expect(failures[0]?.message).toContain('there is no transport udp:10.0.0.2:5060')
    await expect(
      stack.sendAck(request('ACK', 'sip:bob@example.com', { from: 'sip:a@b.example' }), { transport: 'eth7' })
        .sent,
    ).rejects.toThrow('there is no transport eth7')
  })

  test('targets that it does not lead to are passed over; where none is left the error says so', async () => {
    const stack = await twoLegged()
    const peer = await world.peer('198.51.100.7')
    const response = stack.request(options(), {
      transport: 'eth0',
      targets: [...targets('TCP', '198.51.100.7'), ...targets('UDP', '198.51.100.7')],
    })
    world.advance(0)
    answerLast(peer)
    world.advance(0)
    expect((await response).status).toBe(200)
    await expect(
      stack.request(options('sip:bob@198.51.100.7;transport=tcp'), { transport: 'eth0' }),
    ).rejects.toThrow('no way to tcp 198.51.100.7:5060: eth0 was asked for, which does not lead there')
  })

  test('RFC 3261 §18.1.1 what is too large for UDP leaves over TCP where that leads there, and stays where it does not', async () => {
    const stack = await twoLegged()
    await world.peer('198.51.100.7')
    await world.peer('198.51.100.7', 'TCP')
    const large = options('sip:bob@198.51.100.7').setBody('text/plain', 'x'.repeat(1500))
    const sentBy = async (transport: string): Promise<string | undefined> => {
      world.passages.length = 0
      stack.send(large, { onFinal() {}, onFailure() {} }, { transport })
      await settled()
      world.advance(0)
      return world.passages[0]?.from
    }
    expect(await sentBy('eth0')).toBe('udp:10.0.0.1:5060')
    expect(await sentBy('eth1')).toBe('tcp:192.0.2.1:5060')
    expect(await sentBy('udp:192.0.2.1:5060')).toBe('udp:192.0.2.1:5060')
  })

  test('RFC 3261 §18.1.1 TCP that is refused gives way to UDP, from the same leg', async () => {
    const stack = await twoLegged()
    const peer = await world.peer('198.51.100.7')
    const large = options('sip:bob@198.51.100.7').setBody('text/plain', 'x'.repeat(1500))
    const response = stack.request(large)
    for (const _ of [1, 2, 3]) {
      await settled()
      world.advance(0)
    }
    expect(world.passages.map(({ from }) => from)).toEqual(['udp:192.0.2.1:5060'])
    answerLast(peer)
    world.advance(0)
    expect((await response).via.sentBy).toBe('192.0.2.1:5060')
  })
})

describe('stack.unlisten', () => {
  const host: { addresses: string[] } = { addresses: [] }
  const stacks: SipStack[] = []
  const made = (options: StackOptions = {}): SipStack => {
    const interfaces = (): InterfaceAddress[] =>
      host.addresses.map(address => ({ name: 'lo', address, family: 4, internal: true, scope: 0 }))
    const stack = new SipStack({ interfaces, clock: new SimulatedClock(), ...options })
    stacks.push(stack)
    return stack
  }
  const keys = (stack: SipStack): string[] => stack.transports.map(({ key }) => key)

  beforeEach(() => {
    host.addresses = ['127.0.0.1', '127.0.0.2']
  })

  afterEach(async () => {
    await Promise.all(stacks.splice(0).map(stack => stack.close()))
  })

  test('closes a point with all it stands for, and follows no longer', async () => {
    const stack = made()
    await stack.listen('udp:0.0.0.0:0', 'tcp:127.0.0.1:0')
    expect(keys(stack)).toHaveLength(3)
    expect(stack.timers.size).toBe(1)
    const going = stack.unlisten('UDP:0.0.0.0:0')
    expect(keys(stack)).toEqual([expect.stringMatching(/^tcp:127\.0\.0\.1:/)])
    await going
    expect(stack.timers.size).toBe(0)
    await stack.unlisten({ listen: 'tcp:127.0.0.1:0' })
    expect(stack.transports).toEqual([])
  })

  test('closes one transport by its key, which does not come again', async () => {
    const clock = new SimulatedClock()
    const stack = made({ clock })
    await stack.listen('tcp:lo:0')
    const [first, second] = keys(stack)
    await stack.unlisten(first ?? '')
    host.addresses.push('127.0.0.3')
    clock.advance(5000)
    for (let turn = 0; stack.transports.length < 2 && turn < 5000; turn++) await settled()
    expect(keys(stack)).toEqual([second, second?.replace('127.0.0.2', '127.0.0.3')])
  })

  test('of what is not open rejects with what is, and closes nothing', async () => {
    const stack = made()
    await stack.listen('udp:127.0.0.1:0')
    await expect(stack.unlisten('udp:127.0.0.1:0', 'tcp:127.0.0.1:9')).rejects.toThrow(
      '"tcp:127.0.0.1:9": no listener is open for it; those that are: udp:127.0.0.1:0',
    )
    expect(stack.transports).toHaveLength(1)
  })

  test('a call that waits on a real socket hears of it at once, and the port is free again', async () => {
    const [client, server] = [made(), made()]
    await server.listen('udp:127.0.0.1:0')
    await client.listen('udp:127.0.0.1:0')
    const [key = ''] = keys(client)
    server.onRequest(() => undefined)
    const target = `sip:127.0.0.1:${server.transports[0]?.local.port}`
    const waiting = client.request(request('OPTIONS', target, { from: nameAddr('<sip:a@127.0.0.1>') }))
    const failed = expect(waiting).rejects.toMatchObject({ status: 503 })
    await client.unlisten(key)
    await failed
    await client.listen(key)
    expect(keys(client)).toEqual([key])
  })
})
