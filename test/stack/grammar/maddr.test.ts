import { afterEach, describe, expect, it } from 'vitest'
import { StatelessProxy } from '../../../apps/stateless-proxy/proxy.ts'
import { uri } from '../../../src/stack/index.ts'
import { requestText, World } from '../world.ts'

describe('a proxy that is sent a maddr (RFC 3261 §16.4, §16.6)', () => {
  let proxy: StatelessProxy | undefined
  afterEach(() => proxy?.close())

  it.each(['%1b[2J%0aERROR', '[2001:db8::1]', '[:::]', 'a%20b', '%00'])(
    'sends the request on, answers no 500 and logs nothing: %s',
    async maddr => {
      const world = new World()
      const logged: string[] = []
      const log = { enabled: () => true, write: (...entry: string[]) => logged.push(entry.join(' ')) }
      proxy = await StatelessProxy.start({
        listen: [],
        nextHop: uri('sip:192.0.2.3'),
        stack: { clock: world.clock, log },
      })
      await proxy.stack.addTransport(world.network.transport('UDP', '192.0.2.2', 5060))
      const alice = await world.peer('192.0.2.1')
      const bob = await world.peer('192.0.2.3')
      alice.send(requestText('INVITE', { uri: `sip:bob@example.com;maddr=${maddr}` }), '192.0.2.2')
      world.advance(100)
      expect(alice.titles).toEqual([])
      expect(bob.heard[0]?.toString()).toContain(`INVITE sip:bob@example.com;maddr=${maddr} SIP/2.0\r\n`)
      expect(logged).toEqual([])
    },
  )
})
