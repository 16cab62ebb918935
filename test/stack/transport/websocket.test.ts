import {
  h,
  nameAddr,
  type RequestTemplate,
  request,
  type ServerTransaction,
  SipStack,
  type StackOptions,
} from 'resip/stack'
import { afterEach, describe, expect, test } from 'vitest'
import { testCertificate, testKey } from '../../net/certificate.ts'

/** Two stacks of ours over loop-back, one of them a WebSocket server. */
const stacks: SipStack[] = []
const tls = { certificates: [{ certificate: testCertificate, key: testKey }], ca: testCertificate }

afterEach(async () => {
  await Promise.all(stacks.splice(0).map(stack => stack.close()))
})

async function listening(point: string, options: StackOptions = {}): Promise<SipStack> {
  const stack = new SipStack(options)
  stacks.push(stack)
  await stack.listen(point)
  return stack
}

function portOf(stack: SipStack): number {
  return stack.transports[0]?.local.port ?? 0
}

/** A request whose Contact's host the transport fills in. */
function options(target: string, scheme: string = 'sip'): RequestTemplate {
  const contact = nameAddr(`<${scheme}:alice@a>`)
  const empty = contact.with({ uri: contact.uri.with({ host: '' }) })
  return request('OPTIONS', target, { from: 'sip:alice@example.com', contact: empty })
}

/** What servers hear. */
function hearing(stack: SipStack, status: number = 200): ServerTransaction[] {
  const heard: ServerTransaction[] = []
  stack.onRequest(transaction => {
    heard.push(transaction)
    transaction.respond(status)
  })
  return heard
}

describe('RFC 7118 §5 SIP over WebSocket', () => {
  test.each([
    ['ws', '127.0.0.1', 'sip'],
    ['ws', '[::1]', 'sip'],
    ['wss', '127.0.0.1', 'sips'],
  ])('§5.1, §5.2 %s over %s carries a request of a %s URI and its answer', async (scheme, host, uri) => {
    const server = await listening(`${scheme}:${host}:0`, { tls })
    const heard = hearing(server)
    const client = await listening(`${scheme}:${host};client`, { tls })
    const answer = await client.request(options(`${uri}:${host}:${portOf(server)};transport=ws`))
    expect(answer.status).toBe(200)
    const { via } = heard[0]?.request ?? {}
    expect(via?.transport).toBe(scheme.toUpperCase())
  })

  test('appendix B.1 what only connects writes a host that is nobody’s, the same in all it sends, and another in each stack', async () => {
    const server = await listening('ws:127.0.0.1:0')
    const heard = hearing(server)
    const target = `sip:127.0.0.1:${portOf(server)};transport=ws`
    for (let stack = 0; stack < 2; stack++) {
      const client = await listening('ws:127.0.0.1;client')
      await client.request(options(target))
      await client.request(options(target))
    }
    const vias = heard.map(({ request }) => request.via.host)
    const contacts = heard.map(({ request }) => String(request.get(h.Contact)?.uri))
    for (const host of vias) expect(host).toMatch(/^[a-z0-9]{12}\.invalid$/)
    expect(vias[0]).toBe(vias[1])
    expect(vias[0]).not.toBe(vias[2])
    expect(contacts).toEqual(vias.map(host => `sip:alice@${host};transport=ws`))
  })

  test('§5.2 what listens is named by its address; a sip URI of a secure listener says wss, a sips one ws', async () => {
    const server = await listening('wss:127.0.0.1:0', { tls })
    const heard = hearing(server)
    const client = await listening('wss:127.0.0.1:0', { tls })
    const place = `127.0.0.1:${portOf(server)}`
    await client.request(options(`sip:${place};transport=wss`))
    await client.request(options(`sips:${place};transport=ws`, 'sips'))
    expect(heard.map(({ request }) => String(request.get(h.Contact)?.uri))).toEqual([
      `sip:alice@127.0.0.1:${portOf(client)};transport=wss`,
      `sips:alice@127.0.0.1:${portOf(client)};transport=ws`,
    ])
  })

  test('§5 a request goes the other way over the connection that the client made', async () => {
    const server = await listening('ws:127.0.0.1:0')
    const heard = hearing(server)
    const client = await listening('ws:127.0.0.1;client')
    const asked = hearing(client, 486)
    await client.request(options(`sip:127.0.0.1:${portOf(server)};transport=ws`))
    const flow = heard[0]?.request.source
    const contact = heard[0]?.request.get(h.Contact)?.uri
    const answer = await server.request(options(String(contact)), flow && { flow })
    expect(answer.status).toBe(486)
    expect(asked[0]?.request.source?.protocol).toBe('WS')
  })

  test('§5.3 a response whose connection is gone makes no new one', async () => {
    const server = await listening('ws:127.0.0.1:0')
    let answer: () => void = () => {}
    const asked = new Promise<void>(resolve => {
      server.onRequest(transaction => {
        answer = () => void transaction.respond(200)
        resolve()
      })
    })
    // a client that says where it can be reached, and can be
    const client = await listening('ws:127.0.0.1:0')
    const failed = client
      .request(options(`sip:127.0.0.1:${portOf(server)};transport=ws`))
      .catch(() => 'failed')
    await asked
    await client.close()
    await failed
    const [transport] = server.transports
    await expect.poll(() => transport).toMatchObject({ connections: 0 })
    answer()
    expect(transport).toMatchObject({ connections: 0 })
  })

  test('nothing listens: the request fails at once', async () => {
    const gone = await listening('ws:127.0.0.1:0')
    const port = portOf(gone)
    await gone.close()
    const client = await listening('ws:127.0.0.1;client')
    await expect(client.request(options(`sip:127.0.0.1:${port};transport=ws`))).rejects.toThrow(
      'transport error',
    )
  })

  test.each(['tcp', 'tls'])('%s can do without a listener, and a certificate, too', async scheme => {
    const server = await listening(`${scheme}:127.0.0.1:0`, { tls })
    const heard = hearing(server)
    const client = await listening(`${scheme}:127.0.0.1;client`, { tls: { ca: testCertificate } })
    await client.request(options(`sip:127.0.0.1:${portOf(server)};transport=${scheme}`))
    expect(heard[0]?.request.via.host).toMatch(/\.invalid$/)
  })

  test('UDP connects to nobody', async () => {
    await expect(listening('udp:127.0.0.1;client')).rejects.toThrow('UDP does not connect')
  })
})
