import { request, SipStack, type StackOptions } from 'resip/stack'
import { afterEach, describe, expect, it } from 'vitest'
import { testCertificate, testKey } from './certificate.ts'

const stacks: SipStack[] = []

afterEach(async () => {
  await Promise.all(stacks.splice(0).map(stack => stack.close()))
})

async function listening(point: string, options: StackOptions): Promise<SipStack> {
  const stack = new SipStack(options)
  stacks.push(stack)
  await stack.listen(point)
  return stack
}

describe('SIP over TLS, RFC 3261 §26.3.1', () => {
  it('carries a request and its answer over a loop-back address', async () => {
    const tls = { certificates: [{ certificate: testCertificate, key: testKey }], ca: testCertificate }
    const server = await listening('tls:127.0.0.1:0', { tls })
    server.onRequest(transaction => transaction.respond(200))
    const client = await listening('tls:127.0.0.1:0', { tls })
    const port = server.transports[0]?.local.port
    const uri = `sip:127.0.0.1:${port};transport=tls`
    const from = 'sip:alice@example.com'
    const answer = await client.request(request('OPTIONS', uri, { from }))
    expect(answer.status).toBe(200)
  })
})
