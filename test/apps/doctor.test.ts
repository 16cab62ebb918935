import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Answer, AUTHORITATIVE_ANSWER, decode, encode } from 'dns-packet'
import { SipStack, type TlsCertificate } from 'resip/stack'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { runProgram } from '../../apps/resip/program.ts'
import { issueCertificate } from '../../src/net/certificates.ts'
import { type TestCertificates, testCertificates } from '../net/test-certificates.ts'
import { freePort } from '../peers/ports.ts'

const DAY = 86_400_000
const NXDOMAIN = 3
/** Nine RSA keys take their time on a machine that has other things to do. */
const PATIENCE = 60_000

let certificates: TestCertificates
let folder = ''
let nameServer: Socket
let records: readonly Answer[] = []
const closers: (() => unknown)[] = []

beforeAll(async () => {
  certificates = await testCertificates(['sip.test'])
  folder = mkdtempSync(join(tmpdir(), 'resip-doctor-'))
  writeFileSync(join(folder, 'ca.pem'), certificates.ca.certificate)
  nameServer = createSocket('udp4')
  nameServer.on('message', (bytes, { port, address }) => {
    const { id, questions = [] } = decode(bytes)
    const [question] = questions
    const answers = records.filter(({ name, type }) => name === question?.name && type === question.type)
    const isKnown = records.some(({ name }) => name === question?.name)
    const flags = AUTHORITATIVE_ANSWER | (isKnown ? 0 : NXDOMAIN)
    nameServer.send(encode({ type: 'response', id: id ?? 0, flags, questions, answers }), port, address)
  })
  await once(nameServer.bind(0, '127.0.0.1'), 'listening')
}, PATIENCE)

afterAll(() => {
  nameServer.close()
  rmSync(folder, { recursive: true, force: true })
})

afterEach(async () => {
  records = []
  for (const close of closers.splice(0)) await close()
})

/** The exit code and what was printed. */
async function doctor(uri: string, ...flags: readonly string[]): Promise<readonly [number, string]> {
  let out = ''
  const spies = [process.stdout, process.stderr].map(stream =>
    vi.spyOn(stream, 'write').mockImplementation(text => {
      out += String(text)
      return true
    }),
  )
  const dns = flags.includes('--dns') ? [] : ['--dns', `127.0.0.1:${nameServer.address().port}`]
  const where = ['--listen', '127.0.0.1', '--ca', join(folder, 'ca.pem')]
  try {
    const code = await runProgram(['doctor', uri, ...where, ...dns, '--timeout', '0.3', ...flags])
    return [code, out]
  } finally {
    for (const spy of spies) spy.mockRestore()
  }
}

/** The exit code, and the codes of the findings. */
async function found(
  uri: string,
  ...flags: readonly string[]
): Promise<readonly [number, readonly string[]]> {
  const [code, out] = await doctor(uri, '--json', ...flags)
  const { findings }: { findings: readonly { code: string; sentence: string }[] } = JSON.parse(out)
  for (const { sentence } of findings) expect(sentence).toMatch(/^[A-Za-z][^\n]*\.$/)
  return [code, findings.map(finding => finding.code)]
}

async function serving(
  point: string,
  certificate: TlsCertificate = certificates.right,
  status: number = 200,
): Promise<number> {
  const stack = new SipStack({ tls: { certificates: [certificate] } })
  closers.push(() => stack.close())
  await stack.listen(point)
  stack.onRequest(transaction => transaction.respond(status))
  return stack.transports[0]?.local.port ?? 0
}

/** A port that takes datagrams and says nothing. */
async function silent(): Promise<Socket> {
  const socket = createSocket('udp4')
  closers.push(() => socket.close())
  await once(socket.bind(0, '127.0.0.1'), 'listening')
  return socket
}

const srv = (service: string, port: number, priority = 0): Answer => ({
  type: 'SRV',
  name: `${service}.sip.test`,
  ttl: 60,
  data: { priority, weight: 0, port, target: 'host.sip.test' },
})
const address: Answer = { type: 'A', name: 'host.sip.test', ttl: 60, data: '127.0.0.1' }

describe('resip doctor, all is well', () => {
  test('RFC 3263 tells each target with why it was chosen, the answer, the chain and the names', async () => {
    const tls = await serving('tls:127.0.0.1:0')
    const long = await issueCertificate({
      name: 'long',
      hosts: ['sip.test'],
      issuer: certificates.ca,
      notBefore: Date.now() - DAY,
      notAfter: Date.now() + 90 * DAY,
    })
    const lasting = await serving('tls:127.0.0.1:0', long)
    records = [srv('_sips._tcp', tls), srv('_sips._tcp', lasting, 1), address]
    const [code, out] = await doctor('sips:sip.test')
    expect(code).toBe(0)
    expect(out).toContain('sips:sip.test leads to 2 targets')
    expect(out).toContain(
      `tls 127.0.0.1:${tls}\n   chosen by SRV _sips._tcp.sip.test 0 0 ${tls} host.sip.test → `,
    )
    expect(out).toMatch(
      /OPTIONS: 200 OK in \d+ ms\n {3}TLSv1\.3 with TLS_\w+; the certificate for sip\.test is taken/,
    )
    expect(out).toContain('proves localhost, sip.test, 127.0.0.1')
    expect(out).toMatch(/- CN=long, issued by CN=test authority, (89|90) days left/)
    // the test's own authority ends tomorrow, and so does the first certificate
    expect(out.match(/^warning: .*ends in 0 days; renew it before\.$/gm)).toHaveLength(2)
  })

  test('nothing to say of a TCP server', async () => {
    const port = await serving('tcp:127.0.0.1:0')
    expect(await found(`sip:127.0.0.1:${port};transport=tcp`)).toEqual([0, []])
    expect((await doctor(`sip:127.0.0.1:${port};transport=tcp`))[1]).toContain('\nAll is well.\n')
  })

  test.each(['ws', 'wss'])('reaches %s', async scheme => {
    const port = await serving(`${scheme}:127.0.0.1:0`)
    const [code] = await found(`sip:127.0.0.1:${port};transport=${scheme}`)
    expect(code).toBe(0)
  })
})

describe('resip doctor, what is wrong', () => {
  test('no DNS records', async () => {
    expect(await found('sip:nobody.test')).toEqual([1, ['NO_RECORDS']])
  })

  test('a name server that is not there', async () => {
    const port = await freePort('127.0.0.1')
    const [code, out] = await doctor('sip:sip.test', '--dns', `127.0.0.1:${port}`)
    expect([code, out]).toEqual([1, expect.stringContaining('(ECONNREFUSED): ')])
    expect(out).toContain(`127.0.0.1:${port} udp ECONNREFUSED`)
  })

  test('only UDP', async () => {
    const port = await serving('udp:127.0.0.1:0')
    records = [srv('_sip._udp', port), address]
    expect(await found('sip:sip.test')).toEqual([0, ['ONLY_UDP']])
  })

  test('silent over UDP while TCP answers', async () => {
    const { port } = (await silent()).address()
    await serving(`tcp:127.0.0.1:${port}`)
    expect(await found(`sip:127.0.0.1:${port}`)).toEqual([1, ['NOBODY', 'SILENT_UDP', 'ONLY_UDP']])
  })

  test('silent over both', async () => {
    const { port } = (await silent()).address()
    expect(await found(`sip:127.0.0.1:${port}`)).toEqual([1, ['NOBODY', 'SILENT', 'ONLY_UDP']])
  })

  test('nothing listens', async () => {
    const port = await freePort('127.0.0.1')
    expect(await found(`sip:127.0.0.1:${port};transport=tcp`)).toEqual([1, ['NOBODY', 'ECONNREFUSED']])
  })

  test.each([
    [503, 1, ['NOBODY', 'UNAVAILABLE']],
    [504, 1, ['NOBODY', 'BEHIND_SILENT']],
    [500, 1, ['NOBODY', 'SERVER_ERROR']],
    [403, 0, ['NOT_OPEN']],
    [404, 0, ['OPTIONS_REFUSED']],
  ] as const)('%d: exit code %d, %j', async (status, code, findings) => {
    const port = await serving('tcp:127.0.0.1:0', certificates.right, status)
    expect(await found(`sip:127.0.0.1:${port};transport=tcp`)).toEqual([code, findings])
  })

  test.each([
    ['wrongName', 'CERTIFICATE_NAME'],
    ['expired', 'CERT_HAS_EXPIRED'],
    ['selfSigned', 'DEPTH_ZERO_SELF_SIGNED_CERT'],
    ['foreign', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
  ] as const)('RFC 5922 the certificate %s: %s', async (which, finding) => {
    const port = await serving('tls:127.0.0.1:0', certificates[which])
    expect(await found(`sips:127.0.0.1:${port}`)).toEqual([1, ['NOBODY', finding]])
  })

  test('RFC 5922 §7.2 the name that was asked for counts, wherever records lead', async () => {
    const port = await serving('tls:127.0.0.1:0', certificates.client)
    records = [srv('_sips._tcp', port), address]
    const [, out] = await doctor('sips:sip.test')
    expect(out).toContain(
      'is for client.example, 127.0.0.1 and not for sip.test; have one issued with sip.test',
    )
  })
})

test('what comes from the wire is printed escaped', async () => {
  const socket = await silent()
  socket.on('message', (bytes, { port, address }) => {
    const head = bytes.toString('latin1')
    const lines = head.split('\r\n').filter(line => /^(Via|From|To|Call-ID|CSeq):/.test(line))
    const answer = ['SIP/2.0 200 \x1b]0;owned\x07\x9b31m', ...lines, 'Content-Length: 0', '', '']
    socket.send(Buffer.from(answer.join('\r\n'), 'latin1'), port, address)
  })
  for (const flags of [[], ['--json']]) {
    const [, out] = await doctor(`sip:127.0.0.1:${socket.address().port}`, ...flags)
    expect(out).toContain('x1b]0;owned')
    expect(out).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f-\x9f]/)
  }
})

test.each(['0', '-1', '61', 'soon'])('a time-out of %s is refused in a sentence', async timeout => {
  const [code, out] = await doctor('sip:127.0.0.1', '--timeout', timeout)
  expect([code, out]).toEqual([2, expect.stringContaining('Seconds, above 0 and up to 60, are needed.')])
})
