import { type Flow, h, type ResponseTemplate, type SipStack } from 'resip/stack'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { memoryOf, type Peer, requestText, World } from '../world.ts'

const CLIENT = '192.0.2.1'
const SERVER = '192.0.2.2'

let world: World
let told: string[]

beforeEach(() => {
  world = new World()
  told = []
})

afterEach(() => world.close())

const note = (what: string): void => void told.push(`${world.clock.now()} ${what}`)

interface Registered {
  readonly stack: SipStack
  readonly peer: Peer
  readonly flow: Flow
  readonly ok: ResponseTemplate
}

/** A registrar and a client over one protocol, whose REGISTER waits for `ok` to be sent. */
async function registering(protocol: 'UDP' | 'TCP' = 'UDP'): Promise<Registered> {
  const stack = await world.stack(SERVER, [protocol])
  const peer = await world.peer(CLIENT, protocol)
  const registered: { flow?: Flow; ok?: ResponseTemplate } = {}
  stack.onRequest(transaction => {
    registered.ok = transaction.response(200).set(h.Require, 'outbound')
    if (transaction.request.source) registered.flow = transaction.request.source
  })
  peer.send(
    requestText('REGISTER', { via: `SIP/2.0/${protocol} ${CLIENT}:5060;rport;branch=z9hG4bKr` }),
    SERVER,
  )
  world.advance(0)
  const { flow, ok } = registered
  if (flow === undefined || ok === undefined) throw new Error('a REGISTER expected')
  return { stack, peer, flow, ok }
}

describe('RFC 5626 §5.4, §6 Flow-Timer as a server', () => {
  test('is written into a 2xx that requires outbound, and into no other', async () => {
    const { stack, flow, ok } = await registering()
    expect(stack.flows.giveFlowTimer(ok, flow, 120)).toBe(true)
    expect(ok.get(h.FlowTimer)).toBe(120)
    ok.remove(h.Require)
    ok.remove(h.FlowTimer)
    expect(stack.flows.giveFlowTimer(ok, flow, 120)).toBe(false)
    expect(ok.has(h.FlowTimer)).toBe(false)
    for (const seconds of [0, 1.5, -1, Number.NaN])
      expect(() => stack.flows.giveFlowTimer(ok, flow, seconds)).toThrow(/whole number of seconds/)
  })

  test.each(['UDP', 'TCP'] as const)(
    'over %s a client that keeps silent is noticed after the timer and its grace, counted, and told once',
    async protocol => {
      const { stack, peer, flow, ok } = await registering(protocol)
      stack.flows.giveFlowTimer(ok, flow, 120, { grace: 5_000, onSilence: ({ address }) => note(address) })
      world.advance(100_000)
      if (protocol === 'UDP') peer.send('\r\n\r\n', SERVER)
      else peer.transport.keepAlive({ protocol, transport: '', address: SERVER, port: 5060, connection: 0 })
      world.advance(124_999)
      expect(told).toEqual([])
      world.advance(1)
      expect(told).toEqual([`225000 ${CLIENT}`])
      expect(stack.counters.silentFlows).toBe(1)
      world.advance(1_000_000)
      expect(told).toHaveLength(1)
      expect(stack.flows.size).toBe(0)
    },
  )

  test('with `close` the silent flow is given up: its connection closed, its watchers told', async () => {
    const { stack, flow } = await registering('TCP')
    stack.flows.watch(flow, { onFlowEnded: (_, error) => note(`${error?.code}`) })
    stack.flows.expect(flow, 10, { grace: 0, close: true })
    world.advance(10_000)
    expect(told).toEqual(['10000 ERR_SIP_SILENT'])
    expect(memoryOf(stack).connectionOf(flow)).toBeUndefined()
  })

  test('each refresh takes the place of what was expected before; a binding that is removed ends it', async () => {
    const { stack, flow } = await registering()
    const onSilence = (): void => note('silent')
    stack.flows.expect(flow, 10, { onSilence })
    world.advance(9_000)
    const again = stack.flows.expect(flow, 100, { onSilence })
    world.advance(100_000)
    expect(told).toEqual([])
    expect(stack.flows.size).toBe(1)
    if (typeof again !== 'string') again.stop()
    world.advance(1_000_000)
    expect(told).toEqual([])
    expect(stack.flows.size).toBe(0)
  })
})

describe('the end of a flow', () => {
  test('is told to each of its watchers once, and to no other’s', async () => {
    const { stack, flow } = await registering('TCP')
    const [one, two] = [1, 2].map(which =>
      stack.flows.watch(flow, { onFlowEnded: (_, error) => note(`${which} ${error?.code}`) }),
    )
    await world.peer('192.0.2.9', 'TCP')
    if (typeof two === 'object') two.stop()
    memoryOf(stack).disconnect(CLIENT, 5060)
    expect(told).toEqual(['0 1 undefined'])
    if (typeof one === 'object') one.stop()
    expect(stack.flows.size).toBe(0)
    expect(stack.flows.watch(flow, { onFlowEnded() {} })).toBe('gone')
    expect(stack.flows.expect(flow, 10)).toBe('gone')
  })

  test('a watcher may watch or stop others while it is told; one that throws harms nobody', async () => {
    const { stack, flow } = await registering()
    const other = { onFlowEnded: () => note('other') }
    stack.flows.watch(flow, {
      onFlowEnded() {
        stack.flows.watch(flow, other)
        throw new Error('thrown')
      },
    })
    stack.flows.watch(flow, { onFlowEnded: () => note('second') })
    stack.flows.expect(flow, 1, { grace: 0, close: true })
    world.advance(1_000)
    expect(told).toEqual(['1000 second'])
    expect(stack.flows.size).toBe(1)
    expect(stack.counters.handlerErrors).toBe(1)
  })

  test('a stateless stack tells it too; a closed stack tells nothing', async () => {
    const stack = await world.stack(SERVER, ['TCP'])
    stack.onMessage(message => {
      if (message.source) stack.flows.watch(message.source, { onFlowEnded: () => note('ended') })
    })
    const peer = await world.peer(CLIENT, 'TCP')
    peer.send(requestText('OPTIONS'), SERVER)
    world.advance(0)
    memoryOf(stack).disconnect(CLIENT, 5060)
    expect(told).toEqual(['0 ended'])
    peer.send(requestText('OPTIONS'), SERVER)
    world.advance(0)
    const memory = memoryOf(stack)
    await stack.close()
    memory.disconnect(CLIENT, 5060)
    expect(told).toHaveLength(1)
  })
})
