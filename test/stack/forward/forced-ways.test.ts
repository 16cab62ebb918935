import { type ForwardOptions, type Protocol, type SipStack, uri } from 'resip/stack'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { InterfaceAddress } from '../../../src/net/interfaces.ts'
import { requestText, settled, targets, World } from '../world.ts'

const UAC = '10.0.0.9'
const UAS = '198.51.100.7'

let world: World
let stack: SipStack
const failures: string[] = []

beforeEach(async () => {
  world = new World()
  failures.length = 0
  const interfaces = (): InterfaceAddress[] => [
    { name: 'eth0', address: '10.0.0.1', family: 4, internal: false, scope: 0 },
    { name: 'eth1', address: '192.0.2.1', family: 4, internal: false, scope: 0 },
  ]
  stack = await world.stack('10.0.0.1', ['UDP'], { interfaces, route: async () => '192.0.2.1' })
  for (const protocol of ['UDP', 'TCP'] as const)
    await stack.addTransport(world.network.transport(protocol, '192.0.2.1', 5060))
})

afterEach(() => world.close())

/** Sends a request that goes on with these options; answers the transports that it left by. */
async function leaves(options: ForwardOptions, body = ''): Promise<string[]> {
  stack.onMessage(message => {
    if (message.isRequest)
      stack.forward(message, message.forward(), {
        ...options,
        onFailure: (status, error) => void failures.push(`${status} ${error.message}`),
      })
  })
  const uac = await world.peer(UAC, 'UDP', 5070)
  const extra = `Content-Type: text/plain\r\n`
  uac.send(requestText('MESSAGE', { uri: `sip:bob@${UAS}`, extra, body }), '10.0.0.1')
  world.advance(0)
  await settled()
  world.advance(0)
  await uac.transport.close()
  return world.passages.slice(1).map(({ from, to }) => `${from} → ${to}`)
}

test.each([
  [{}, 'udp:192.0.2.1:5060 → udp:198.51.100.7:5060'],
  [{ transport: 'eth0' }, 'udp:10.0.0.1:5060 → udp:198.51.100.7:5060'],
  [{ transport: 'udp:10.0.0.1:5060' }, 'udp:10.0.0.1:5060 → udp:198.51.100.7:5060'],
  [
    { targets: targets('UDP', '198.51.100.8'), transport: 'eth1' },
    'udp:192.0.2.1:5060 → udp:198.51.100.8:5060',
  ],
  [{ targets: targets('TCP', '198.51.100.7') }, 'tcp:192.0.2.1:5060 → tcp:198.51.100.7:5060'],
] as const)('RFC 3261 §16.6 step 7 a request is forwarded as %j says', async (options, expected) => {
  await world.peer(UAS, 'TCP')
  expect(await leaves(options)).toEqual([expected])
})

test.each([
  [{ transport: 'eth7' }, /^480 there is no transport eth7/],
  [{ transport: 'eth0', targets: targets('TCP', UAS) }, /^480 no way to tcp .* eth0 was asked for/],
  [{ targets: [], nextHop: uri('sip:a.example') }, /^503 no target for a\.example/],
] as const)('%j is an error at once', async (options, expected) => {
  expect(await leaves(options)).toEqual([])
  expect(failures).toEqual([expect.stringMatching(expected)])
})

test('RFC 3261 §18.1.1 where TCP was refused, what comes again goes over UDP, for 32 s', async () => {
  const large = 'x'.repeat(1500)
  const protocols = async (): Promise<Protocol[]> => {
    world.passages.length = 0
    return (await leaves({}, large)).map(line => (line.startsWith('udp') ? 'UDP' : 'TCP'))
  }
  await world.peer(UAS)
  expect(await protocols()).toEqual([])
  expect(await protocols()).toEqual(['UDP'])
  await world.peer(UAS, 'TCP')
  world.advance(31_000)
  expect(await protocols()).toEqual(['UDP'])
  world.advance(1_000)
  expect(await protocols()).toEqual(['TCP'])
})
