import { connect } from 'node:net'
import { StatelessProxy } from 'resip/stateless-proxy'
import { afterEach, expect, test } from 'vitest'
import { requestText } from '../stack/world.ts'

let proxy: StatelessProxy | undefined

afterEach(() => proxy?.close())

/** What a proxy without TLS answers over TCP. */
async function answerTo(uri: string): Promise<string> {
  proxy = await StatelessProxy.start({ listen: ['tcp:127.0.0.1:0'], relay: true })
  const socket = connect(proxy.stack.transports[0]?.local.port ?? 0, '127.0.0.1')
  try {
    socket.write(requestText('OPTIONS', { uri, via: 'SIP/2.0/TCP 127.0.0.1;branch=z9hG4bK1' }))
    return await new Promise((resolve, reject) =>
      socket.once('data', data => resolve(String(data))).once('error', reject),
    )
  } finally {
    socket.destroy()
  }
}

test('RFC 5630 §5.3 a sips request for which there is no way over TLS gets 480 and Warning 380', async () => {
  const answer = await answerTo('sips:bob@127.0.0.1:9')
  expect(answer).toMatch(/^SIP\/2\.0 480 /)
  expect(answer).toContain('\r\nWarning: 380 resip "SIPS Not Allowed"\r\n')
})

test('a sip request for which there is no way gets 480 without that', async () => {
  const answer = await answerTo('sip:bob@127.0.0.1:9;transport=udp')
  expect(answer).toMatch(/^SIP\/2\.0 480 /)
  expect(answer).not.toContain('Warning')
})
