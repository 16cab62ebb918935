import { type Flow, request, sentByOf } from 'resip/stack'
import { deafReceiver, headerLines, MemoryNetwork, requestText, World } from 'resip/testing'
import { describe, expect, test } from 'vitest'
import { settled } from '../stack/world.ts'

const silent = { onFinal() {}, onFailure() {} }

describe('a world', () => {
  test('draws a ladder in simulated time, with losses and remarks', async () => {
    const world = new World({ delay: 20 })
    const alice = await world.stack('192.0.2.1')
    const bob = await world.peer('192.0.2.2')
    world.drawnFrom('192.0.2.1')
    let lose = true
    world.network.isLost = () => {
      const first = lose
      lose = false
      return first
    }
    bob.onMessage = message => bob.answer(message, 200)
    alice.send(request('OPTIONS', 'sip:192.0.2.2', { from: '<sip:alice@192.0.2.1>' }), silent)
    world.advance(500)
    world.note('sent twice')
    world.advance(100)
    expect(world.ladder).toEqual(['0 → ✗ OPTIONS', '500 → OPTIONS', '500 sent twice', '520 ← 200'])
    expect(bob.titles).toEqual(['OPTIONS'])
    await world.close()
  })

  test('is the same by the same seed, faults and all', async () => {
    const run = async (seed: number): Promise<string[]> => {
      const world = new World({ delay: 5, jitter: 50, loss: 0.2, duplication: 0.2, seed })
      const stack = await world.stack('192.0.2.2')
      stack.onRequest(transaction => transaction.respond(200))
      const peer = await world.peer('192.0.2.1')
      for (let number = 0; number < 30; number++) {
        peer.send(requestText('OPTIONS', { branch: `z9hG4bK${number}` }), '192.0.2.2')
        world.advance(10)
      }
      world.advance(40_000)
      await world.close()
      return [...world.ladder, ...peer.heard.map(message => message.toString())]
    }
    const [one, same, other] = [await run(1), await run(1), await run(2)]
    expect(same).toEqual(one)
    expect(other).not.toEqual(one)
  })
})

describe('a memory transport', () => {
  test('that a second stack cannot have goes on serving the first', async () => {
    const world = new World()
    const [first, second] = [await world.stack('192.0.2.2', []), await world.stack('192.0.2.3')]
    const shared = world.network.transport('UDP', '192.0.2.2', 5060)
    await first.addTransport(shared)
    await expect(second.addTransport(shared)).rejects.toThrow('is in use')
    first.onRequest(transaction => void transaction.respond(200))
    const peer = await world.peer('192.0.2.1')
    peer.send(requestText('OPTIONS'), '192.0.2.2')
    world.advance(0)
    expect(peer.titles).toEqual(['200'])
    await world.close()
  })

  test('RFC 5626 §3.5.1 a ping over a stream is answered by a pong', async () => {
    const world = new World({ delay: 5 })
    const pongs: number[] = []
    const opened: Flow[] = []
    const near = world.network.transport('TCP', '192.0.2.1', 5060)
    await near.open({
      ...deafReceiver,
      onPong: () => void pongs.push(world.clock.now()),
      onFlowOpened: flow => void opened.push(flow),
    })
    await world.peer('192.0.2.2', 'TCP')
    const [protocol, transport, address] = ['TCP', near.key, '192.0.2.2'] as const
    const flow = near.keepAlive({ protocol, transport, address, port: 5060, connection: 0 })
    world.advance(100)
    expect(pongs).toEqual([10])
    expect(opened).toEqual([flow])
  })

  test('a side flow fails where nobody listens, the main one does not', async () => {
    const world = new World()
    const failed: (string | undefined)[] = []
    const near = world.network.transport('UDP', '192.0.2.1', 5060)
    await near.open({ ...deafReceiver, onFlowFailed: (_, error) => void failed.push(error?.code) })
    const [protocol, transport, address] = ['UDP', near.key, '192.0.2.2'] as const
    const flow = { protocol, transport, address, port: 5060, connection: 0 }
    near.send('x', flow)
    await settled()
    expect(failed).toEqual([])
    const side = near.sideFlow(flow) ?? flow
    expect(near.send('x', side)).toBe(side)
    await settled()
    expect(failed).toEqual(['ECONNREFUSED'])
    expect(near.send('x', side)).toBe('gone')
  })

  test('RFC 3261 §18.1.1 what is advertised stands in Via', async () => {
    const world = new World()
    const stack = await world.stack('192.0.2.1', [])
    await stack.addTransport(
      world.network.transport('UDP', '192.0.2.1', 5060, sentByOf('sip.example.com', undefined)),
    )
    const peer = await world.peer('192.0.2.2')
    stack.send(request('OPTIONS', 'sip:192.0.2.2', { from: '<sip:a@b>' }), silent)
    world.advance(0)
    expect(headerLines(String(peer.heard[0]), 'via')[0]).toMatch(/^SIP\/2\.0\/UDP sip\.example\.com;rport;/)
    await world.close()
  })

  test('two at one address are one too many', async () => {
    const network = new MemoryNetwork(new World().timers)
    await network.transport('UDP', '192.0.2.1', 5060).open(deafReceiver)
    expect(() => network.transport('UDP', '192.0.2.1', 5060).open(deafReceiver)).toThrow('is in use')
  })
})
