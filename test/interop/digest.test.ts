import { spawn } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  DigestClient,
  DigestRealm,
  h,
  isForTarget,
  MemoryUsers,
  nameAddr,
  register,
  SipStack,
} from 'resip/stack'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { Registrar } from '../../examples/registrar.mjs'
import { type TestCertificates, testCertificates } from '../net/test-certificates.ts'
import { Child } from '../peers/child.ts'
import { installed } from '../peers/installed.ts'
import { startKamailioRegistrar } from '../peers/kamailio-registrar.ts'
import { freePort } from '../peers/ports.ts'

const address = '127.0.0.1'
const PATIENCE = 15_000
let folder = ''

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'resip-digest-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** Resolves when something holds, asked every tenth of a second; rejects where it never does. */
async function until(holds: () => boolean, what: () => string): Promise<void> {
  for (let waited = 0; !holds(); waited += 100) {
    if (waited > PATIENCE) throw new Error(what())
    await new Promise(resolve => setTimeout(resolve, 100))
  }
}

describe('RFC 3261 §22: clients of others, challenged by the registrar of examples/', () => {
  let stack: SipStack
  let port: number
  let tlsPort: number
  let certificates: TestCertificates

  beforeAll(async () => {
    certificates = await testCertificates()
    await writeFile(join(folder, 'ca.pem'), certificates.ca.certificate)
  }, 60_000)

  beforeEach(async () => {
    stack = new SipStack({ tls: { certificates: [certificates.right] } })
    port = await freePort(address)
    tlsPort = await freePort(address)
    await stack.listen(`udp:${address}:${port}`, `tcp:${address}:${port}`, `tls:${address}:${tlsPort}`)
  })
  afterEach(() => stack.close())

  function registrar(algorithms: readonly ('MD5' | 'SHA-256')[]): [Registrar, DigestRealm] {
    const users = new MemoryUsers([{ username: 'bob', realm: address, secret: 'secret' }])
    const realm = new DigestRealm({
      realm: address,
      users,
      algorithms,
      acceptsUri: (uri, request) => isForTarget(uri, request) || stack.isOurUri(uri),
    })
    return [new Registrar(stack, realm), realm]
  }

  it.each(['udp', 'tls'] as const)(
    'baresip 1.0 over %s, which gives up where one of the challenges is not of MD5',
    async transport => {
      installed('baresip', 'baresip-core')
      const [ours, realm] = registrar(['MD5'])
      const home = await mkdtemp(join(folder, 'baresip-'))
      const own = await freePort(address)
      await writeFile(
        join(home, 'config'),
        `sip_listen ${address}:${own}\nmodule_path /usr/lib/baresip/modules\nmodule_tmp account.so\nmodule_app menu.so\nnet_interface ${address}\nsip_cafile ${join(folder, 'ca.pem')}\n`,
      )
      const to = transport === 'udp' ? port : tlsPort
      const account = `<sip:bob@${address}:${to};transport=${transport}>;auth_pass=secret;regint=60\n`
      await writeFile(join(home, 'accounts'), account)
      await writeFile(join(home, 'contacts'), '')
      const baresip = spawn('baresip', ['-f', home], { stdio: ['pipe', 'ignore', 'ignore'] })
      try {
        await until(
          () => ours.contactsOf('bob').length > 0,
          () => JSON.stringify(realm.counters),
        )
        expect(realm.counters).toMatchObject({ authenticated: 1, wrong: 0, improper: 0 })
      } finally {
        baresip.kill('SIGKILL')
      }
    },
  )

  it.each([
    ['UDP', []],
    ['TCP', ['-E', 'tcp']],
  ] as const)('sipsak over %s, which gives up where SHA-256 comes first', async (_transport, flags) => {
    installed('sipsak', 'sipsak')
    const [ours, realm] = registrar(['MD5', 'SHA-256'])
    const to = `sip:bob@${address}:${port}`
    const args = [
      '-U',
      '-s',
      to,
      '-u',
      'bob',
      '-a',
      'secret',
      '-C',
      `sip:bob@${address}:9`,
      '-x',
      '60',
      ...flags,
    ]
    const sipsak = await Child.start('sipsak', args)
    expect(await sipsak.ended, sipsak.complaint).toBe(0)
    expect(ours.contactsOf('bob')).toHaveLength(1)
    expect(realm.counters).toMatchObject({ authenticated: 1, wrong: 0, improper: 0 })
  })

  it.each([
    ['MD5', ['MD5'], 'MD5', 'udp'],
    ['SHA-256 first', ['SHA-256', 'MD5'], 'SHA-256', 'udp'],
    ['SHA-256 first, over TLS', ['SHA-256', 'MD5'], 'SHA-256', 'tls'],
  ] as const)('linphonec, offered %s', async (_what, algorithms, configured, transport) => {
    installed('linphonec', 'linphone-cli')
    const [ours, realm] = registrar(algorithms)
    const home = await mkdtemp(join(folder, 'linphone-'))
    await mkdir(join(home, '.local', 'share', 'linphone'), { recursive: true })
    const own = await freePort(address)
    const file = join(home, 'bob.rc')
    // its TLS compares names alone, not numeric addresses
    const to = transport === 'udp' ? `${address}:${port}` : `localhost:${tlsPort};transport=tls`
    await writeFile(file, linphoneConfiguration(own, to, configured, join(folder, 'ca.pem')))
    const linphone = spawn('linphonec', ['-c', file], {
      stdio: ['pipe', 'ignore', 'ignore'],
      env: { ...process.env, HOME: home },
    })
    try {
      await until(
        () => ours.contactsOf('bob').length > 0,
        () => JSON.stringify(realm.counters),
      )
      expect(realm.counters).toMatchObject({ wrong: 0, improper: 0 })
    } finally {
      linphone.kill('SIGKILL')
    }
  })
})

describe('RFC 3261 §22: our client, challenged by Kamailio', () => {
  const realm = 'example.com'
  const bob = nameAddr(`<sip:bob@${realm}>`)

  it.each([
    ['MD5, auth', 'MD5', 'auth'],
    ['MD5 without qop, as RFC 2069 has it', 'MD5', ''],
    ['SHA-256, auth', 'SHA-256', 'auth'],
  ] as const)('%s', async (_what, algorithm, qop) => {
    const port = await freePort(address)
    const kamailio = await startKamailioRegistrar(port, { realm, password: 'secret', qop, algorithm })
    const stack = new SipStack()
    const targets = [{ protocol: 'UDP', address, port }] as const
    try {
      await stack.listen(`udp:${address}:0`)
      const credentials = new DigestClient({ username: 'bob', realms: realm, password: 'secret' })
      const template = register(bob)
      const ok = await stack.request(template, { credentials, targets })
      expect(ok.status).toBe(200)
      expect(ok.all(h.Contact)).toHaveLength(1)
      expect(credentials.counters).toMatchObject({ answered: 1, rejected: 0 })
      const wrong = new DigestClient({ username: 'bob', realms: realm, password: 'guess' })
      const refused = await stack.request(register(bob), { credentials: wrong, targets })
      expect([refused.status, wrong.counters.rejected]).toEqual([401, 1])
    } finally {
      await stack.close()
      await kamailio.stop()
    }
  })

  it('a nonce whose time is over is told stale, and the request goes through', async () => {
    const port = await freePort(address)
    const options = { realm, password: 'secret', qop: 'auth', algorithm: 'MD5', nonceLifetime: 1 } as const
    const kamailio = await startKamailioRegistrar(port, options)
    const stack = new SipStack()
    const targets = [{ protocol: 'UDP', address, port }] as const
    try {
      await stack.listen(`udp:${address}:0`)
      const credentials = new DigestClient({ username: 'bob', realms: realm, password: 'secret' })
      expect((await stack.request(register(bob), { credentials, targets })).status).toBe(200)
      await new Promise(resolve => setTimeout(resolve, 3000))
      expect((await stack.request(register(bob), { credentials, targets })).status).toBe(200)
      expect(credentials.counters).toMatchObject({ answered: 2, rejected: 0 })
    } finally {
      await stack.close()
      await kamailio.stop()
    }
  })
})

function linphoneConfiguration(own: number, to: string, algorithm: string, ca: string): string {
  return `[sip]
root_ca=${ca}
verify_server_certs=1
verify_server_cn=1
sip_port=${own}
sip_tcp_port=${own}
sip_tls_port=-1
default_proxy=0
register_only_when_network_is_up=0
guess_hostname=0
use_ipv6=0
keepalive_period=0
[proxy_0]
reg_proxy=<sip:${to}>
reg_identity=sip:bob@${address}
reg_expires=60
reg_sendregister=1
publish=0
[auth_info_0]
username=bob
passwd=secret
realm=${address}
domain=${address}
algorithm=${algorithm}
[sound]
playback_dev_id=
[video]
enabled=0
capture=0
display=0
[net]
stun_server=
firewall_policy=0
`
}
