import { h, type Locate } from 'resip/stack'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { locating, options, requestText, settled, targets, World } from './world.ts'

const CLIENT = '192.0.2.1'
const SERVER = '192.0.2.2'

let world: World

beforeEach(() => {
  world = new World()
  world.drawnFrom(CLIENT)
})

afterEach(() => world.close())

/** A Locate whose answers are given by the test. */
class Asked implements Locate {
  readonly answers: Answer[] = []

  locate(): Promise<never> {
    return new Promise((resolve, reject) => void this.answers.push({ resolve, reject }))
  }

  locateResponse(): readonly never[] {
    return []
  }

  report(): void {}
}

interface Answer {
  readonly resolve: (found: never) => void
  readonly reject: (error: Error) => void
}

test('a look-up that is asked anew while the line before it is told keeps its place: none overtakes', async () => {
  const locate = new Asked()
  const stack = await world.stack(CLIENT, ['UDP'], { locate })
  const peer = await world.peer(SERVER)
  const send = (callId: string, again?: () => void): void => {
    stack.send(options('sip:x.example').set(h.CallId, callId), { onFinal() {}, onFailure: () => again?.() })
  }
  send('first', () => send('second'))
  locate.answers[0]?.reject(new Error('none'))
  await settled()
  send('third')
  await settled()
  send('fourth')
  expect(locate.answers).toHaveLength(2)
  locate.answers[1]?.resolve(targets('UDP', SERVER) as never)
  await settled()
  world.advance(0)
  expect(peer.heard.map(message => message.callId)).toEqual(['second', 'third', 'fourth'])
})

describe('a Locate of the application’s', () => {
  test('may answer any thenable', async () => {
    // biome-ignore lint/suspicious/noThenProperty: a promise of another library
    const found = { then: (told: (found: unknown) => void): void => told(targets('UDP', SERVER)) }
    const stack = await world.stack(CLIENT, ['UDP'], { locate: locating(() => found as never) })
    const peer = await world.peer(SERVER)
    stack.send(options('sip:x.example'), { onFinal() {}, onFailure() {} })
    await settled()
    world.advance(0)
    expect(peer.titles).toEqual(['OPTIONS'])
  })

  test.each([null, undefined, 'x', [undefined], [{}], [{ protocol: 'UDP', address: SERVER }]])(
    'that answers %j, at once or later, fails the request and says why',
    async found => {
      const stack = await world.stack(CLIENT, ['UDP'], { locate: locating(() => found as never) })
      await expect(stack.request(options('sip:x.example'))).rejects.toThrow('locate gave no list of targets')
      const late = await world.stack(SERVER, ['UDP'], { locate: locating(async () => found as never) })
      await expect(late.request(options('sip:x.example'))).rejects.toThrow('locate gave no list of targets')
      expect([stack.counters.handlerErrors, late.counters.handlerErrors]).toEqual([0, 0])
    },
  )
})

test('nothing is called back after close: no failure of what was forwarded, no filter', async () => {
  const locate = new Asked()
  const stack = await world.stack(SERVER, ['UDP'], { locate })
  const told: string[] = []
  stack.addFilter(() => void told.push('filter'))
  stack.onMessage(message => {
    if (message.isRequest)
      stack.forward(message, message.forward(), { onFailure: status => void told.push(`failed ${status}`) })
  })
  const peer = await world.peer(CLIENT)
  const text = requestText('OPTIONS', { uri: 'sip:x.example' })
  peer.send(text, SERVER)
  world.advance(0)
  const closing = stack.close()
  locate.answers[0]?.reject(new Error('none'))
  stack.receive(Buffer.from(text), {
    protocol: 'UDP',
    transport: `udp:${SERVER}:5060`,
    address: CLIENT,
    port: 5060,
    connection: 0,
  })
  await closing
  await settled()
  expect(told).toEqual([])
})
