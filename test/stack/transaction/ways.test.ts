import {
  type Flow,
  h,
  type Locate,
  nameAddr,
  type OutgoingRequest,
  type RequestUser,
  reason,
  type SipStack,
  type Target,
} from 'resip/stack'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { invite, lines, memoryOf, options, type Peer, settled, targets, World } from '../world.ts'

const CLIENT = '192.0.2.1'
const [FIRST, SECOND, THIRD] = ['192.0.2.2', '192.0.2.3', '192.0.2.4'] as const

let world: World
let stack: SipStack
let told: string[]

beforeEach(async () => {
  world = new World()
  world.drawnFrom(CLIENT)
  stack = await world.stack(CLIENT, ['UDP', 'TCP'])
  told = []
})

afterEach(() => world.close())

const noting = (name = ''): RequestUser => ({
  onProvisional: response => void told.push(`${name}${response.status}`),
  onFinal: response => void told.push(`${name}${response.status}`),
  onFailure: failure => void told.push(`${name}failed ${failure.status}`),
  onTarget: target => void told.push(`${name}next ${target.address}`),
  onEnded: () => void told.push(`${name}ended`),
})

async function answering(address: string, ...statuses: readonly number[]): Promise<Peer> {
  const peer = await world.peer(address)
  peer.onMessage = message => {
    if (message.isRequest && message.method !== 'ACK')
      for (const status of statuses) peer.answer(message, status)
  }
  return peer
}

describe('a request on a given flow (RFC 5626 §5.3)', () => {
  const flow: Flow = {
    protocol: 'TCP',
    transport: `tcp:${CLIENT}:5060`,
    address: SECOND,
    port: 40_000,
    connection: 7,
  }

  test('goes there, whatever Route and Request-URI say', () => {
    const sent: Flow[] = []
    memoryOf(stack, 'TCP').connectionOf = () => ({ flow, heardAt: 0, isReceiving: false, cutOff() {} })
    memoryOf(stack, 'TCP').send = (_, way) => {
      sent.push(way)
      return way
    }
    const outgoing = stack.send(options('sip:bob@192.0.2.99'), noting(), { flow })
    expect(sent).toEqual([flow])
    expect(outgoing.flow).toBe(flow)
    expect(outgoing.target).toMatchObject({ protocol: 'TCP', address: SECOND, port: 40_000 })
  })

  test.each([
    ['connection', flow],
    ['transport', { ...flow, transport: 'tcp:192.0.2.77:5060' }],
  ])('fails at once where its %s is gone, and tries nothing else', (_, way) => {
    let sendings = 0
    memoryOf(stack, 'TCP').send = () => {
      sendings++
      return 'gone'
    }
    stack.send(options(), noting(), { flow: way })
    expect(told).toEqual(['failed 503', 'ended'])
    expect(sendings).toBeLessThan(2)
    expect(world.wires).toEqual([])
  })
})

describe('RFC 3263 §4.3, RFC 3261 §22.2: what answers a challenge goes where the challenge came from', () => {
  test('a retry goes to the target that answered, the others stay behind it', async () => {
    await answering(FIRST, 503)
    const second = await answering(SECOND, 401)
    const third = await answering(THIRD, 200)
    const first = stack.send(options(), noting('a '), { targets: targets('UDP', FIRST, SECOND, THIRD) })
    world.advance(0)
    expect(told).toEqual(['a next 192.0.2.3', 'a 401', 'a ended'])
    expect(first.target?.address).toBe(SECOND)
    expect(first.placement?.flow.address).toBe(SECOND)
    expect(first.remaining.map(({ address }) => address)).toEqual([THIRD])
    second.onMessage = message => second.answer(message, 503)
    stack.send(options(), noting('b '), { retryOf: first })
    world.advance(0)
    expect(told.slice(3)).toEqual(['b next 192.0.2.4', 'b 200', 'b ended'])
    expect(second.heard).toHaveLength(2)
    expect(third.heard).toHaveLength(1)
  })

  test('its connection is gone: the same target by a new one, before the others', () => {
    const sent: string[] = []
    memoryOf(stack, 'TCP').send = (_, way) => {
      sent.push(`${way.address} ${way.connection}`)
      return way.connection === 7 ? 'gone' : { ...way, connection: 8 }
    }
    const flow: Flow = {
      protocol: 'TCP',
      transport: `tcp:${CLIENT}:5060`,
      address: SECOND,
      port: 5060,
      connection: 7,
    }
    const [target] = targets('TCP', SECOND)
    stack.send(options(), noting(), { retryOf: { target, flow, remaining: targets('TCP', THIRD) } })
    expect(sent).toEqual([`${SECOND} 7`, `${SECOND} 0`])
  })

  test('a target that failed at once leaves the next one to be cancelled', async () => {
    memoryOf(stack, 'TCP').send = () => 'gone'
    const second = await answering(SECOND, 180)
    const outgoing = stack.send(invite(), noting(), {
      targets: [...targets('TCP', FIRST), ...targets('UDP', SECOND)],
    })
    world.advance(0)
    outgoing.cancel()
    world.advance(0)
    expect(second.titles).toEqual(['INVITE', 'CANCEL'])
  })
})

describe('RFC 3263 §4.3: a UDP target where nobody listens', () => {
  test.each([
    [true, 0],
    [false, 32_000],
  ])('with udpErrors %s gives way after %i ms', async (udpErrors, after) => {
    const client = await world.stack('192.0.2.10', ['UDP'], { udpErrors })
    const second = await answering(SECOND, 200)
    client.send(options(), noting(), { targets: targets('UDP', FIRST, SECOND) })
    await settled()
    world.advance(after)
    await settled()
    world.advance(0)
    expect(told.at(-1)).toBe('ended')
    expect(second.titles).toEqual(['OPTIONS'])
    expect(world.clock.now()).toBe(after)
  })
})

test('RFC 3326 §2: reasons go with the CANCEL, not with the INVITE', async () => {
  const peer = await answering(FIRST, 180)
  const outgoing = stack.send(invite(), noting(), { targets: targets('UDP', FIRST) })
  world.advance(0)
  outgoing.cancel(reason('SIP', 200, 'Call completed elsewhere'), reason('Q.850', 26))
  world.advance(0)
  expect(peer.heard.map(message => lines(message.toString(), 'Reason'))).toEqual([
    [],
    ['SIP;cause=200;text="Call completed elsewhere", Q.850;cause=26'],
  ])
})

describe('decorate', () => {
  test('sees each way, changes what goes there, and the template stays as it was', async () => {
    await answering(FIRST, 503)
    const second = await answering(SECOND, 486)
    const template = invite()
    stack.send(template, noting(), {
      targets: targets('UDP', FIRST, SECOND),
      decorate: (copy, placement) =>
        copy.set(h.RecordRoute, nameAddr(`<sip:${placement.flow.address}.example;lr>`)),
    })
    world.advance(0)
    expect(world.wires.flatMap(wire => lines(wire, 'Record-Route'))).toEqual([
      '<sip:192.0.2.2.example;lr>',
      '<sip:192.0.2.3.example;lr>',
    ])
    expect(template.has(h.RecordRoute)).toBe(false)
    expect(second.titles).toEqual(['INVITE', 'ACK'])
  })

  test('that throws fails the request, and nothing is sent', () => {
    stack.send(options(), noting(), {
      targets: targets('UDP', FIRST),
      decorate: () => {
        throw new Error('boom')
      },
    })
    expect(told).toEqual(['failed 503', 'ended'])
    expect(world.wires).toEqual([])
  })
})

describe('onEnded is the last that is told, once', () => {
  test.each([
    ['OPTIONS', 200, ['200', 'ended'], []],
    ['INVITE', 486, ['486', 'ended'], []],
    ['INVITE', 200, ['200'], ['ended']],
  ] as const)('%s, %i', async (method, status, now, later) => {
    await answering(FIRST, status)
    stack.send(method === 'INVITE' ? invite() : options(), noting(), { targets: targets('UDP', FIRST) })
    world.advance(0)
    expect(told).toEqual(now)
    world.advance(100_000)
    expect(told.slice(now.length)).toEqual(later)
  })

  test('failure', () => {
    stack.send(options(), noting(), { targets: targets('UDP', FIRST) })
    world.advance(100_000)
    expect(told).toEqual(['failed 408', 'ended'])
  })
})

describe('RFC 3263 §4.3: who found the targets is told what becomes of them', () => {
  const reports: string[] = []
  const locate: Locate = {
    locate: () => targets('UDP', FIRST, SECOND, THIRD),
    locateResponse: () => [],
    report: (target, outcome, retryAfter) =>
      void reports.push(`${target.address} ${outcome} ${retryAfter ?? ''}`),
  }

  test('unavailable with Retry-After, timeout, ok; nothing of targets that were given', async () => {
    const client = await world.stack('192.0.2.10', ['UDP'], { locate })
    const first = await world.peer(FIRST)
    first.onMessage = message => first.answer(message, 503, 'x', 'Retry-After: 120\r\n')
    await answering(THIRD, 200)
    client.send(options('sip:example.com'), noting(), { targetTimeout: 4000 })
    world.advance(5000)
    expect(reports).toEqual([`${FIRST} unavailable 120`, `${SECOND} timeout `, `${THIRD} ok `])
    client.send(options(), noting(), { targets: targets('UDP', THIRD) })
    world.advance(0)
    expect(reports).toHaveLength(3)
  })
})

describe('request', () => {
  test('takes no ACK', async () => {
    const ack = invite().derive()
    const template = Object.assign(ack, {})
    await expect(stack.request(Object.defineProperty(template, 'method', { value: 'ACK' }))).rejects.toThrow(
      'send it with sendAck',
    )
  })

  test('is settled by close, and cannot be begun after it', async () => {
    const pending = stack.request(options(), { targets: targets('UDP', FIRST) })
    const failed = expect(pending).rejects.toMatchObject({ code: 'ERR_SIP_CLOSED' })
    await stack.close()
    await failed
    await expect(stack.request(options())).rejects.toMatchObject({ code: 'ERR_SIP_CLOSED' })
    await settled()
  })
})

test('RFC 3263 §4.3: of 20,000 targets that fail at once 64 are tried', () => {
  let sendings = 0
  memoryOf(stack, 'TCP').send = () => {
    sendings++
    return 'full'
  }
  const many = Array.from(
    { length: 20_000 },
    (_, at) => ({ protocol: 'TCP', address: '192.0.2.9', port: at + 1 }) as const,
  )
  stack.send(options(), noting(), { targets: many })
  expect(sendings).toBe(64)
  expect(told.slice(-2)).toEqual(['failed 503', 'ended'])
})

test('a request shows its way while it is under way', async () => {
  await answering(FIRST, 100)
  const outgoing: OutgoingRequest = stack.send(options(), noting(), {
    targets: targets('UDP', FIRST) as Target[],
  })
  expect(outgoing.placement?.branch).toMatch(/^z9hG4bK/)
  expect(outgoing.flow?.address).toBe(FIRST)
  expect(outgoing.remaining).toEqual([])
})
