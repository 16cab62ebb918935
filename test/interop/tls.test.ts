import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { nameAddr, register, SipStack, type TlsOptions } from 'resip/stack'
import { afterAll, afterEach, beforeAll, describe, expect, it, test } from 'vitest'
import { type TestCertificates, testCertificates } from '../net/test-certificates.ts'
import { installed } from '../peers/installed.ts'

const OPTIONS = [
  'OPTIONS sip:127.0.0.1 SIP/2.0',
  'Via: SIP/2.0/TLS 127.0.0.1:5099;branch=z9hG4bKopenssl',
  'Max-Forwards: 70',
  'From: <sip:openssl@example.com>;tag=1',
  'To: <sip:127.0.0.1>',
  'Call-ID: openssl',
  'CSeq: 1 OPTIONS',
  'Content-Length: 0',
  '',
  '',
].join('\r\n')

let certificates: TestCertificates
let folder = ''
const closers: (() => unknown)[] = []

beforeAll(async () => {
  installed('openssl', 'openssl')
  certificates = await testCertificates(['example.com'])
  folder = mkdtempSync(join(tmpdir(), 'resip-openssl-'))
  for (const [name, { certificate, key }] of Object.entries(certificates)) {
    writeFileSync(join(folder, `${name}.pem`), certificate + key, { mode: 0o600 })
  }
})

afterAll(() => rmSync(folder, { recursive: true, force: true }))

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

type Which = keyof TestCertificates

async function serving(tls: TlsOptions): Promise<{ stack: SipStack; port: number }> {
  const stack = new SipStack({ tls })
  closers.push(() => stack.close())
  await stack.listen('tls:127.0.0.1:0')
  stack.onRequest(transaction => transaction.respond(200))
  return { stack, port: stack.transports[0]?.local.port ?? 0 }
}

/** `openssl` with a word that it says when it is up, or its end. */
class Openssl {
  said = ''
  readonly process: ChildProcess
  #wake: () => void = () => {}
  ended = false

  constructor(...args: readonly string[]) {
    this.process = spawn('openssl', args, { stdio: 'pipe' })
    const hear = (bytes: Buffer): void => {
      this.said += bytes.toString('latin1')
      this.#wake()
    }
    this.process.stdout?.on('data', hear)
    this.process.stderr?.on('data', hear)
    this.process.on('close', () => {
      this.ended = true
      this.#wake()
    })
    closers.push(() => this.process.kill('SIGKILL'))
  }

  say(text: string): void {
    this.process.stdin?.write(text)
  }

  async until(...words: readonly string[]): Promise<void> {
    while (!this.ended && !words.some(word => this.said.includes(word))) {
      await new Promise<void>(resolve => {
        this.#wake = resolve
      })
    }
  }
}

function client(port: number, ...args: readonly string[]): Openssl {
  const trust = ['-CAfile', join(folder, 'ca.pem'), '-verify_return_error', '-quiet', '-ign_eof']
  return new Openssl('s_client', '-connect', `127.0.0.1:${port}`, ...trust, ...args)
}

/** Whether `openssl s_client` got an answer of 200 to its OPTIONS. */
async function answered(peer: Openssl): Promise<boolean> {
  peer.say(OPTIONS)
  await peer.until('SIP/2.0 200')
  return peer.said.includes('SIP/2.0 200')
}

describe('openssl s_client, RFC 5922', () => {
  test.each([
    ['right', true],
    ['wrongName', false],
    ['expired', false],
    ['notYetValid', false],
    ['selfSigned', false],
    ['foreign', false],
  ] as const)('takes our certificate: %s: %s', async (which, accepted) => {
    const { port } = await serving({ certificates: [certificates[which]] })
    expect(await answered(client(port, '-verify_ip', '127.0.0.1'))).toBe(accepted)
  })

  test.each([
    ['client', true],
    ['expired', false],
    ['foreign', false],
    [undefined, false],
  ] as const)('shows us, who require one, the certificate %s: %s', async (which, accepted) => {
    const { stack, port } = await serving({
      certificates: [certificates.right],
      ca: certificates.ca.certificate,
      clientCertificates: 'require',
    })
    const file = join(folder, `${which}.pem`)
    const peer = client(port, ...(which === undefined ? [] : ['-cert', file, '-key', file]))
    expect(await answered(peer)).toBe(accepted)
    expect(stack.counters.failedHandshakes).toBe(accepted ? 0 : 1)
  })

  it('gets the certificate of the name it asks for (SNI)', async () => {
    const { port } = await serving({ certificates: [certificates.right, certificates.wrongName] })
    const names = ['-servername', 'wrong.example', '-verify_hostname', 'wrong.example']
    expect(await answered(client(port, ...names))).toBe(true)
    expect(
      await answered(client(port, '-servername', 'localhost', '-verify_hostname', 'wrong.example')),
    ).toBe(false)
  })

  test.each([
    ['-tls1_1', false],
    ['-tls1_2', true],
    ['-tls1_3', true],
  ] as const)('with %s: %s', async (version, accepted) => {
    const { port } = await serving({ certificates: [certificates.right] })
    expect(await answered(client(port, version, '-cipher', 'DEFAULT@SECLEVEL=0'))).toBe(accepted)
  })

  it('stays connected while certificates are renewed; the next one gets the new', async () => {
    const { stack, port } = await serving({ certificates: [certificates.right] })
    const first = client(port, '-verify_ip', '127.0.0.1')
    expect(await answered(first)).toBe(true)
    stack.updateTls({ certificates: [certificates.foreign] })
    first.said = ''
    expect(await answered(first)).toBe(true)
    expect(await answered(client(port))).toBe(false)
    const trusting = new Openssl(
      ...['s_client', '-connect', `127.0.0.1:${port}`, '-quiet', '-ign_eof', '-verify_return_error'],
      ...['-CAfile', join(folder, 'otherCa.pem')],
    )
    expect(await answered(trusting)).toBe(true)
  })
})

describe('openssl s_server, RFC 5922', () => {
  let nextPort = 25_461

  async function server(which: Which, ...args: readonly string[]): Promise<{ peer: Openssl; port: number }> {
    const port = nextPort++
    const file = join(folder, `${which}.pem`)
    const peer = new Openssl('s_server', '-accept', `127.0.0.1:${port}`, '-cert', file, '-key', file, ...args)
    await peer.until('ACCEPT')
    return { peer, port }
  }

  /** A stack that sends a REGISTER; whether it arrived at the server, else the code of what it failed for. */
  async function registering(peer: Openssl, port: number, tls: TlsOptions): Promise<string> {
    const stack = new SipStack({ tls })
    closers.push(() => stack.close())
    await stack.listen('tls:127.0.0.1:0')
    const failed = new Promise<string>(resolve => {
      stack.addUser({
        accepts: () => false,
        onRequest() {},
        onFlowFailed: (_, error) => resolve(error?.code ?? 'closed'),
      })
    })
    const registration = register(nameAddr(`<sips:alice@127.0.0.1:${port}>`))
    stack.send(registration, { onFinal() {}, onFailure() {} })
    return Promise.race([failed, peer.until('REGISTER sips:127.0.0.1').then(() => 'arrived')])
  }

  test.each([
    ['right', 'arrived'],
    ['wrongName', 'ERR_TLS_IDENTITY'],
    ['expired', 'CERT_HAS_EXPIRED'],
    ['notYetValid', 'CERT_NOT_YET_VALID'],
    ['selfSigned', 'DEPTH_ZERO_SELF_SIGNED_CERT'],
    ['foreign', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
  ] as const)('with the certificate %s: %s', async (which, outcome) => {
    const { peer, port } = await server(which)
    const tls = { certificates: [certificates.client], ca: certificates.ca.certificate }
    expect(await registering(peer, port, tls)).toBe(outcome)
  })

  it('that requires a certificate gets ours', async () => {
    const { peer, port } = await server(
      'right',
      '-Verify',
      '2',
      '-verify_return_error',
      '-CAfile',
      join(folder, 'ca.pem'),
    )
    const tls = { certificates: [certificates.client], ca: certificates.ca.certificate }
    expect(await registering(peer, port, tls)).toBe('arrived')
    const other = await server(
      'right',
      '-Verify',
      '2',
      '-verify_return_error',
      '-CAfile',
      join(folder, 'ca.pem'),
    )
    expect(
      await registering(other.peer, other.port, { ...tls, certificates: [certificates.foreign] }),
    ).not.toBe('arrived')
  })

  it('of TLS 1.1 is refused', async () => {
    const { peer, port } = await server('right', '-tls1_1', '-cipher', 'DEFAULT@SECLEVEL=0')
    const tls = { certificates: [certificates.client], ca: certificates.ca.certificate }
    expect(await registering(peer, port, tls)).toMatch(/PROTO|VERSION/)
  })
})
