import { X509Certificate } from 'node:crypto'
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { firstUseCertificates } from 'resip/stack'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { EnvironmentError, UsageError } from '../../src/util/errors.ts'

const DAY = 86_400_000
let root = ''

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'resip-first-use-'))
})

afterAll(() => rm(root, { recursive: true, force: true }))

describe('first-use certificates', () => {
  it('are of an authority of their own, bear the domain as sip URI and DNS name (RFC 5922 §7.1), and are kept', async () => {
    const directory = join(root, 'kept')
    const first = await firstUseCertificates({ directory, domains: ['Example.com', '::1'] })
    const again = await firstUseCertificates({ directory, domains: ['Example.com', '::1'] })
    expect(again).toEqual(first)
    const authority = new X509Certificate(first.ca)
    const [domain, address] = first.certificates.map(({ certificate }) => new X509Certificate(certificate))
    expect([authority.ca, domain?.ca]).toEqual([true, false])
    expect(domain?.verify(authority.publicKey)).toBe(true)
    expect(domain?.subjectAltName).toBe('URI:sip:Example.com, DNS:Example.com')
    expect(address?.subjectAltName).toBe('IP Address:0:0:0:0:0:0:0:1')
    expect(await readFile(join(directory, '_ca.crt'), 'utf8')).toBe(first.ca)
  })

  it.skipIf(process.platform === 'win32')('keep their keys from others', async () => {
    const directory = join(root, 'modes')
    await firstUseCertificates({ directory, domains: ['example.com'] })
    const mode = async (name: string): Promise<string> =>
      ((await stat(join(directory, name))).mode & 0o777).toString(8)
    expect((await readdir(directory)).sort()).toEqual(['_ca.crt', '_ca.pem', 'example.com.pem'])
    expect(await Promise.all(['', '_ca.pem', 'example.com.pem', '_ca.crt'].map(mode))).toEqual([
      '700',
      '600',
      '600',
      '644',
    ])
    await chmod(join(directory, 'example.com.pem'), 0o644)
    await expect(firstUseCertificates({ directory, domains: ['example.com'] })).rejects.toThrow(
      /example\.com\.pem may be read by others \(mode 644\)/,
    )
  })

  it('are made anew when a third of their life is left, or when what is on disk is none', async () => {
    const directory = join(root, 'renewed')
    const start = Date.now()
    const at = (days: number) =>
      firstUseCertificates({ directory, domains: ['example.com'], days: 30, now: () => start + days * DAY })
    const first = await at(0)
    expect((first.renewAt - start) / DAY).toBeCloseTo(20, 0)
    expect((await at(19)).certificates).toEqual(first.certificates)
    const second = await at(21)
    expect(second.certificates).not.toEqual(first.certificates)
    expect(second.ca).toBe(first.ca)
    await writeFile(
      join(directory, 'example.com.pem'),
      '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n',
    )
    const third = await at(21)
    expect(third.certificates).not.toEqual(second.certificates)
  })

  it('name no path outside their directory, and say where they cannot be kept', async () => {
    for (const domain of ['../x', 'a/b', '', '.', 'fe80::1%../../x', 'a..b', 'x\n']) {
      await expect(firstUseCertificates({ directory: root, domains: [domain] })).rejects.toThrow(UsageError)
    }
    const directory = join(root, 'file')
    await writeFile(directory, '')
    const failure = firstUseCertificates({ directory: join(directory, 'below'), domains: [] })
    await expect(failure).rejects.toThrow(EnvironmentError)
    await expect(failure).rejects.toThrow(/certificates cannot be kept at /)
  })
})
