import { EnvironmentError, PeerError, type SipMessage, Timers, uri } from 'resip/stack'
import { MemoryNetwork, type MemoryTransport, SimulatedClock } from 'resip/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { StatelessProxy, type StatelessProxyOptions } from '../../../apps/stateless-proxy/proxy.ts'
import { deaf } from '../../stack/world.ts'

const ALICE = '192.0.2.1'
const PROXY = '192.0.2.2'
const BOB = '192.0.2.3'
const FROM_PROXY = `udp:${PROXY}:5060`

let clock: SimulatedClock
let network: MemoryNetwork
let alice: MemoryTransport
let bob: MemoryTransport
let proxy: StatelessProxy
/** What the proxy sent, as text and in short. */
let wires: string[]
let sent: string[]
/** The steps under way, to be ended by the test. */
let steps: { message: SipMessage; done: () => void; fail: (error: Error) => void }[]

/** A step that the test ends by hand. */
function byHand(message: SipMessage): Promise<void> {
  return new Promise((done, fail) => steps.push({ message, done, fail }))
}

async function start(options: Partial<StatelessProxyOptions>): Promise<void> {
  proxy = await StatelessProxy.start({
    listen: [],
    nextHop: uri(`sip:${BOB}`),
    stack: { clock },
    ...options,
  })
  await proxy.stack.addTransport(network.transport('UDP', PROXY, 5060))
}

/** Lets promises lead to what they lead to, and messages arrive. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve()
  clock.advance(1)
}

async function request(method: string, call: string): Promise<void> {
  const via = `Via: SIP/2.0/UDP ${ALICE};branch=z9hG4bK${call}\r\n`
  network.carry(alice, PROXY, 5060, message(`${method} sip:bob@example.com SIP/2.0`, via, method, call))
  await settle()
}

async function response(status: number, call: string): Promise<void> {
  const invite = wires.find(wire => wire.startsWith('INVITE') && wire.includes(`Call-ID: ${call}\r\n`)) ?? ''
  const vias = [...invite.matchAll(/^Via: .*\r\n/gm)].map(([line]) => line).join('')
  network.carry(bob, PROXY, 5060, message(`SIP/2.0 ${status} Whatever`, vias, 'INVITE', call))
  await settle()
}

function message(startLine: string, vias: string, method: string, call: string): string {
  const parties = 'From: <sip:alice@example.com>;tag=a\r\nTo: <sip:bob@example.com>\r\n'
  return `${startLine}\r\n${vias}${parties}Call-ID: ${call}\r\nCSeq: 1 ${method}\r\nContent-Length: 0\r\n\r\n`
}

async function end(index: number, error?: Error): Promise<void> {
  if (error) steps[index]?.fail(error)
  else steps[index]?.done()
  await settle()
}

beforeEach(async () => {
  clock = new SimulatedClock()
  network = new MemoryNetwork(new Timers(clock))
  wires = []
  sent = []
  steps = []
  network.onPassage = ({ from, wire }) => {
    if (from !== FROM_PROXY) return
    wires.push(wire)
    const [first = '', second = ''] = wire.split(' ')
    sent.push(`${first === 'SIP/2.0' ? second : first} ${/^Call-ID: (\S+)/m.exec(wire)?.[1]}`)
  }
  alice = network.transport('UDP', ALICE, 5060)
  bob = network.transport('UDP', BOB, 5060)
  await Promise.all([alice.open(deaf), bob.open(deaf)])
})

afterEach(() => proxy.close())

describe('a stateless proxy with steps of the program (RFC 3261 §16.11)', () => {
  it('sends on what the steps made of a message', async () => {
    await start({
      async onForwardRequest(_, out) {
        out.setBody('application/sdp', 'v=0')
      },
      onForwardResponse(_, out) {
        out.setBody('text/plain', 'fine')
        return undefined
      },
    })
    await request('INVITE', 'one')
    await response(200, 'one')
    expect(sent).toEqual(['INVITE one', '200 one'])
    expect(wires[0]).toMatch(/Content-Length: 3\r\n\r\nv=0$/)
    expect(wires[1]).toMatch(/Content-Length: 4\r\n\r\nfine$/)
  })

  it('lets nothing of a call overtake what its step still holds, and holds no other call up', async () => {
    await start({ onForwardRequest: invite => (invite.callId === 'slow' ? byHand(invite) : undefined) })
    await request('INVITE', 'slow')
    await request('CANCEL', 'slow')
    await request('INVITE', 'quick')
    expect(sent).toEqual(['INVITE quick'])
    expect(proxy.order.waiting).toBe(2)
    await end(0)
    expect(sent).toEqual(['INVITE quick', 'INVITE slow'])
    await end(1)
    expect(sent).toEqual(['INVITE quick', 'INVITE slow', 'CANCEL slow'])
    expect(proxy.order.waiting).toBe(0)
  })

  it('keeps responses in order too, and requests that have no step of their own', async () => {
    await start({ onForwardResponse: (one, _) => (one.status === 183 ? byHand(one) : undefined) })
    await request('INVITE', 'one')
    await response(183, 'one')
    await response(200, 'one')
    await request('BYE', 'one')
    expect(sent).toEqual(['INVITE one'])
    await end(0)
    expect(sent).toEqual(['INVITE one', '183 one', '200 one', 'BYE one'])
  })

  it('absorbs what comes again while it waits, and asks again for what comes again later', async () => {
    await start({ onForwardRequest: byHand })
    for (let times = 0; times < 3; times++) await request('INVITE', 'one')
    await end(0)
    expect(sent).toEqual(['INVITE one'])
    expect(steps).toHaveLength(1)
    expect(proxy.order).toMatchObject({ absorbed: 2, waiting: 0 })
    await request('INVITE', 'one')
    await end(1)
    expect(sent).toEqual(['INVITE one', 'INVITE one'])
    expect(wires[1]).toBe(wires[0])
  })

  it('answers a request whose step fails by the family of the error, and drops a response', async () => {
    await start({ onForwardRequest: byHand, onForwardResponse: byHand })
    const failures: [Error, number][] = [
      [new PeerError('ERR_ANY', 'no such codec', 488), 488],
      [new PeerError('ERR_ANY', 'refused'), 500],
      [new EnvironmentError('ETIMEDOUT', 'no engine'), 503],
      [new Error('a mistake'), 500],
    ]
    for (const [at, [error]] of failures.entries()) {
      await request('INVITE', `call${at}`)
      await end(at, error)
    }
    expect(sent).toEqual(failures.map(([, status], at) => `${status} call${at}`))
    await request('INVITE', 'good')
    await end(4)
    await response(200, 'good')
    await end(5, new Error('a mistake'))
    expect(sent.slice(4)).toEqual(['INVITE good'])
    await response(200, 'good')
    await end(6)
    expect(sent.slice(4)).toEqual(['INVITE good', '200 good'])
    expect(proxy.failedSteps).toBe(5)
  })

  it('goes on behind a step that throws', async () => {
    await start({
      onForwardRequest(one) {
        if (one.method === 'INVITE') return byHand(one)
        throw new Error('a mistake')
      },
    })
    await request('INVITE', 'one')
    await request('INFO', 'one')
    await request('ACK', 'one')
    await end(0)
    expect(sent).toEqual(['INVITE one', '500 one'])
    expect(proxy.failedSteps).toBe(2)
  })

  it('refuses with 503 what is more than may wait, in a call and in all', async () => {
    await start({ onForwardRequest: byHand, waiting: { perCall: 2, total: 3 } })
    await request('INVITE', 'one')
    await request('INFO', 'one')
    await request('BYE', 'one')
    expect(sent).toEqual(['503 one'])
    await request('INVITE', 'two')
    await request('INVITE', 'three')
    expect(sent).toEqual(['503 one', '503 three'])
    expect(proxy.order.waiting).toBe(3)
  })

  it('refuses what is more bytes than may wait, and counts both', async () => {
    // two messages of some 200 bytes, with what each costs besides
    await start({ onForwardRequest: byHand, waiting: { bytes: 5500 } })
    for (const call of ['one', 'two', 'three']) await request('INVITE', call)
    expect(sent).toEqual(['503 three'])
    expect(proxy.order).toMatchObject({ waiting: 2, refused: 1 })
    expect(proxy.order.bytes).toBeGreaterThan(4096)
    await end(0)
    await end(1)
    expect(proxy.order).toMatchObject({ waiting: 0, bytes: 0 })
    await request('INVITE', 'four')
    await proxy.close()
    expect(proxy.order.bytes).toBe(0)
  })

  it('sees no response that answers nothing: anybody may make one up (RFC 3261 §16.11)', async () => {
    await start({ onForwardResponse: byHand })
    await request('INVITE', 'one')
    const [forwarded = ''] = wires
    wires = [forwarded.replace(/;i=[^;\r]*/, ';i=0.00000000000000000000')]
    await response(200, 'one')
    expect(steps).toEqual([])
    expect(proxy.stack.counters.unsignedResponses).toBe(1)
    wires = [forwarded]
    await response(200, 'one')
    expect(steps).toHaveLength(1)
  })

  it('sends nothing after it was closed', async () => {
    await start({ onForwardRequest: byHand })
    await request('INVITE', 'one')
    await request('INFO', 'one')
    await request('INVITE', 'two')
    await proxy.close()
    await end(0)
    await end(1, new Error('too late'))
    expect(sent).toEqual([])
    expect(steps).toHaveLength(2)
    expect(proxy).toMatchObject({ failedSteps: 0, order: { waiting: 0 } })
  })
})
