import { SipStack } from 'resip/stack'
import { expect, test } from 'vitest'
import type { Alarm, Clock } from '../../../src/util/clock.ts'
import { lines, requestText, World } from '../world.ts'

/** The world's clock with an event loop that can be blocked: time passes, and alarms wake only afterwards. */
class BlockedClock implements Clock {
  #blocked = 0
  readonly #clock: Clock
  readonly #pending = new Map<Alarm, number>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  now(): number {
    return this.#clock.now() + this.#blocked
  }

  date(): number {
    return this.#clock.date() + this.#blocked
  }

  alarm(wake: () => void): Alarm {
    const alarm = this.#clock.alarm(() => {
      this.#pending.delete(alarm)
      wake()
    })
    return {
      set: at => {
        this.#pending.set(alarm, at)
        alarm.set(at - this.#blocked)
      },
      clear: () => {
        this.#pending.delete(alarm)
        alarm.clear()
      },
    }
  }

  block(milliseconds: number): void {
    this.#blocked += milliseconds
    for (const [alarm, at] of this.#pending) alarm.set(at - this.#blocked)
  }
}

test('new work is refused from 500 ms of lag on until there are less than 100; what is under way is not', async () => {
  const world = new World()
  const clock = new BlockedClock(world.clock)
  const stack = new SipStack({ clock, congestion: { retryAfter: 7 } })
  await stack.addTransport(world.network.transport('UDP', '192.0.2.2', 5060))
  const peer = await world.peer('192.0.2.1')
  stack.addUser({
    accepts: () => true,
    onRequest: transaction => transaction.respond(transaction.method === 'INVITE' ? 180 : 200),
  })
  let branch = 0
  const say = (method: string, toTag?: string): string | undefined => {
    peer.heard.length = 0
    const text = requestText(method, { branch: `z9hG4bK${++branch}`, ...(toTag !== undefined && { toTag }) })
    peer.send(text, '192.0.2.2')
    world.advance(0)
    return peer.titles[0]
  }
  const atLag = (lag: number): void => {
    // the loop is looked at every 100 ms, and was looked at just now
    clock.block(100 + lag)
    world.advance(0)
  }

  expect(say('OPTIONS')).toBe('200')
  expect(say('INVITE')).toBe('180')
  world.advance(100)
  const inviteBranch = `z9hG4bK${branch}`
  atLag(499)
  expect(say('OPTIONS')).toBe('200')
  atLag(501)
  expect(say('OPTIONS')).toBe('503')
  expect(lines(world.wires.at(-1) ?? '', 'Retry-After')).toEqual(['7'])
  expect(say('INVITE')).toBe('503')
  expect(say('BYE', 'in-dialog')).toBe('200')
  peer.heard.length = 0
  peer.send(requestText('CANCEL', { branch: inviteBranch }), '192.0.2.2')
  world.advance(0)
  expect(peer.titles).toEqual(['200', '487'])
  atLag(101)
  expect(say('OPTIONS')).toBe('503')
  atLag(99)
  expect(say('OPTIONS')).toBe('200')
  atLag(101)
  expect(say('OPTIONS')).toBe('200')
  expect(stack.counters.refusedByCongestion).toBe(3)

  world.advance(100_000)
  expect(stack.timers.size).toBe(0)
  await stack.close()
})
