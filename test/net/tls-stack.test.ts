import { readFileSync } from 'node:fs'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { connect as connectPlain } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, type TLSSocket } from 'node:tls'
import {
  h,
  type Log,
  nameAddr,
  RequestFailure,
  type Resolver,
  register,
  request,
  SipStack,
  type StackOptions,
  type TlsOptions,
  type Transport,
  UsageError,
} from 'resip/stack'
import { afterEach, beforeAll, describe, expect, it, test } from 'vitest'
import { issueCertificate } from '../../src/net/certificates.ts'
import { TlsContexts } from '../../src/net/tls-contexts.ts'
import { testCertificate, testKey } from './certificate.ts'
import { type TestCertificates, testCertificates } from './test-certificates.ts'

let certificates: TestCertificates
const closers: (() => unknown)[] = []
/** What the last flow of a stack failed for. */
const failures = new WeakMap<SipStack, string>()

beforeAll(async () => {
  certificates = await testCertificates(['example.com'])
}, 60_000)

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

async function listening(
  tls: TlsOptions,
  address = '127.0.0.1',
  options: StackOptions = {},
): Promise<SipStack> {
  const stack = new SipStack({ tls, ...options })
  closers.push(() => stack.close())
  stack.addUser({
    accepts: () => false,
    onRequest() {},
    onFlowFailed: (_, error) => void failures.set(stack, error?.code ?? 'closed'),
  })
  await stack.listen(address.includes(':') ? `tls:[${address}]:0` : `tls:${address}:0`)
  return stack
}

async function serving(tls: TlsOptions, address?: string, options?: StackOptions): Promise<SipStack> {
  const stack = await listening(tls, address, options)
  stack.onRequest(transaction => transaction.respond(200))
  return stack
}

function transportOf(stack: SipStack): Transport {
  const [transport] = stack.transports
  if (transport === undefined) throw new Error('no transport is open')
  return transport
}

/** Sends an OPTIONS; answers the status, or the code of what its flow failed for. */
async function asked(client: SipStack, server: SipStack, host?: string): Promise<number | string> {
  const { address, port } = transportOf(server).local
  const uri = `sip:${host ?? (address.includes(':') ? `[${address}]` : address)}:${port};transport=tls`
  try {
    return (await client.request(request('OPTIONS', uri, { from: 'sip:alice@example.com' }))).status
  } catch (error) {
    if (!(error instanceof RequestFailure)) throw error
    return failures.get(client) ?? error.message
  }
}

/** Looks names up at 127.0.0.1. */
const dns: Resolver = {
  naptr: () => [],
  srv: () => [],
  addresses: (_, family) => (family === 4 ? ['127.0.0.1'] : []),
  close() {},
}

class Lines implements Log {
  text = ''

  enabled(): boolean {
    return true
  }

  write(_level: string, _area: string, text: string): void {
    this.text += `${text}\n`
  }
}

async function until(done: () => boolean): Promise<void> {
  while (!done()) await new Promise(resolve => setImmediate(resolve))
}

/** A bare TLS client; resolves when it is up, or with the code of its failure. */
function bare(port: number, options: object = {}): Promise<TLSSocket | string> {
  return new Promise(resolve => {
    const socket = connect({ host: '127.0.0.1', port, ca: certificates.ca.certificate, ...options })
    closers.push(() => socket.destroy())
    socket.once('secureConnect', () => resolve(socket))
    socket.on('error', error => resolve('code' in error ? String(error.code) : error.message))
  })
}

describe('SIP over TLS, RFC 3261 §26.3.1', () => {
  test.each(['127.0.0.1', '::1'])('carries requests and answers at %s', async address => {
    const tls = { certificates: [certificates.right], ca: certificates.ca.certificate }
    const server = await serving(tls, address)
    const client = await listening(tls, address)
    expect(await asked(client, server)).toBe(200)
  })

  it('takes EC certificates as RSA ones', async () => {
    const tls = { certificates: [{ certificate: testCertificate, key: testKey }], ca: testCertificate }
    expect(await asked(await listening(tls), await serving(tls))).toBe(200)
  })

  it('is 1.2 at least: a client of 1.1 is refused and counted', async () => {
    const server = await serving({ certificates: [certificates.right] })
    const { port } = transportOf(server).local
    const old = { maxVersion: 'TLSv1.1', minVersion: 'TLSv1', ciphers: 'DEFAULT@SECLEVEL=0' }
    expect(await bare(port, old)).toMatch(/PROTOCOL_VERSION|UNSUPPORTED_PROTOCOL/)
    expect(server.counters.failedHandshakes).toBe(1)
  })

  it('gives a hand-shake its time and no more, and bounds how many are under way', async () => {
    const server = await serving({
      certificates: [certificates.right],
      handshakeTimeout: 300,
      maxHandshakes: 1,
    })
    const { port } = transportOf(server).local
    const silent = [connectPlain(port, '127.0.0.1'), connectPlain(port, '127.0.0.1')]
    const ends = silent.map(
      socket => new Promise<number>(resolve => socket.once('close', () => resolve(performance.now()))),
    )
    for (const socket of silent) socket.on('error', () => {}).resume()
    const [one = 0, other = 0] = await Promise.all(ends)
    // the second one is closed at once, the first after its time
    expect(Math.abs(one - other)).toBeGreaterThan(150)
    expect(server.counters.failedHandshakes).toBe(2)
    expect(await bare(port)).toBeTypeOf('object')
  })
})

describe('the certificate of a server, RFC 5922 §7.3', () => {
  test.each([
    ['right', 200],
    ['wrongName', 'ERR_TLS_IDENTITY'],
    ['expired', 'CERT_HAS_EXPIRED'],
    ['notYetValid', 'CERT_NOT_YET_VALID'],
    ['selfSigned', 'DEPTH_ZERO_SELF_SIGNED_CERT'],
    ['foreign', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
  ] as const)('%s: %s', async (which, outcome) => {
    const server = await serving({ certificates: [certificates[which]] })
    const client = await listening({ certificates: [certificates.client], ca: certificates.ca.certificate })
    expect(await asked(client, server)).toBe(outcome)
    expect(client.counters.flowFailures).toBe(outcome === 200 ? 0 : 1)
  })

  it('must bear the domain that was asked for, whatever address it led to', async () => {
    const server = await serving({ certificates: [certificates.right] })
    const client = await listening(
      { certificates: [certificates.client], ca: certificates.ca.certificate },
      undefined,
      { dns },
    )
    expect(await asked(client, server, 'example.com')).toBe(200)
    expect(await asked(client, server, 'other.example')).toBe('ERR_TLS_IDENTITY')
  })

  it('has no wildcards, but for a peer where that was asked for as unsafe', async () => {
    const server = await serving({ certificates: [certificates.wrongName] })
    const lax = { unsafeWildcards: true }
    const peers = (name: string) => (name === 'a.wrong.example' ? lax : undefined)
    const tls = { certificates: [certificates.client], ca: certificates.ca.certificate, peers }
    const client = await listening(tls, undefined, { dns })
    expect(await asked(client, server, 'a.wrong.example')).toBe(200)
    expect(await asked(client, server, 'b.wrong.example')).toBe('ERR_TLS_IDENTITY')
  })
})

describe('the certificate of a client, RFC 5922 §7.4', () => {
  const outcomes = [
    ['require', 'client', 200],
    ['require', 'expired', 'showed a certificate that has expired'],
    ['require', 'foreign', 'showed a certificate without those between it and its authority'],
    ['request', 'foreign', 200],
    ['none', 'foreign', 200],
  ] as const
  test.each(outcomes)('%s, %s: %s', async (clientCertificates, which, outcome) => {
    const ca = certificates.ca.certificate
    const log = new Lines()
    const server = await serving({ certificates: [certificates.right], ca, clientCertificates }, undefined, {
      log,
    })
    const client = await listening({ certificates: [certificates[which]], ca })
    const answer = await asked(client, server)
    if (outcome === 200) {
      expect([answer, server.counters.failedHandshakes]).toEqual([200, 0])
      return
    }
    // in TLS 1.3 the client is done before the server has looked at its certificate
    expect(answer).toBeTypeOf('string')
    await until(() => server.counters.failedHandshakes === 1)
    expect(log.text).toContain(outcome)
  })

  it('is missed where it is required', async () => {
    const ca = certificates.ca.certificate
    const log = new Lines()
    const tls = { certificates: [certificates.right], ca, clientCertificates: 'require' } as const
    const server = await serving(tls, undefined, { log })
    await bare(transportOf(server).local.port)
    await until(() => server.counters.failedHandshakes === 1)
    expect(log.text).toContain('showed no certificate, and clientCertificates requires one')
  })

  it('tells who its client is, where it is trusted; over the same connection the server asks back (RFC 5923)', async () => {
    const ca = certificates.ca.certificate
    const server = await listening({ certificates: [certificates.right], ca, clientCertificates: 'request' })
    const proved: unknown[] = []
    server.onRequest(transaction => {
      const { source } = transaction.request
      if (source) proved.push(transportOf(server).peerIdentity?.(source), server.peerDomains(source))
      transaction.respond(200)
    })
    const client = await listening({ certificates: [certificates.client], ca })
    client.onRequest(transaction => transaction.respond(202))
    const { port } = transportOf(server).local
    const uri = `sip:127.0.0.1:${port};transport=tls`
    client.send(request('OPTIONS', uri, { from: 'sip:alice@example.com' }), { onFinal() {}, onFailure() {} })
    await until(() => proved.length > 0)
    expect(proved).toEqual(['client.example', ['client.example', '127.0.0.1']])
    expect(await asked(server, client)).toBe(202)
    // nothing was connected for that
    expect(
      [transportOf(server), transportOf(client)].map(each => 'connections' in each && each.connections),
    ).toEqual([1, 1])
  })
})

describe('certificates of several domains, and new ones', () => {
  it('chooses by the name that the client asks for (SNI, RFC 6066 §3)', async () => {
    const { right, wrongName } = certificates
    const server = await serving({ certificates: [right, wrongName] })
    const { port } = transportOf(server).local
    const subjectFor = async (servername: string): Promise<string | undefined> => {
      const socket = await bare(port, { servername, checkServerIdentity: () => undefined })
      const certificate = typeof socket === 'string' ? undefined : socket.getPeerCertificate()
      return certificate?.subject.CN as string | undefined
    }
    expect(await subjectFor('wrong.example')).toBe('wrong')
    expect(await subjectFor('x.wrong.example')).toBe('wrong')
    expect(await subjectFor('localhost')).toBe('localhost')
    expect(await subjectFor('unknown.example')).toBe('localhost')
  })

  it('are renewed for both roles without losing a connection', async () => {
    const { ca, otherCa, right, foreign, client: own } = certificates
    const server = await serving({ certificates: [right] })
    const client = await listening({ certificates: [own], ca: ca.certificate })
    expect(await asked(client, server)).toBe(200)
    server.updateTls({ certificates: [foreign] })
    expect(await asked(client, server)).toBe(200)
    const second = await listening({ certificates: [own], ca: ca.certificate })
    expect(await asked(second, server)).toBe('UNABLE_TO_VERIFY_LEAF_SIGNATURE')
    second.updateTls({ ca: otherCa.certificate })
    expect(await asked(second, server)).toBe(200)
    expect(client.counters.flowFailures).toBe(0)
  })

  it('stay as they were where new ones cannot be used, and what is wrong is told without the key', async () => {
    const { right, client } = certificates
    const stack = await serving({ certificates: [right] })
    const update = (certificate: string, key: string) => (): void =>
      stack.updateTls({ certificates: [{ certificate, key }] })
    expect(update(right.certificate, client.key)).toThrow(
      /the key does not fit the certificate of CN=localhost/,
    )
    expect(update('no PEM', right.key)).toThrow(/a certificate cannot be read; PEM is expected/)
    expect(update(right.certificate, right.key.slice(0, 500))).toThrow(
      /^the key of the certificate of CN=localhost cannot/,
    )
    expect(() => stack.updateTls({ ca: 'no PEM' })).toThrow(/a trusted authority cannot be read/)
    expect(() => stack.updateTls({ certificates: [] })).toThrow(/no certificate to show/)
    const damaged = certificates.ca.certificate.replace(/\n[^\r\n]{64}\r\n/, '\n')
    expect(() => stack.updateTls({ ca: damaged })).toThrow(UsageError)
    await expect(listening({})).rejects.toThrow(/no certificate to show; give tls\.certificates/)
    expect(
      await asked(await listening({ certificates: [client], ca: certificates.ca.certificate }), stack),
    ).toBe(200)
  })

  it.each([
    [
      { handshakeTimeout: Number.POSITIVE_INFINITY },
      /tls\.handshakeTimeout is Infinity; milliseconds from 1/,
    ],
    [{ handshakeTimeout: '10s' }, /tls\.handshakeTimeout is 10s/],
    [{ maxHandshakes: Number.NaN }, /tls\.maxHandshakes is NaN; a number/],
    [{ clientCertificates: 'yes' }, /tls\.clientCertificates is yes; none, request or require/],
    [{ peers: {} }, /tls\.peers is .*; a function/],
  ])(
    'that cannot be used are refused when they are given, not by the first peer: %j',
    async (wrong, text) => {
      const stack = await serving({ certificates: [certificates.right] })
      const options = JSON.parse('{}') as TlsOptions
      const refused = Object.assign(options, wrong)
      expect(() => new SipStack({ tls: refused })).toThrow(text)
      expect(() => stack.updateTls(refused)).toThrow(text)
      expect(
        await asked(
          await listening({ certificates: [certificates.right], ca: certificates.ca.certificate }),
          stack,
        ),
      ).toBe(200)
    },
  )

  it('of peers are chosen at once: a promise, and what throws, fails the request and nothing else', async () => {
    const { right, ca } = certificates
    const stack = await serving({ certificates: [right] })
    const rejects: object = { peers: () => Promise.reject(new Error('no')) }
    const throws = () => {
      throw new Error('no')
    }
    for (const wrong of [
      Object.assign<TlsOptions, object>({ certificates: [right] }, rejects),
      { certificates: [right], peers: throws },
    ]) {
      const client = await listening({ ca: ca.certificate, ...wrong })
      expect(await asked(client, stack)).toMatch(/transport error/)
      expect(client.counters.handlerErrors).toBe(1)
    }
  })

  it('of one name and one kind of key: the first is shown, be it asked for by name or not', async () => {
    const { right, wrongName, ca } = certificates
    const other = await issueCertificate({
      name: 'second',
      hosts: ['wrong.example', 'example.com', '127.0.0.1'],
      issuer: ca,
      notBefore: Date.now() - 1000,
      notAfter: Date.now() + 60_000,
    })
    const server = await serving({ certificates: [wrongName, right, other] })
    const { port } = transportOf(server).local
    const shown = async (servername: string): Promise<string | undefined> => {
      const socket = connect({
        port,
        host: '127.0.0.1',
        servername,
        ca: ca.certificate,
        checkServerIdentity: () => undefined,
      })
      closers.push(() => socket.destroy())
      await new Promise((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject))
      return socket.getPeerX509Certificate()?.subject
    }
    expect(await shown('example.com')).toBe('CN=localhost')
    expect(await shown('wrong.example')).toBe('CN=wrong')
    server.updateTls({ certificates: [other, wrongName, right] })
    expect(await shown('wrong.example')).toBe('CN=second')
    expect(await shown('unknown.example')).toBe('CN=second')
  })

  it('of ours that peers will refuse are told in the log: at listening, and when they are taken over', async () => {
    const log = new Lines()
    const { expired, notYetValid, right } = certificates
    const stack = await listening({ certificates: [expired, right] }, '127.0.0.1', { log })
    expect(log.text).toMatch(/our certificate of CN=localhost has expired; renew it/)
    stack.updateTls({ certificates: [notYetValid] })
    expect(log.text).toMatch(/CN=localhost is not valid yet/)
    const before = log.text
    stack.updateTls({ certificates: [right] })
    expect(log.text).toBe(before)
  })

  it('may be a listener’s own', async () => {
    const stack = new SipStack({ tls: { certificates: [certificates.right] } })
    closers.push(() => stack.close())
    const own = new TlsContexts({ certificates: [certificates.wrongName] })
    await stack.listen({ listen: 'tls:127.0.0.1:0', tls: own })
    const { port } = transportOf(stack).local
    expect(await bare(port)).toBe('ERR_TLS_CERT_ALTNAME_INVALID')
    own.update({ certificates: [certificates.right] })
    expect(await bare(port)).toBeTypeOf('object')
  })
})

describe('on request only', () => {
  it('ALPN sip/2 (RFC 7301)', async () => {
    const tls = { certificates: [certificates.right] }
    const offered = async (server: SipStack, ALPNProtocols: string[]): Promise<unknown> => {
      const socket = await bare(transportOf(server).local.port, { ALPNProtocols })
      return typeof socket === 'string' ? socket : socket.alpnProtocol
    }
    expect(await offered(await serving(tls), ['sip/2'])).toBe(false)
    const server = await serving({ ...tls, alpn: true })
    expect(await offered(server, ['http/1.1', 'sip/2'])).toBe('sip/2')
    expect(await offered(server, ['http/1.1'])).toMatch(/NO_APPLICATION_PROTOCOL/)
    const offering = { alpn: true }
    const ca = certificates.ca.certificate
    expect(await asked(await listening({ ...tls, ca, peers: () => offering }), server)).toBe(200)
  })

  it('the secrets of sessions, to a file that others cannot read and to a function', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'resip-keylog-'))
    closers.push(() => rm(folder, { recursive: true, force: true }))
    const keyLog = join(folder, 'keys')
    const lines: string[] = []
    const server = await serving({ certificates: [certificates.right], keyLog })
    const ca = certificates.ca.certificate
    const client = await listening({
      certificates: [certificates.client],
      ca,
      keyLog: line => void lines.push(String(line)),
    })
    expect(await asked(client, server)).toBe(200)
    const throwing = (): never => {
      throw new Error('full')
    }
    expect(
      await asked(await listening({ certificates: [certificates.client], ca, keyLog: throwing }), server),
    ).toBe(200)
    expect(lines.join('')).toContain('CLIENT_TRAFFIC_SECRET_0')
    expect(readFileSync(keyLog, 'latin1')).toContain('CLIENT_TRAFFIC_SECRET_0')
    if (process.platform !== 'win32') expect((await stat(keyLog)).mode & 0o777).toBe(0o600)
  })
})

describe('sips, RFC 5630', () => {
  it('goes over TLS with a sips Contact, and over nothing else', async () => {
    const ca = certificates.ca.certificate
    const server = await listening({ certificates: [certificates.right], ca })
    const contacts: string[] = []
    server.onRequest(transaction => {
      contacts.push(String(transaction.request.get(h.Contact)?.uri))
      transaction.respond(200)
    })
    const client = await listening({ certificates: [certificates.client], ca })
    const registrar = nameAddr(`<sips:alice@127.0.0.1:${transportOf(server).local.port}>`)
    expect((await client.request(register(registrar))).status).toBe(200)
    expect(contacts).toEqual([`sips:alice@127.0.0.1:${transportOf(client).local.port}`])
    const udp = new SipStack()
    closers.push(() => udp.close())
    await udp.listen('udp:127.0.0.1:0')
    await expect(udp.request(register(registrar))).rejects.toThrow(/no way to tls 127\.0\.0\.1/)
  })
})
