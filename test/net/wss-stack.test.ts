import { request, SipStack, type TlsOptions } from 'resip/stack'
import { afterEach, beforeAll, expect, test } from 'vitest'
import { type TestCertificates, testCertificates } from './test-certificates.ts'

/** WSS between stacks of ours: what TLS does for it (RFC 7118 §7, RFC 5922 §7). */
let certificates: TestCertificates
const stacks: SipStack[] = []

beforeAll(async () => {
  certificates = await testCertificates()
}, 60_000)

afterEach(async () => {
  await Promise.all(stacks.splice(0).map(stack => stack.close()))
})

async function listening(point: string, tls: TlsOptions): Promise<SipStack> {
  const stack = new SipStack({ tls: { ca: certificates.ca.certificate, ...tls } })
  stacks.push(stack)
  await stack.listen(point)
  return stack
}

/** A server, and what the clients that it answered have proved. */
async function serving(host: string, tls: TlsOptions): Promise<{ stack: SipStack; proved: string[][] }> {
  const stack = await listening(`wss:${host}:0`, { certificates: [certificates.right], ...tls })
  const proved: string[][] = []
  stack.onRequest(transaction => {
    const { source } = transaction.request
    if (source) proved.push([...stack.peerDomains(source)])
    transaction.respond(200)
  })
  return { stack, proved }
}

async function asked(client: SipStack, server: SipStack, host: string): Promise<number | string> {
  const uri = `sips:${host}:${server.transports[0]?.local.port};transport=ws`
  return client.request(request('OPTIONS', uri, { from: 'sip:alice@example.com' })).then(
    ({ status }) => status,
    (error: Error) => error.message,
  )
}

test.each(['127.0.0.1', '[::1]'])('a client over %s proves who it is by its certificate', async host => {
  const { stack, proved } = await serving(host, { clientCertificates: 'require' })
  const client = await listening(`wss:${host};client`, { certificates: [certificates.client] })
  expect(await asked(client, stack, host)).toBe(200)
  expect(proved).toEqual([['client.example', '127.0.0.1']])
})

test.each(['none', 'foreign', 'expired'] as const)(
  'one with a certificate of %s is not let in',
  async which => {
    const { stack } = await serving('127.0.0.1', { clientCertificates: 'require' })
    const shown = which === 'none' ? [] : [certificates[which]]
    const client = await listening('wss:127.0.0.1;client', { certificates: shown })
    expect(await asked(client, stack, '127.0.0.1')).toMatch(/transport error/)
    expect(stack.counters.failedHandshakes).toBe(1)
  },
)

test('a request for a certificate may be left unanswered, and one that nobody trusts proves nothing', async () => {
  const { stack, proved } = await serving('127.0.0.1', { clientCertificates: 'request' })
  for (const shown of [[], [certificates.foreign]]) {
    const client = await listening('wss:127.0.0.1;client', { certificates: shown })
    expect(await asked(client, stack, '127.0.0.1')).toBe(200)
  }
  expect(proved).toEqual([[], []])
})

test('new certificates are for new connections, and those that are up stay', async () => {
  const { stack } = await serving('127.0.0.1', {})
  const early = await listening('wss:127.0.0.1;client', {})
  expect(await asked(early, stack, '127.0.0.1')).toBe(200)
  stack.updateTls({ certificates: [certificates.wrongName] })
  expect(await asked(early, stack, '127.0.0.1')).toBe(200)
  const late = await listening('wss:127.0.0.1;client', {})
  expect(await asked(late, stack, '127.0.0.1')).toMatch(/ERR_TLS_IDENTITY/)
  stack.updateTls({ certificates: [certificates.right], clientCertificates: 'require' })
  expect(await asked(late, stack, '127.0.0.1')).toMatch(/transport error/)
  late.updateTls({ certificates: [certificates.client] })
  expect(await asked(late, stack, '127.0.0.1')).toBe(200)
})
