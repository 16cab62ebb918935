import { describe, expect, it } from 'vitest'
import { run, snippetsOf } from './snippets.ts'

const [server = '', proxy = '', client = '', store = ''] = snippetsOf('docs/digest.md')

/** A snippet without its imports and without what the one before it has made. */
function rest(snippet: string): string {
  return snippet.replace(/^import .*\n/gm, '')
}

describe('docs/digest.md', () => {
  it('has a server that asks and a client that answers', async () => {
    const where = `targets: [{ protocol: 'UDP', address: '127.0.0.1', port: stack.transports[0].local.port }]`
    const code = `
      import { DigestClient, nameAddr, register } from 'resip/stack'
      ${server.replace('udp:127.0.0.1:5060', 'udp:127.0.0.1:0')}
      ${rest(client).replace('{ credentials }', `{ credentials, ${where} }`)}
      console.log(response.status, response.reason, credentials.proofOf(response))
      await stack.close()`
    expect(await run(code)).toBe('200 Hello bob right\n')
  })

  it('has a proxy that asks', async () => {
    const code = `
      import { DigestRealm, MemoryUsers, request, SipStack } from 'resip/stack'
      const users = new MemoryUsers()
      const stack = new SipStack()
      const client = new SipStack()
      ${proxy}
      await stack.listen('udp:127.0.0.1:0')
      await client.listen('udp:127.0.0.1:0')
      const options = request('OPTIONS', 'sip:127.0.0.1:' + stack.transports[0].local.port, { from: 'sip:a@b' })
      console.log((await client.request(options)).status)
      await client.close()
      await stack.close()`
    expect(await run(code)).toBe('407\n')
  })

  it('has checks for a store of one’s own', async () => {
    const code = `
      import { MemoryUsers } from 'resip/stack'
      const store = new MemoryUsers([{ username: 'bob', realm: 'example.com', secret: { 'SHA-256': '${'0'.repeat(64)}' } }])
      ${store.replace("import { test } from 'node:test'", 'const test = (title, run) => run().then(() => console.log("ok"), () => console.log("not ok"))')}`
    // the secret is another than the one that the store is said to hold
    expect(await run(code)).toContain('not ok\n')
  })
})
