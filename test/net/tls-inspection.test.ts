import { createServer } from 'node:net'
import { inspectTls, SipStack, TlsContexts, type TlsOptions } from 'resip/stack'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type TestCertificates, testCertificates } from './test-certificates.ts'

let certificates: TestCertificates
const closers: (() => unknown)[] = []

beforeAll(async () => {
  certificates = await testCertificates(['sip.example.com'])
}, 60_000)
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})

async function serving(tls: TlsOptions): Promise<number> {
  const stack = new SipStack({ tls })
  closers.push(() => stack.close())
  await stack.listen('tls:127.0.0.1:0')
  return stack.transports[0]?.local.port ?? 0
}

const contexts = (): TlsContexts => new TlsContexts({ ca: certificates.ca.certificate })

describe('RFC 5922 §7 what a TLS server shows', () => {
  test('chain, names and validity of one that is trusted', async () => {
    const port = await serving({ certificates: [certificates.right] })
    const seen = await inspectTls({
      address: '127.0.0.1',
      port,
      serverName: 'sip.example.com',
      contexts: contexts(),
    })
    expect(seen.refusals).toEqual([])
    expect(seen.version).toBe('TLSv1.3')
    const [leaf, authority] = seen.chain
    expect(leaf?.subject).toContain('CN=localhost')
    expect(leaf?.issuer).toBe(authority?.subject)
    expect(leaf?.names).toContain('sip.example.com')
    expect(Math.round(((leaf?.notAfter ?? 0) - Date.now()) / 86_400_000)).toBe(1)
    expect(seen.chain).toHaveLength(2)
  })

  test.each([
    ['wrongName', ['ERR_TLS_IDENTITY']],
    ['expired', ['CERT_HAS_EXPIRED']],
    ['notYetValid', ['CERT_NOT_YET_VALID']],
    ['selfSigned', ['DEPTH_ZERO_SELF_SIGNED_CERT']],
    ['foreign', ['UNABLE_TO_VERIFY_LEAF_SIGNATURE']],
  ] as const)('%s is shown all the same, and why it is refused: %j', async (which, codes) => {
    const port = await serving({ certificates: [certificates[which]] })
    const seen = await inspectTls({ address: '127.0.0.1', port, contexts: contexts() })
    expect(seen.refusals.map(({ code }) => code)).toEqual(codes)
    expect(seen.chain.length).toBeGreaterThan(0)
  })

  test('rejects where nobody listens, where TLS is not spoken, and in time where nothing is said', async () => {
    const silent = createServer()
    await new Promise<void>(resolve => silent.listen(0, '127.0.0.1', resolve))
    closers.push(() => silent.close())
    const address = silent.address()
    const port = address !== null && typeof address === 'object' ? address.port : 0
    const look = (at: number): Promise<unknown> =>
      inspectTls({ address: '127.0.0.1', port: at, contexts: contexts(), timeout: 100 })
    await expect(look(port)).rejects.toMatchObject({ code: 'ETIMEDOUT' })
    silent.on('connection', socket => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'))
    await expect(look(port)).rejects.toMatchObject({ code: 'ERR_SSL_WRONG_VERSION_NUMBER' })
    await expect(look(1)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  })
})
