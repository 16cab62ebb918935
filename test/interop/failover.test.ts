import { createSocket, type Socket as UdpSocket } from 'node:dgram'
import { createServer, type Server } from 'node:net'
import { nameAddr, request, type ServerTransaction, SipStack, type StackOptions } from 'resip/stack'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { Named } from '../peers/named.ts'

let named: Named
let deaf: UdpSocket
let gone: number
let server: SipStack
let port: number
const clients: SipStack[] = []

/** A port of 127.0.0.1 where nobody listens: it was free a moment ago. */
async function unusedPort(): Promise<number> {
  const listener: Server = createServer()
  await new Promise<void>(resolve => listener.listen(0, '127.0.0.1', resolve))
  const address = listener.address()
  await new Promise(resolve => listener.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('a port expected')
  return address.port
}

beforeAll(async () => {
  deaf = createSocket('udp4')
  await new Promise<void>(resolve => deaf.bind(0, '127.0.0.1', resolve))
  gone = await unusedPort()
  server = new SipStack()
  await server.listen('udp:127.0.0.1:0')
  port = server.transports[0]?.local.port ?? 0
  await server.listen(`tcp:127.0.0.1:${port}`)
  server.onRequest((transaction: ServerTransaction) => {
    const { request } = transaction
    if (request.method === 'INVITE') transaction.respond(180)
    transaction.respond(200)
  })
  named = await Named.start({
    'call.test': `
@          NAPTR 10 10 "s" "SIP+D2T" "" _sip._tcp
@          NAPTR 10 20 "s" "SIP+D2U" "" _sip._udp
_sip._tcp  SRV 1 0 ${gone} host
_sip._tcp  SRV 2 0 ${port} host
_sip._udp  SRV 1 0 ${deaf.address().port} host
_sip._udp  SRV 2 0 ${port} host
refused    NAPTR 10 10 "s" "SIP+D2U" "" _sip._udp.refused
_sip._udp.refused SRV 1 0 ${gone} host
_sip._udp.refused SRV 2 0 ${port} host
host       A 127.0.0.1
`,
    'number.test': `0.3.9.4 NAPTR 10 10 "u" "E2U+sip" "!^\\\\+(.*)$!sip:\\\\1@call.test!" .`,
  })
})

afterEach(async () => {
  await Promise.all(clients.splice(0).map(client => client.close()))
})

afterAll(async () => {
  deaf?.close()
  await server?.close()
  await named?.stop()
})

async function client(options: StackOptions = {}): Promise<SipStack> {
  const stack = new SipStack({ dns: { servers: [named.server], hosts: false }, ...options })
  clients.push(stack)
  await stack.listen('udp:127.0.0.1:0', 'tcp:127.0.0.1:0')
  return stack
}

/** Calls; answers the status, the milliseconds it took and how often a next target was tried. */
function call(stack: SipStack, target: string): Promise<{ status: number; took: number; nexts: number }> {
  const began = performance.now()
  const invite = request('INVITE', target, {
    from: '<sip:alice@example.com>',
    contact: nameAddr('<sip:alice@127.0.0.1>'),
  })
  let nexts = 0
  return new Promise((resolve, reject) => {
    stack.send(invite, {
      onFinal: ({ status }) => resolve({ status, took: performance.now() - began, nexts }),
      onFailure: reject,
      onTarget: () => void nexts++,
    })
  })
}

describe('RFC 3263 §4.3 by a real name server: the first SRV member is dead, and the call succeeds by the second', () => {
  it('over TCP at once, where it is refused', async () => {
    const { status, took, nexts } = await call(await client(), 'sip:bob@call.test')
    expect([status, nexts]).toEqual([200, 1])
    expect(took).toBeLessThan(2000)
  })

  it('over UDP within the set time, where it is silent', async () => {
    const stack = await client({ timing: { t1: 100 } })
    const { status, took, nexts } = await call(stack, 'sip:bob@call.test;transport=udp')
    expect([status, nexts]).toEqual([200, 1])
    expect(took).toBeGreaterThan(790)
    expect(took).toBeLessThan(4000)
    // and the next call does not wait for it
    expect((await call(stack, 'sip:bob@call.test;transport=udp')).took).toBeLessThan(790)
  })

  it('over UDP at once with udpErrors, where the port is unreachable', async () => {
    const { status, took, nexts } = await call(await client({ udpErrors: true }), 'sip:bob@refused.call.test')
    expect([status, nexts]).toEqual([200, 1])
    expect(took).toBeLessThan(2000)
  })

  it('a number leads there too (RFC 6116)', async () => {
    const stack = await client({ locator: { enum: { domain: 'number.test' } } })
    expect((await call(stack, 'tel:+4930')).status).toBe(200)
  })

  it('stack.locate says why', async () => {
    const found = await (await client()).locate('sip:call.test')
    expect(found.map(({ target, why }) => [target.protocol, target.port, why.split(' → ').length])).toEqual([
      ['TCP', gone, 3],
      ['TCP', port, 3],
      ['UDP', deaf.address().port, 3],
      ['UDP', port, 3],
    ])
  })
})
