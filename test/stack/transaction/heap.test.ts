import { type SipRequest, SipStack } from 'resip/stack'
import { expect, test } from 'vitest'
import { deaf, settled, World } from '../world.ts'

const COUNT = 10_000

function used(): number {
  const { gc } = globalThis
  if (gc === undefined) throw new Error('run node with --expose-gc')
  for (let round = 0; round < 4; round++) gc()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

function received(method: string, number: number): string {
  const id = String(number).padStart(6, '0')
  return (
    `${method} sip:example.com SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;rport;branch=z9hG4bKabcdefghij${id}\r\n` +
    `Max-Forwards: 70\r\nFrom: "User ${id}" <sip:user${id}@example.com>;tag=fromtag${id}\r\n` +
    `To: <sip:user${id}@example.com>\r\nCall-ID: call-id-of-some-length-${id}@192.0.2.1\r\nCSeq: 1 ${method}\r\n` +
    `Contact: <sip:user${id}@192.0.2.1:5060>\r\nUser-Agent: a device of some vendor/1.2.3\r\nExpires: 3600\r\n` +
    'Content-Length: 0\r\n\r\n'
  )
}

test.each([
  ['REGISTER', 'Timer J', { nonInviteServer: { completed: COUNT } }],
  ['INVITE', 'Timer L', { inviteServer: { accepted: COUNT } }],
])(
  'a finished server transaction of %s keeps at most 1.5 KB, and nothing after %s',
  async (method, _, counts) => {
    const world = new World()
    world.network.onPassage = () => {}
    const stack = new SipStack({ clock: world.clock })
    await stack.addTransport(world.network.transport('UDP', '192.0.2.2', 5060))
    const peer = world.network.transport('UDP', '192.0.2.1', 5060)
    let answers = 0
    await peer.open({
      ...deaf,
      onDatagram: () => void answers++,
    })
    const seen: WeakRef<SipRequest>[] = []
    stack.onRequest(transaction => {
      if (seen.length < 10) seen.push(new WeakRef(transaction.request))
      transaction.respond(200)
    })
    const flow = {
      protocol: 'UDP',
      transport: peer.key,
      address: '192.0.2.2',
      port: 5060,
      connection: 0,
    } as const
    const send = (from: number, count: number): void => {
      for (let number = from; number < from + count; number++) {
        peer.send(received(method, number), flow)
        world.advance(0)
      }
    }
    // once through as much, so that code is compiled and tables have grown
    send(0, COUNT)
    world.advance(100_000)
    expect(stack.transactionCount).toBe(0)

    // a WeakRef holds on until the job that made it is over
    await settled()
    const rounds: { kept: number; left: number }[] = []
    for (let round = 2; round < 5; round++) {
      const before = used()
      send(round * COUNT, COUNT)
      expect(stack.transactionCounts()).toMatchObject(counts)
      const full = used()
      world.advance(32_000)
      expect(stack.transactionCount).toBe(0)
      await settled()
      rounds.push({ kept: full - before, left: used() - before })
    }
    const kept = Math.max(...rounds.map(round => round.kept))
    // what the machine itself keeps differs from round to round; a leak is in each of them
    const left = Math.min(...rounds.map(round => round.left))

    expect(answers).toBe(4 * COUNT)
    expect(kept / COUNT).toBeLessThan(1536)
    // a key, a way and two timers weigh more than this, or nothing was measured
    expect(kept / COUNT).toBeGreaterThan(200)
    expect(left).toBeLessThan(kept * 0.05)
    expect(seen.filter(request => request.deref() !== undefined)).toEqual([])
    await stack.close()
  },
  60_000,
)
