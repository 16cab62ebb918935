import { type Flow, type FlowWatch, SipStack } from 'resip/stack'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { memoryOf, options, requestText, targets, World } from '../world.ts'

const OWN = '192.0.2.1'
const PEER = '192.0.2.2'

let world: World
let told: string[]

beforeEach(() => {
  world = new World()
  told = []
})

afterEach(() => world.close())

const note = (what: string): (() => void) => {
  return () => void told.push(what)
}

/** A stack and a flow of it to a peer, who has answered a request on it. */
async function flowing(protocol: 'UDP' | 'TCP'): Promise<{ stack: SipStack; flow: Flow }> {
  const stack = await world.stack(OWN, [protocol])
  const peer = await world.peer(PEER, protocol)
  peer.onMessage = message => peer.answer(message, 200)
  const outgoing = stack.send(
    options(),
    { onFinal() {}, onFailure() {} },
    { targets: targets(protocol, PEER) },
  )
  world.advance(10_000)
  const { flow } = outgoing
  if (flow === undefined) throw new Error('a flow expected')
  return { stack, flow }
}

function stopped(watch: FlowWatch | 'gone' | 'full'): FlowWatch {
  if (typeof watch === 'string') throw new Error('a watch expected')
  return watch
}

test.each(['UDP', 'TCP'] as const)(
  'a %s transport that is removed ends its flows: keep-alives and watchers are told before the call returns, nothing is kept',
  async protocol => {
    const { stack, flow } = await flowing(protocol)
    await stack.addTransport(world.network.transport(protocol, '192.0.2.9', 5060))
    stack.addUser({ accepts: () => false, onRequest() {}, onTransportRemoved: note('user') })
    stack.flows.keepAlive(flow, { onFailed: (_, error) => void told.push(`keep-alive ${error?.code}`) })
    stack.flows.watch(flow, { onFlowEnded: (_, error) => void told.push(`watch ${error?.code}`) })
    stack.flows.expect(flow, 10, { onSilence: note('silent') })
    expect(stack.flows.size).toBe(3)
    const removed = stack.removeTransport(memoryOf(stack))
    expect(told).toEqual(['user', 'keep-alive ERR_SIP_CLOSED', 'watch ERR_SIP_CLOSED'])
    expect(stack.flows.size).toBe(0)
    expect(stack.timers.size).toBe(0)
    await removed
    world.advance(200_000)
    expect(told).toHaveLength(3)
  },
)

describe('callbacks that act on the flow whose end they are told', () => {
  test('who was stopped meanwhile is not told', async () => {
    const { stack, flow } = await flowing('TCP')
    stack.flows.watch(flow, {
      onFlowEnded() {
        told.push('first')
        second.stop()
      },
    })
    const second = stopped(stack.flows.watch(flow, { onFlowEnded: note('second') }))
    stack.flows.keepAlive(flow, {
      onFailed() {
        told.push('one')
        if (typeof two === 'object') two.stop()
      },
    })
    const two = stack.flows.keepAlive(flow, { onFailed: note('two') })
    memoryOf(stack).disconnect(PEER, 5060)
    expect(told).toEqual(['one', 'first'])
    expect(stack.flows.size).toBe(0)
  })

  test('nobody is told after the stack was closed in one of them', async () => {
    const { stack, flow } = await flowing('TCP')
    stack.flows.watch(flow, {
      onFlowEnded() {
        told.push('first')
        void stack.close()
      },
    })
    stack.flows.watch(flow, { onFlowEnded: note('second') })
    memoryOf(stack).disconnect(PEER, 5060)
    expect(told).toEqual(['first'])
    expect(stack.flows.size).toBe(0)
  })

  test('a user that closes the stack, or takes another out, keeps the others from being told', async () => {
    const { stack } = await flowing('TCP')
    const third = { accepts: () => false, onRequest() {}, onFlowFailed: note('third') }
    const fourth = { accepts: () => false, onRequest() {}, onFlowFailed: note('fourth') }
    stack.addUser({ accepts: () => false, onRequest() {}, onFlowFailed: () => stack.removeUser(third) })
    stack.addUser({ accepts: () => false, onRequest() {}, onFlowFailed: () => stack.close() })
    stack.addUser(third)
    stack.addUser(fourth)
    memoryOf(stack).disconnect(PEER, 5060)
    expect(told).toEqual([])
  })

  test('RFC 5626 §4.5 what is begun anew over datagrams to the same address is not ended with what was', async () => {
    const { stack, flow } = await flowing('UDP')
    memoryOf(stack).send = (_, way) => way
    stack.addUser({
      accepts: () => false,
      onRequest() {},
      onFlowFailed() {
        stack.flows.keepAlive(flow, { onFailed: note('new keep-alive') })
        stack.flows.watch(flow, { onFlowEnded: note('new watch') })
        stack.flows.expect(flow, 1_000)
      },
    })
    stack.flows.watch(flow, { onFlowEnded: note('watch') })
    stack.flows.keepAlive(flow, { interval: 1_000, onFailed: note('keep-alive') })
    world.advance(1_000 + 39_500)
    expect(told).toEqual(['watch', 'keep-alive'])
    expect(stack.flows.size).toBe(3)
  })
})

test('the watches of 80,000 registrations over one connection end in linear time', async () => {
  const { stack, flow } = await flowing('TCP')
  // of the processor, which a busy machine gives to others as well
  const spent = (count: number): number => {
    const watches = Array.from({ length: count }, () =>
      stopped(stack.flows.watch(flow, { onFlowEnded() {} })),
    )
    const began = process.cpuUsage()
    for (const watch of watches) watch.stop()
    return process.cpuUsage(began).user
  }
  spent(20_000)
  // a list that is searched and moved takes seconds
  expect(Math.min(spent(80_000), spent(80_000), spent(80_000)) / 1000).toBeLessThan(1_000)
})

test.each([
  [Number.NaN, {}],
  [-1, {}],
  [10, { grace: Number.NaN }],
  [10, { grace: -11_000 }],
])('an expectation of %s s with %o is refused, and the one before stays', async (seconds, options) => {
  const { stack, flow } = await flowing('UDP')
  stack.flows.expect(flow, 10, { grace: 0, onSilence: note('silent') })
  expect(() => stack.flows.expect(flow, seconds, options)).toThrow(
    expect.objectContaining({ code: 'ERR_SIP_FLOW_TIMER' }),
  )
  world.advance(10_000)
  expect(told).toEqual(['silent'])
})

test('RFC 7118 §6 a client that keeps its flow alive by WebSocket pings is not silent', async () => {
  const stack = new SipStack()
  await stack.listen('ws:127.0.0.1:0')
  const [transport] = stack.transports
  const source = new Promise<Flow>(resolve => {
    stack.onRequest(({ request }) => request.source && resolve(request.source))
  })
  const websocket = new WebSocket(`ws://127.0.0.1:${transport?.local.port}/`, 'sip')
  await new Promise(resolve => websocket.once('open', resolve))
  websocket.send(requestText('OPTIONS', { via: 'SIP/2.0/WS client.invalid;branch=z9hG4bKw' }))
  const connection = transport?.connectionOf?.(await source)
  const before = connection?.heardAt ?? Number.NaN
  while (stack.timers.now() <= before) await new Promise(resolve => setImmediate(resolve))
  const ponged = new Promise(resolve => websocket.once('pong', resolve))
  websocket.ping()
  await ponged
  expect(connection?.heardAt).toBeGreaterThan(before)
  websocket.terminate()
  await stack.close()
})
