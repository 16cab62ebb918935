import { type Flow, h, type OutgoingRequest, type RequestUser, type Target } from 'resip/stack'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { invite, locating, memoryOf, options, settled, targets, World } from '../world.ts'

const OWN = '192.0.2.1'
const OTHER = '192.0.2.9'
const PEER = '192.0.2.2'

let world: World
let told: string[]

beforeEach(() => {
  world = new World()
  told = []
})

afterEach(() => world.close())

const noting: RequestUser = {
  onProvisional: response => void told.push(`${response.status}`),
  onFinal: response => void told.push(`${response.status}`),
  onFailure: failure => void told.push(failure.message),
  onEnded: () => void told.push('ended'),
}

async function passing(): Promise<void> {
  for (let turn = 0; turn < 4; turn++) {
    world.advance(10)
    await settled()
  }
}

const froms = (): string[] => world.passages.filter(({ what }) => what === 'OPTIONS').map(({ from }) => from)
const branches = (method: string): (string | undefined)[] =>
  world.wires.filter(wire => wire.startsWith(method)).map(wire => /branch=([^;\r]+)/.exec(wire)?.[1])

test('RFC 5626 §5.3 what is too large for UDP goes over the UDP flow it is pinned to, although TCP is spoken', async () => {
  const stack = await world.stack(OWN, ['UDP', 'TCP'])
  const peer = await world.peer(PEER)
  peer.onMessage = message => peer.answer(message, 200)
  const flow: Flow = {
    protocol: 'UDP',
    transport: `udp:${OWN}:5060`,
    address: PEER,
    port: 5060,
    connection: 0,
    serverName: undefined,
  }
  stack.send(options().set(h.Subject, 'x'.repeat(2000)), noting, { flow })
  await passing()
  expect(told).toEqual(['200', 'ended'])
  expect(froms()).toEqual([`udp:${OWN}:5060`])
})

test.each(['after', 'retryOf'] as const)(
  'a request bound to a transport leaves by that one, whatever the request of `%s` left by',
  async option => {
    const stack = await world.stack(OWN)
    await stack.addTransport(world.network.transport('UDP', OTHER, 5060))
    const peer = await world.peer(PEER)
    peer.onMessage = message => peer.answer(message, 200)
    const first = stack.send(options(), noting, {
      targets: targets('UDP', PEER),
      transport: `udp:${OWN}:5060`,
    })
    await passing()
    for (const transport of [`udp:${OWN}:5060`, `udp:${OTHER}:5060`]) {
      stack.send(options(`sip:${PEER}`), noting, { [option]: first, transport })
      await passing()
    }
    expect(froms()).toEqual([`udp:${OWN}:5060`, `udp:${OWN}:5060`, `udp:${OTHER}:5060`])
  },
)

test('a flow that ended unnoticed: while the next way is looked for nothing stands for the request but that', async () => {
  const stack = await world.stack(OWN, ['TCP'], { route: async () => OWN })
  await stack.addTransport(world.network.transport('TCP', OTHER, 5060))
  const peer = await world.peer(PEER, 'TCP')
  peer.onMessage = message => {
    if (message.isRequest && message.method === 'OPTIONS') peer.answer(message, 401)
    else if (message.isRequest && message.method === 'INVITE') peer.answer(message, 180)
  }
  const first = stack.send(options(), noting, { targets: targets('TCP', PEER) })
  await passing()
  memoryOf(stack).disconnect(PEER, 5060)
  // what the system's routes say is remembered for five seconds
  world.advance(6_000)
  const second = stack.send(invite(), noting, { retryOf: first })
  expect(second.placement).toBeUndefined()
  await passing()
  second.cancel()
  await passing()
  expect(told).toEqual(['401', 'ended', '180'])
  expect(branches('CANCEL')).toHaveLength(1)
  expect(branches('CANCEL')).toEqual(branches('INVITE'))
})

describe('callbacks that let go of their request', () => {
  test.each(['cancel', 'abandon'] as const)('`decorate` that calls %s: nothing is sent', async act => {
    let find: (found: readonly Target[]) => void = () => {}
    const found = new Promise<readonly Target[]>(resolve => {
      find = resolve
    })
    const stack = await world.stack(OWN, ['UDP'], { locate: locating(() => found) })
    await world.peer(PEER)
    const outgoing: OutgoingRequest = stack.send(invite(), noting, {
      decorate(template) {
        outgoing[act]()
        return template
      },
    })
    find(targets('UDP', PEER))
    await passing()
    expect(world.wires).toEqual([])
    expect(stack.transactionCount).toBe(0)
    expect(told).toEqual(act === 'cancel' ? ['INVITE: cancelled before it was sent', 'ended'] : [])
  })

  test('`onKeepAlive` that abandons it: no response is told after that', async () => {
    const stack = await world.stack(OWN)
    const peer = await world.stack(PEER, ['UDP'], { keep: 30 })
    peer.onRequest(transaction => transaction.respond(200))
    const outgoing: OutgoingRequest = stack.send(options(), noting, {
      targets: targets('UDP', PEER),
      keep: {
        onKeepAlive() {
          told.push('keep')
          outgoing.abandon()
        },
      },
    })
    await passing()
    expect(told).toEqual(['keep'])
  })
})
