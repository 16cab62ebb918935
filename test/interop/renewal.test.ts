import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Flow, type Protocol, type Uri, uri } from 'resip/stack'
import { StatelessProxy } from 'resip/stateless-proxy'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type TestCertificates, testCertificates } from '../net/test-certificates.ts'
import { atTransport, CallParty, type MadeCall, type TakenCall } from '../peers/call-party.ts'
import { Child } from '../peers/child.ts'
import { freePort } from '../peers/ports.ts'

const PARTIES = 10
const CALLS_EACH = 5

let certificates: TestCertificates
let folder = ''
const closers: (() => unknown)[] = []

beforeAll(async () => {
  certificates = await testCertificates()
  folder = mkdtempSync(join(tmpdir(), 'resip-renewal-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

/** Trusts the authorities of both certificates, the old and the new one. */
function trust(): string[] {
  return [certificates.ca.certificate, certificates.otherCa.certificate]
}

async function party(protocol: Protocol, isClient: boolean): Promise<CallParty> {
  const made = await CallParty.start(
    protocol,
    '127.0.0.1',
    { certificates: [certificates.right], ca: trust() },
    isClient,
  )
  closers.push(() => made.close())
  return made
}

interface Up {
  readonly caller: CallParty
  readonly callee: CallParty
  readonly made: MadeCall
  readonly taken: TakenCall
}

async function up(caller: CallParty, callee: CallParty, nextHop: Uri): Promise<Up> {
  const made = await caller.call(callee.at('sip'), { nextHop })
  return { caller, callee, made, taken: await callee.taken(made.end.callId) }
}

/** Callers without a listener, several calls each over the one connection that it makes. */
async function callsOver(protocol: Protocol, callee: CallParty, nextHop: Uri): Promise<Up[]> {
  const calls: Promise<Up>[] = []
  for (let made = 0; made < PARTIES; made++) {
    const caller = await party(protocol, true)
    for (let count = 0; count < CALLS_EACH; count++) calls.push(up(caller, callee, nextHop))
  }
  return Promise.all(calls)
}

/** Every second one from the callee, for which the proxy needs the caller's own connection. */
function hungUp(calls: readonly Up[]): Promise<number[]> {
  return Promise.all(
    calls.map(({ caller, callee, made, taken }, at) =>
      at % 2 === 0 ? caller.hangUp(made.end) : callee.hangUp(taken.end),
    ),
  )
}

/** The flows that a party loses from now on. */
function lostFlows(parties: Iterable<CallParty>): Flow[] {
  const lost: Flow[] = []
  for (const { stack } of parties)
    stack.addUser({ accepts: () => false, onRequest() {}, onFlowFailed: flow => lost.push(flow) })
  return lost
}

describe('RFC 5922 §7.5 100 calls are up over TLS and WSS', () => {
  test('certificates are renewed and a listener is added: none is lost, and new connections get the new certificate', async () => {
    const proxy = await StatelessProxy.start({
      listen: ['tls:127.0.0.1:0', 'wss:127.0.0.1:0'],
      relay: true,
      stack: { tls: { certificates: [certificates.right], ca: trust() } },
    })
    closers.push(() => proxy.close())
    const at = (protocol: Protocol, nth: number = 0): Uri => {
      const found = proxy.stack.transports.filter(transport => transport.protocol === protocol)[nth]
      return uri(atTransport('sip', `127.0.0.1:${found?.local.port}`, protocol))
    }
    const [overTls, overWss] = [await party('TLS', false), await party('WSS', false)]
    const calls = [
      ...(await callsOver('TLS', overWss, at('TLS'))),
      ...(await callsOver('WSS', overTls, at('WSS'))),
    ]
    expect(calls).toHaveLength(100)
    const callers = new Set(calls.map(({ caller }) => caller))
    const lost = lostFlows([...callers, overTls, overWss])

    proxy.stack.updateTls({ certificates: [certificates.foreign] })
    await proxy.stack.listen('tls:127.0.0.1:0')

    // who trusts the new authority alone gets in, by the old listener and by the new one, and who trusts the old does not
    const modern = await CallParty.start('TLS', '127.0.0.1', { ca: certificates.otherCa.certificate }, true)
    const dated = await CallParty.start('TLS', '127.0.0.1', { ca: certificates.ca.certificate }, true)
    closers.push(
      () => modern.close(),
      () => dated.close(),
    )
    const late = [await up(modern, overTls, at('TLS', 0)), await up(modern, overTls, at('TLS', 1))]
    await expect(up(dated, overTls, at('TLS', 0))).rejects.toThrow()

    expect(lost).toEqual([])
    expect(await hungUp([...calls, ...late])).toEqual([...calls, ...late].map(() => 200))
    expect(lost).toEqual([])
  })

  test('resip proxy reads its certificates anew when it is told to (SIGHUP); what cannot be used changes nothing', async () => {
    const file = (name: string, text: string): string => {
      writeFileSync(join(folder, name), text, { mode: 0o600 })
      return join(folder, name)
    }
    const show = ({ certificate, key }: { certificate: string; key: string }): string[] => [
      ...['--certificate', file('certificate.pem', certificate)],
      ...['--key', file('key.pem', key)],
    ]
    const port = await freePort('127.0.0.1')
    const program = fileURLToPath(new URL('../../dist/apps/resip/main.js', import.meta.url))
    const flags = [...show(certificates.right), '--ca', file('ca.pem', trust().join('\n'))]
    const proxy = await Child.start(process.execPath, [
      program,
      'proxy',
      '--listen',
      `tls:127.0.0.1:${port}`,
      ...flags,
    ])
    closers.push(() => proxy.stop())
    await proxy.says('listens on')
    const nextHop = uri(`sip:127.0.0.1:${port};transport=tls`)
    const [caller, callee] = [await party('TLS', true), await party('TLS', false)]
    const call = await up(caller, callee, nextHop)

    file('key.pem', certificates.foreign.key)
    proxy.kill('SIGHUP')
    await expect.poll(() => proxy.complaint).toContain('certificates stay as they are: the key does not fit')
    show(certificates.foreign)
    proxy.kill('SIGHUP')
    await proxy.says('has read its certificates anew')

    const modern = await CallParty.start('TLS', '127.0.0.1', { ca: certificates.otherCa.certificate }, true)
    closers.push(() => modern.close())
    expect(await hungUp([call, await up(modern, callee, nextHop)])).toEqual([200, 200])
  })
})
