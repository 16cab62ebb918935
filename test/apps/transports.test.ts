import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SipStack } from 'resip/stack'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { runProgram } from '../../apps/resip/program.ts'
import { testCertificate, testKey } from '../net/certificate.ts'

let folder = ''
let stack: SipStack | undefined

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'resip-apps-'))
  writeFileSync(join(folder, 'certificate.pem'), testCertificate)
  writeFileSync(join(folder, 'key.pem'), testKey)
})

afterAll(() => rmSync(folder, { recursive: true, force: true }))
afterEach(() => stack?.close())

/** What a run of the program printed, and how it ended. */
async function said(...args: readonly string[]): Promise<string> {
  let out = ''
  const hear = (text: unknown): boolean => {
    out += String(text)
    return true
  }
  const spies = [
    vi.spyOn(process.stdout, 'write').mockImplementation(hear),
    vi.spyOn(process.stderr, 'write').mockImplementation(hear),
  ]
  try {
    return `${await runProgram(args)} ${out}`
  } finally {
    for (const spy of spies) spy.mockRestore()
  }
}

async function serving(point: string): Promise<number> {
  const made = new SipStack({ tls: { certificates: [{ certificate: testCertificate, key: testKey }] } })
  stack = made
  made.onRequest(transaction => transaction.respond(200))
  await made.listen(point)
  return made.transports[0]?.local.port ?? 0
}

test.each([
  ['tcp', 'sip', 'tcp'],
  ['tls', 'sips', 'tls'],
  ['ws', 'sip', 'ws'],
  ['wss', 'sips', 'ws'],
  ['wss', 'sip', 'wss'],
])('resip ping reaches %s by a %s URI with transport=%s', async (scheme, uri, transport) => {
  const port = await serving(`${scheme}:127.0.0.1:0`)
  const ca = join(folder, 'certificate.pem')
  const answer = await said('ping', `${uri}:127.0.0.1:${port};transport=${transport}`, '--ca', ca)
  expect(answer).toMatch(/^0 200 OK in /)
})

test('resip ping trusts nobody it does not know', async () => {
  const port = await serving('tls:127.0.0.1:0')
  expect(await said('ping', `sips:127.0.0.1:${port}`)).toMatch(/^1 /)
})

test('a certificate without its key, and a file that is not there, are told in a sentence', async () => {
  const certificate = join(folder, 'certificate.pem')
  expect(await said('ping', 'sip:127.0.0.1', '--certificate', certificate)).toContain('belong together')
  expect(await said('ping', 'sip:127.0.0.1', '--ca', join(folder, 'none'))).toContain('cannot be read')
})

test('resip proxy listens over every transport with the certificate it is given', async () => {
  const certificate = ['--certificate', join(folder, 'certificate.pem'), '--key', join(folder, 'key.pem')]
  const points = ['udp', 'tcp', 'tls', 'ws', 'wss'].flatMap(scheme => ['--listen', `${scheme}:127.0.0.1:0`])
  const before = process.listeners('SIGTERM')
  const answer = await said('proxy', ...points, ...certificate)
  for (const listener of process.listeners('SIGTERM')) {
    if (before.includes(listener)) continue
    listener('SIGTERM')
    process.removeListener('SIGTERM', listener)
  }
  expect(answer).toMatch(/^0 resip proxy listens on udp:.* and tcp:.* and tls:.* and ws:.* and wss:/)
})
