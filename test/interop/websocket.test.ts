import {
  type Flow,
  h,
  request,
  type ServerTransaction,
  type SipRequest,
  SipStack,
  type TlsOptions,
  uri,
} from 'resip/stack'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { type TestCertificates, testCertificates } from '../net/test-certificates.ts'
import { KamailioWebSocket } from './peers/kamailio-websocket.ts'

let certificates: TestCertificates
let kamailio: KamailioWebSocket
const stacks: SipStack[] = []

beforeAll(async () => {
  certificates = await testCertificates()
  const { right, ca } = certificates
  kamailio = await KamailioWebSocket.start({ ...right, ca: ca.certificate })
})

afterAll(() => kamailio?.stop())

afterEach(async () => {
  await Promise.all(stacks.splice(0).map(stack => stack.close()))
})

async function listening(point: string, tls: TlsOptions = {}): Promise<SipStack> {
  const stack = new SipStack({ tls })
  stacks.push(stack)
  await stack.listen(point)
  return stack
}

function trusting(): TlsOptions {
  return { ca: certificates.ca.certificate }
}

function serving(): TlsOptions {
  const { certificate, key } = certificates.right
  return { certificates: [{ certificate, key }], ...trusting() }
}

/** A registrar of one binding, which takes messages too. */
class Registrar {
  flow: Flow | undefined
  contact = ''
  readonly messages: string[] = []

  onRequest(transaction: ServerTransaction): void {
    const { request } = transaction
    if (request.method === 'REGISTER') this.#register(transaction, request)
    else {
      this.messages.push(request.body.toString())
      transaction.respond(200)
    }
  }

  #register(transaction: ServerTransaction, request: SipRequest): void {
    const contact = request.get(h.Contact)
    this.flow = request.source
    this.contact = String(contact?.uri ?? '')
    const answer = transaction.response(200)
    answer.set(h.Expires, 60)
    if (contact !== undefined) answer.set(h.Contact, contact)
    transaction.respond(answer)
  }
}

describe.each(['ws', 'wss'])('JsSIP in Node over %s, RFC 7118 §8.1', scheme => {
  test('registers, sends a MESSAGE and gets one over the connection it made', async () => {
    const stack = await listening(`${scheme}:127.0.0.1:0`, serving())
    const registrar = new Registrar()
    stack.onRequest(transaction => registrar.onRequest(transaction))
    const ca = certificates.ca.certificate
    class Trusting extends WebSocket {
      constructor(url: string, protocols: string) {
        super(url, protocols, { ca })
      }
    }
    Object.assign(globalThis, { WebSocket: Trusting })
    const { default: JsSIP } = await import('jssip')
    const port = stack.transports[0]?.local.port
    const agent = new JsSIP.UA({
      sockets: [new JsSIP.WebSocketInterface(`${scheme}://127.0.0.1:${port}`)],
      uri: 'sip:alice@127.0.0.1',
      register: true,
    })
    const heard: string[] = []
    const registered = new Promise<void>((resolve, reject) => {
      agent.on('registered', () => resolve())
      agent.on('registrationFailed', ({ cause }) => reject(new Error(String(cause))))
    })
    agent.on(
      'newMessage',
      (told: { readonly originator: string; readonly request: { readonly body: unknown } }) => {
        if (told.originator === 'remote') heard.push(String(told.request.body))
      },
    )
    agent.start()
    try {
      await registered
      expect(registrar.contact).toMatch(/^sip:[^@]+@[a-z0-9]+\.invalid;transport=ws$/)
      await new Promise<void>((resolve, reject) => {
        agent.sendMessage('sip:bob@127.0.0.1', 'grüße', {
          eventHandlers: { succeeded: () => resolve(), failed: () => reject(new Error('no answer')) },
        })
      })
      expect(registrar.messages).toEqual(['grüße'])
      const { flow } = registrar
      const message = request('MESSAGE', registrar.contact, { from: 'sip:bob@127.0.0.1' })
      message.setBody('text/plain', Buffer.from('zurück'))
      expect((await stack.request(message, flow && { flow })).status).toBe(200)
      expect(heard).toEqual(['zurück'])
    } finally {
      agent.stop()
    }
  })
})

describe('Kamailio over WebSocket', () => {
  const from = 'sip:alice@example.com'

  test.each([
    ['ws', 'sip'],
    ['wss', 'sips'],
  ])('%s: answers an OPTIONS of a client that cannot be connected to', async (scheme, uriScheme) => {
    const client = await listening(`${scheme}:127.0.0.1;client`, trusting())
    const port = scheme === 'ws' ? kamailio.wsPort : kamailio.wssPort
    const target = `${uriScheme}:127.0.0.1:${port};transport=ws`
    expect((await client.request(request('OPTIONS', target, { from }))).status).toBe(200)
  })

  test.each(['ws', 'wss'])(
    '%s: as next hop sends a request on to us over UDP, and our answer back',
    async scheme => {
      const client = await listening(`${scheme}:127.0.0.1;client`, trusting())
      const callee = await listening('udp:127.0.0.1:0')
      const heard: SipRequest[] = []
      callee.onRequest(transaction => {
        heard.push(transaction.request)
        transaction.respond(486)
      })
      const port = scheme === 'ws' ? kamailio.wsPort : kamailio.wssPort
      const nextHop = uri(`sip:127.0.0.1:${port};transport=${scheme}`)
      const target = `sip:bob@127.0.0.1:${callee.transports[0]?.local.port}`
      const answer = await client.request(request('MESSAGE', target, { from }), { nextHop })
      expect(answer.status).toBe(486)
      expect(heard[0]?.all(h.Via).map(({ transport }) => transport)).toEqual(['UDP', scheme.toUpperCase()])
    },
  )

  test('RFC 7118 §9.1 a server of an authority that nobody trusts gets nothing', async () => {
    const client = await listening('wss:127.0.0.1;client', { ca: certificates.otherCa.certificate })
    const target = `sips:127.0.0.1:${kamailio.wssPort};transport=ws`
    await expect(client.request(request('OPTIONS', target, { from }))).rejects.toThrow('transport error')
  })

  test('pings keep the connection, which Kamailio answers (RFC 6455 §5.5.3)', async () => {
    const client = new SipStack({ websocket: { pingInterval: 100, pongTimeout: 1000 } })
    stacks.push(client)
    await client.listen('ws:127.0.0.1;client')
    const target = `sip:127.0.0.1:${kamailio.wsPort};transport=ws`
    await client.request(request('OPTIONS', target, { from }))
    await new Promise(resolve => setTimeout(resolve, 1500))
    expect(client.counters.lostPongs).toBe(0)
    expect(client.transports[0]).toMatchObject({ connections: 1 })
  })
})
