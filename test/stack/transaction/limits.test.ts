import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type Flow, h, type ServerTransaction, SipStack } from 'resip/stack'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { FlowIndex } from '../../../src/stack/transaction/flow-index.ts'
import { lines, options, requestText, settled, targets, World } from '../world.ts'

const CLIENT = '192.0.2.1'
const SERVER = '192.0.2.2'

let world: World

beforeEach(() => {
  world = new World()
  world.drawnFrom(CLIENT)
})

afterEach(() => world.close())

/** An INVITE of so many octets, in a branch of its own. */
function inviteOf(octets: number, number: number): string {
  const small = requestText('INVITE', { branch: `z9hG4bK${number}`, fromTag: `${number}` })
  return requestText('INVITE', {
    branch: `z9hG4bK${number}`,
    fromTag: `${number}`,
    extra: `X-Filling: ${'x'.repeat(octets - small.length)}\r\n`,
  })
}

describe('limits in octets', () => {
  test('maxTransactionBytes: what is kept counts, and is counted off when it is let go of', async () => {
    const stack = await world.stack(SERVER, ['UDP'], { limits: { maxTransactionBytes: 100_000 } })
    const peer = await world.peer(CLIENT)
    stack.onRequest(() => {})
    for (let number = 0; number < 20; number++) peer.send(inviteOf(10_000, number), SERVER)
    world.advance(0)
    expect(stack.transactionCount).toBe(5)
    expect(peer.titles).toEqual(new Array(15).fill('503'))
    expect(stack.counters.refusedByLimit).toBe(15)
    expect(world.wires.flatMap(wire => lines(wire, 'Retry-After'))[0]).toBe('5')
  })

  test('the account is even again when all is over: INVITEs refused and accepted, others, retransmitted and cancelled', async () => {
    const stack = await world.stack(SERVER, ['UDP', 'TCP'])
    const client = await world.stack(CLIENT, ['UDP', 'TCP'])
    stack.onRequest(transaction => {
      if (transaction.method !== 'INVITE') transaction.respond(200)
      else if (transaction.request.from.tag === 'accept') transaction.respond(200)
      else transaction.respond(486)
    })
    const user = { onFinal() {}, onFailure() {} }
    for (const target of [...targets('UDP', SERVER), ...targets('TCP', SERVER)]) {
      client.send(options(), user, { targets: [target] })
    }
    client.send(options(), user, { targets: targets('UDP', '192.0.2.99') })
    const peer = await world.peer('192.0.2.3')
    for (const tag of ['accept', 'refuse']) {
      const text = requestText('INVITE', { fromTag: tag, branch: `z9hG4bK${tag}` })
      peer.send(text, SERVER)
      peer.send(text, SERVER)
      peer.send(requestText('CANCEL', { fromTag: tag, branch: `z9hG4bK${tag}` }), SERVER)
    }
    for (let turn = 0; turn < 4; turn++) {
      world.advance(1)
      await settled()
    }
    expect(stack.transactionBytes).toBeGreaterThan(0)
    expect(client.transactionBytes).toBeGreaterThan(0)
    world.advance(100_000)
    expect([stack.transactionCount, stack.transactionBytes]).toEqual([0, 0])
    expect([client.transactionCount, client.transactionBytes]).toEqual([0, 0])
  })

  test('our own new requests are refused as well, those of a dialog are not', async () => {
    const stack = await world.stack(CLIENT, ['UDP'], { limits: { maxTransactions: 1 } })
    const failed: string[] = []
    const user = { onFinal() {}, onFailure: (failure: Error) => void failed.push(failure.message) }
    stack.send(options(), user, { targets: targets('UDP', SERVER) })
    stack.send(options(), user, { targets: targets('UDP', SERVER) })
    expect(failed).toEqual([
      'OPTIONS: too many transactions are open; try again later, or raise maxTransactionBytes',
    ])
    expect(stack.counters.refusedByLimit).toBe(1)
    const inDialog = options()
    inDialog.set(h.To, inDialog.to.with({ tag: 'theirs' }))
    stack.send(inDialog, user, { targets: targets('UDP', SERVER) })
    expect(stack.transactionCount).toBe(2)
  })

  test('RFC 3261 §9.2: a CANCEL at the limit is answered all the same, for it frees more than it costs', async () => {
    const stack = await world.stack(SERVER, ['UDP'], { limits: { maxTransactions: 1 } })
    const peer = await world.peer(CLIENT)
    stack.onRequest(() => {})
    for (const method of ['INVITE', 'CANCEL']) {
      peer.send(requestText(method), SERVER)
      world.advance(0)
    }
    expect(peer.titles).toEqual(['200', '487'])
    expect(stack.transactionCount).toBe(1)
  })

  test('§17.2.1: an INVITE that was refused keeps what is small of it until Timer H', async () => {
    const stack = await world.stack(SERVER)
    const peer = await world.peer(CLIENT)
    const transactions: ServerTransaction[] = []
    const failures: string[] = []
    stack.addUser({
      accepts: () => true,
      onRequest: transaction => {
        transactions.push(transaction)
        transaction.respond(486)
      },
      onFailure: ({ request }, failure) =>
        void failures.push(`${failure} ${request.method} ${request.callId}`),
    })
    peer.send(inviteOf(60_000, 1), SERVER)
    world.advance(0)
    expect(stack.transactionBytes).toBeLessThan(6000)
    const [transaction] = transactions
    expect(transaction?.request.bytes.length).toBeLessThan(400)
    expect(String(transaction?.request.requestUri)).toBe('sip:192.0.2.2')
    expect(transaction?.request.via.received).toBe(undefined)
    world.advance(32_000)
    expect(failures).toEqual(['timeout INVITE call-1'])
  })

  test.each([1300, 55_000])(
    'the defaults hold in a heap of 512 MB: INVITEs of %i octets that nobody acknowledges are refused before it is full',
    async octets => {
      const program = fileURLToPath(new URL('./programs/flood.mjs', import.meta.url))
      const args = ['--max-old-space-size=512', program, String(octets), '2000000']
      const { stdout } = await promisify(execFile)(process.execPath, args)
      const report = JSON.parse(stdout)
      expect(report.refused).toBe(1)
      expect(report.transactions).toBeGreaterThan(30_000)
      expect(report.kept).toBeLessThan(420)
    },
    240_000,
  )
})

describe('a flow that fails', () => {
  const flow = (address: string, port: number, connection = 0): Flow => ({
    protocol: connection === 0 ? 'UDP' : 'TCP',
    transport: 'key',
    address,
    port,
    connection,
  })

  test('finds what waits on it, and looks at nothing else', () => {
    const index = new FlowIndex<{ readonly flow: Flow }>()
    let looks = 0
    const items = Array.from({ length: 20_000 }, (_, number) => {
      const own = flow(`10.0.${number >> 8}.${number & 255}`, 5060)
      return {
        get flow(): Flow {
          looks++
          return own
        },
      }
    })
    for (const item of items) index.add(item)
    looks = 0
    expect(index.waitingOn(flow('10.0.1.7', 5060))).toEqual([items[263]])
    expect(looks).toBe(1)
  })

  test('is told by address and port over datagrams, by connection over streams; and forgets', () => {
    const index = new FlowIndex<{ readonly flow: Flow }>()
    const [a, b, c, d] = [
      { flow: flow('192.0.2.1', 1) },
      { flow: flow('192.0.2.1', 2) },
      { flow: flow('192.0.2.1', 1, 7) },
      { flow: flow('192.0.2.1', 1) },
    ]
    for (const item of [a, b, c, d]) index.add(item)
    expect(index.waitingOn(flow('192.0.2.1', 1))).toEqual([a, d])
    expect(index.waitingOn(flow('192.0.2.1', 1, 7))).toEqual([c])
    expect(index.waitingOn(flow('192.0.2.1', 1, 8))).toEqual([])
    index.delete(a)
    index.delete(c)
    expect(index.waitingOn(flow('192.0.2.1', 1))).toEqual([d])
    expect(index.waitingOn(flow('192.0.2.1', 1, 7))).toEqual([])
  })
})

describe('messages that wait for look-ups', () => {
  test('maxWaiting bounds them in all, whatever their next hops', async () => {
    const never = new Promise<never>(() => {})
    const stack = new SipStack({
      clock: world.clock,
      limits: { maxWaiting: 3 },
      locate: { locate: () => never, locateResponse: () => never, report() {} },
    })
    await stack.addTransport(world.network.transport('UDP', CLIENT, 5060))
    const failed: string[] = []
    const user = { onFinal() {}, onFailure: (failure: Error) => void failed.push(failure.message) }
    for (let host = 0; host < 5; host++) stack.send(options(`sip:${host}.example.com`), user)
    expect(failed).toHaveLength(2)
    expect(failed[0]).toContain('0 messages wait for 3.example.com to be looked up, and 3 in all')
    expect(stack.counters.refusedWaiting).toBe(2)
    await stack.close()
  })
})
