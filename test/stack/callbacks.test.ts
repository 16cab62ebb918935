import {
  ack2xx,
  type Log,
  type RequestUser,
  type SipStack,
  sentByOf,
  type TransactionUser,
  type TransportReceiver,
} from 'resip/stack'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { invite, options, requestText, settled, targets, World } from './world.ts'

const CLIENT = '192.0.2.1'
const SERVER = '192.0.2.2'
const FLOW = {
  protocol: 'UDP',
  transport: `udp:${SERVER}:5060`,
  address: CLIENT,
  port: 5060,
  connection: 0,
} as const

/** How a callback fails: at once, or later, by the promise it answers. */
const failures = {
  throws: (): never => {
    throw new Error('boom')
  },
  rejects: (): Promise<never> => Promise.reject(new Error('boom')),
}

let world: World
let unhandled: unknown[]
const onUnhandled = (error: unknown): void => void unhandled.push(error)

beforeEach(() => {
  world = new World()
  world.drawnFrom(CLIENT)
  unhandled = []
  process.on('unhandledRejection', onUnhandled)
  process.on('uncaughtException', onUnhandled)
})

afterEach(async () => {
  process.off('unhandledRejection', onUnhandled)
  process.off('uncaughtException', onUnhandled)
  await world.close()
})

/** Lets all that was begun come to its end, in simulated time and in promises. */
async function run(milliseconds: number = 0): Promise<void> {
  for (let turn = 0; turn < 5; turn++) {
    world.advance(milliseconds / 5)
    await settled()
  }
}

interface Callback {
  /** The application's part of it: `fail` stands in the place of the callback. */
  readonly call: (fail: () => never) => Promise<SipStack>
  /** What the peers hear of it all the same. */
  readonly heard?: readonly string[]
}

/** A server with one user, whose peer at CLIENT sends these requests. */
async function serving(
  user: Partial<TransactionUser>,
  ...texts: readonly string[]
): Promise<[SipStack, string[]]> {
  const stack = await world.stack(SERVER)
  stack.addUser({
    accepts: request => request.method !== 'CANCEL',
    onRequest: transaction => void (transaction.method === 'OPTIONS' && transaction.respond(200)),
    ...user,
  })
  const peer = await world.peer(CLIENT)
  for (const text of texts) {
    peer.send(text, SERVER)
    await run()
  }
  return [stack, peer.titles]
}

/** A client whose requests are answered with these statuses. */
async function asking(
  method: 'INVITE' | 'OPTIONS',
  statuses: readonly number[],
  user: Partial<RequestUser>,
  more: readonly string[] = [],
): Promise<SipStack> {
  const stack = await world.stack(CLIENT)
  const peer = await world.peer(SERVER)
  peer.onMessage = message => {
    if (message.isRequest && message.method === method)
      for (const status of statuses) peer.answer(message, status, 'peer', `Contact: <sip:${SERVER}>\r\n`)
  }
  const template = method === 'INVITE' ? invite() : options()
  const addresses = [...more, SERVER]
  stack.send(
    template,
    { onFinal() {}, onFailure() {}, ...user },
    { targets: targets('UDP', ...addresses), targetTimeout: 1000 },
  )
  await run(100_000)
  return stack
}

let heard: string[] = []

const callbacks: Readonly<Record<string, Callback>> = {
  'RequestUser.onProvisional': { call: fail => asking('OPTIONS', [100, 200], { onProvisional: fail }) },
  'RequestUser.onFinal of OPTIONS': { call: fail => asking('OPTIONS', [200], { onFinal: fail }) },
  'RequestUser.onFinal of an INVITE accepted': { call: fail => asking('INVITE', [200], { onFinal: fail }) },
  'RequestUser.onFinal of an INVITE refused': { call: fail => asking('INVITE', [486], { onFinal: fail }) },
  'RequestUser.onFailure': { call: fail => asking('OPTIONS', [], { onFailure: fail }) },
  'RequestUser.onEnded': { call: fail => asking('INVITE', [200], { onEnded: fail }) },
  'RequestUser.onTarget': { call: fail => asking('OPTIONS', [200], { onTarget: fail }, ['192.0.2.9']) },
  'TransactionUser.onRequest': {
    async call(fail) {
      const [stack, titles] = await serving({ onRequest: fail }, requestText('OPTIONS'))
      heard = titles
      return stack
    },
    heard: ['500'],
  },
  'TransactionUser.onCancel': {
    async call(fail) {
      const [stack, titles] = await serving({ onCancel: fail }, requestText('INVITE'), requestText('CANCEL'))
      heard = titles
      return stack
    },
    heard: ['200', '487'],
  },
  'TransactionUser.onAck': {
    call: async fail => (await serving({ onAck: fail }, requestText('ACK', { toTag: 'ours' })))[0],
  },
  'TransactionUser.onFailure': {
    async call(fail) {
      const onRequest: TransactionUser['onRequest'] = transaction => transaction.respond(486)
      const [stack] = await serving({ onRequest, onFailure: fail }, requestText('INVITE'))
      await run(100_000)
      return stack
    },
  },
  'TransactionUser.onStrayResponse': {
    async call(fail) {
      const text = requestText('OPTIONS', { via: `SIP/2.0/UDP ${SERVER}:5060;branch=z9hG4bKx` })
      return (
        await serving({ onStrayResponse: fail }, `SIP/2.0 200 OK\r\n${text.slice(text.indexOf('\r\n') + 2)}`)
      )[0]
    },
  },
  'TransactionUser.onFlowFailed': {
    async call(fail) {
      const [stack] = await serving({ onFlowFailed: fail })
      const flows = await flowsOf(stack)
      flows.onFlowFailed(FLOW, undefined)
      return stack
    },
  },
  'TransactionUser.onFlowOpened': {
    async call(fail) {
      const [stack] = await serving({ onFlowOpened: fail })
      const flows = await flowsOf(stack)
      flows.onFlowOpened(FLOW)
      return stack
    },
  },
  'TransactionUser.onPong': {
    async call(fail) {
      const [stack] = await serving({ onPong: fail })
      const flows = await flowsOf(stack)
      flows.onPong(FLOW)
      return stack
    },
  },
  'TransactionUser.onStun': {
    async call(fail) {
      const [stack] = await serving({ onStun: fail })
      const flows = await flowsOf(stack)
      flows.onStun(Buffer.alloc(20), FLOW)
      return stack
    },
  },
  'KeepAliveUser.onFailed': {
    async call(fail) {
      const [stack] = await serving({})
      const flows = await flowsOf(stack)
      stack.flows.keepAlive(FLOW, { onFailed: fail })
      flows.onFlowFailed(FLOW, undefined)
      return stack
    },
  },
  'KeepUser.onKeepAlive': {
    async call(fail) {
      const stack = await world.stack(CLIENT)
      const server = await world.stack(SERVER, ['UDP'], { keep: 30 })
      server.onRequest(transaction => transaction.respond(200))
      const user = { onFinal: () => void heard.push('200'), onFailure() {} }
      stack.send(options(), user, { keep: { onKeepAlive: fail } })
      await run()
      return stack
    },
  },
  'FlowWatcher.onFlowEnded': {
    async call(fail) {
      const [stack] = await serving({})
      const flows = await flowsOf(stack)
      stack.flows.watch(FLOW, { onFlowEnded: fail })
      flows.onFlowFailed(FLOW, undefined)
      return stack
    },
  },
  'ExpectOptions.onSilence': {
    async call(fail) {
      const [stack] = await serving({})
      stack.flows.expect(FLOW, 1, { grace: 0, onSilence: fail })
      await run(1_000)
      return stack
    },
  },
  'a stateless handler': {
    async call(fail) {
      const stack = await world.stack(SERVER)
      stack.onMessage(fail)
      const peer = await world.peer(CLIENT)
      peer.send(requestText('OPTIONS'), SERVER)
      await run()
      heard = peer.titles
      return stack
    },
    heard: ['500'],
  },
  'a timer of the application': {
    async call(fail) {
      const stack = await world.stack(CLIENT)
      stack.timers.after(5, fail)
      await run(100)
      return stack
    },
  },
  'Locate.report': {
    async call(fail) {
      const locate = { locate: () => targets('UDP', SERVER), locateResponse: () => [], report: fail }
      const stack = await world.stack(CLIENT, ['UDP'], { locate })
      stack.send(options(), { onFinal() {}, onFailure() {} })
      await run(100_000)
      return stack
    },
  },
  'RequestUser.onFailure, told by a look-up that fails later': {
    async call(fail) {
      const locate = {
        locate: () => Promise.reject(new Error('no such name')),
        locateResponse: () => [],
        report() {},
      }
      const stack = await world.stack(CLIENT, ['UDP'], { locate })
      stack.send(options('sip:example.com'), { onFinal() {}, onFailure: fail })
      stack.send(options('sip:example.com'), { onFinal() {}, onFailure() {} })
      await run()
      // the hop is not blocked by who failed
      const later: string[] = []
      stack.send(options('sip:example.com'), {
        onFinal() {},
        onFailure: failure => void later.push(failure.message),
      })
      await run()
      expect(later).toEqual(['OPTIONS: no such name'])
      return stack
    },
  },
  RequestFilter: {
    async call(fail) {
      const stack = await world.stack(SERVER)
      stack.onRequest(transaction => transaction.respond(200))
      stack.addFilter(fail)
      const peer = await world.peer(CLIENT)
      peer.send(requestText('OPTIONS'), SERVER)
      await run()
      heard = peer.titles
      return stack
    },
    heard: ['500'],
  },
  'TransactionUser.accepts': {
    async call(fail) {
      const [stack, titles] = await serving({ accepts: fail }, requestText('OPTIONS'))
      heard = titles
      return stack
    },
    heard: ['500'],
  },
}

/** A transport of the application's, by which a test says what happens to flows. */
async function flowsOf(stack: SipStack): Promise<TransportReceiver> {
  let receiver: TransportReceiver | undefined
  await stack.addTransport({
    key: 'udp:192.0.2.2:5070',
    protocol: 'UDP',
    isReliable: false,
    local: { address: SERVER, port: 5070, family: 4 },
    sentBy: sentByOf(SERVER, 5070),
    async open(opened) {
      receiver = opened
    },
    send: (_, flow) => flow,
    async close() {},
  })
  if (receiver === undefined) throw new Error('not open')
  return receiver
}

describe.each(Object.entries(failures))('a callback that %s hurts nobody', (_, fail) => {
  test.each(Object.entries(callbacks))('%s', async (_name, callback) => {
    heard = []
    const stack = await callback.call(fail as () => never)
    await run()
    expect(stack.counters.handlerErrors).toBeGreaterThanOrEqual(1)
    if (callback.heard) expect(heard).toEqual(callback.heard)
    expect(unhandled).toEqual([])
    // and the stack goes on
    const peer = await world.peer('192.0.2.30')
    const own = stack.transports[0]?.local.address ?? ''
    peer.send(requestText('OPTIONS', { via: 'SIP/2.0/UDP 192.0.2.30:5060;branch=z9hG4bKafter' }), own)
    await run()
    expect(peer.heard).toHaveLength(1)
  })
})

test('a log that throws hurts nobody either, and what a handler threw cannot forge lines in it', async () => {
  const written: string[] = []
  const log: Log = {
    enabled: () => true,
    write: (_, __, message) => {
      written.push(message)
      throw new Error('the disk is full')
    },
  }
  const stack = await world.stack(SERVER, ['UDP'], { log })
  stack.onRequest(() => {
    throw new Error('x\u001b[2J\nforged')
  })
  const peer = await world.peer(CLIENT)
  peer.send(requestText('OPTIONS'), SERVER)
  await run()
  expect(peer.titles).toEqual(['500'])
  expect(written.filter(line => line.includes('boom') || line.includes('forged'))).toHaveLength(1)
  expect(written.join('')).not.toMatch(/[\u0000-\u001f]/)
  expect(unhandled).toEqual([])
})

describe('a callback whose answer is needed at once may answer no promise', () => {
  const rejects = failures.rejects as () => never

  test('decorate of a request, of an ACK and of what is forwarded: that one is not sent, and is told', async () => {
    const stack = await world.stack(CLIENT)
    const told: string[] = []
    const user = { onFinal() {}, onFailure: (failure: Error) => void told.push(failure.message) }
    const way = { targets: targets('UDP', SERVER), decorate: rejects }
    stack.send(options(), user, way)
    await expect(stack.sendAck(invite(), way).sent).rejects.toThrow('decorate answers at once')
    await run()
    expect(told).toEqual(['OPTIONS: decorate answers at once; it may not return a promise'])
    expect(stack.counters.handlerErrors).toBe(2)

    const proxy = await world.stack(SERVER)
    proxy.onMessage(message => {
      if (!message.isRequest) return
      const onFailure = (status: number): never => {
        told.push(String(status))
        throw new Error('and onFailure throws')
      }
      proxy.forward(message, message.forward(), { decorate: rejects, onFailure })
    })
    const peer = await world.peer('192.0.2.9')
    peer.send(requestText('OPTIONS', { uri: 'sip:192.0.2.30' }), SERVER)
    await run()
    expect(told.at(-1)).toBe('500')
    expect(proxy.counters.handlerErrors).toBe(2)
    expect(world.wires).toHaveLength(1)
    expect(unhandled).toEqual([])
  })

  test('decorate that answers nothing fails the request, and says so', async () => {
    const stack = await world.stack(CLIENT)
    const told: string[] = []
    stack.send(
      options(),
      { onFinal() {}, onFailure: failure => void told.push(failure.message) },
      { targets: targets('UDP', SERVER), decorate: (() => undefined) as () => never },
    )
    expect(told).toEqual(['OPTIONS: decorate answered no request template; it answers what it was given'])
  })

  test.each([null, false, true, 'Drop', '', 42, 100, 1000, Number.NaN, {}])(
    'RFC 3261 §8.2.7: a filter that answers %s, which is no verdict, refuses',
    async verdict => {
      const stack = await world.stack(SERVER)
      stack.onRequest(transaction => transaction.respond(200))
      stack.addFilter((() => verdict) as () => never)
      const peer = await world.peer(CLIENT)
      peer.send(requestText('OPTIONS'), SERVER)
      await run()
      expect(peer.titles).toEqual(['500'])
      expect(stack.counters.handlerErrors).toBe(1)
    },
  )
})

test.each(Object.entries(failures))(
  'a log that %s is no reason to stop, whatever is logged',
  async (_, fail) => {
    for (const log of [
      { enabled: () => true, write: fail },
      { enabled: failures.throws, write() {} },
    ]) {
      const address = log.write === fail ? SERVER : '192.0.2.3'
      const stack = await world.stack(address, ['UDP'], { log: log as Log })
      stack.onRequest(failures.throws)
      const peer = await world.peer(log.write === fail ? CLIENT : '192.0.2.4')
      for (const text of ['INVITE sip:x SIP/2.0\r\n\r\n', requestText('OPTIONS')]) {
        peer.send(text, address)
        await run()
      }
      expect(peer.titles).toEqual(['500'])
      expect(stack.counters).toMatchObject({ malformed: 1, handlerErrors: 1 })
    }
    expect(unhandled).toEqual([])
  },
)

test.each(Object.entries(failures))(
  'a log that %s hurts nobody where what came is dropped',
  async (_, fail) => {
    const stack = await world.stack(SERVER, ['UDP', 'TCP'], { log: { enabled: () => true, write: fail } })
    stack.onRequest(transaction => void transaction.respond(200))
    const peer = await world.peer(CLIENT)
    const stream = await world.peer(CLIENT, 'TCP')
    peer.send('no message\r\n\r\n', SERVER)
    stream.send('no message\r\n\r\n', SERVER)
    stream.transport.disconnect(SERVER, 5060)
    peer.send(requestText('OPTIONS'), SERVER)
    await run()
    expect(peer.titles).toEqual(['200'])
    expect([stack.counters.malformed, stack.counters.brokenStreams]).toEqual([1, 1])
    expect(unhandled).toEqual([])
  },
)

test('a log that cannot say what it is enabled for is silent', async () => {
  const stack = await world.stack(SERVER, ['UDP'], {
    log: { enabled: failures.throws, write: failures.throws },
  })
  stack.onRequest(transaction => void transaction.respond(200))
  const peer = await world.peer(CLIENT)
  peer.send('no message\r\n\r\n', SERVER)
  peer.send(requestText('OPTIONS'), SERVER)
  await run()
  expect(peer.titles).toEqual(['200'])
  expect(unhandled).toEqual([])
})

test('sendAck: what nobody asks for does not end the process', async () => {
  const stack = await world.stack(CLIENT, ['UDP'], {
    locate: {
      locate: () => Promise.reject(new Error('no such name')),
      locateResponse: () => [],
      report() {},
    },
  })
  const template = invite()
  const peer = await world.peer(SERVER)
  peer.onMessage = message => {
    if (message.isRequest && message.method === 'INVITE')
      peer.answer(message, 200, 'peer', 'Contact: <sip:bob@example.com>\r\n')
  }
  stack.send(
    template,
    { onFinal: ok => void stack.sendAck(ack2xx(template, ok)), onFailure() {} },
    { targets: targets('UDP', SERVER) },
  )
  await run(1000)
  expect(unhandled).toEqual([])
})
