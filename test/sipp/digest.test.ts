import { ack2xx, DigestClient, DigestRealm, h, MemoryUsers, nameAddr, request, SipStack } from 'resip/stack'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { freePort } from '../peers/ports.ts'
import { ensureSipp, Sipp } from '../peers/sipp.ts'
import { startExample } from './programs.ts'
import { Report } from './report.ts'

const address = '127.0.0.1'
const REALM = 'example.com'
const keys = { realm: REALM }
const report = new Report('SIPp and digest')

beforeAll(ensureSipp)
afterAll(() => report.print())

function scenario(name: string): URL {
  return new URL(`scenarios/${name}.xml`, import.meta.url)
}

function ourContact() {
  const contact = nameAddr('<sip:bob@host.invalid>')
  return contact.with({ uri: contact.uri.with({ host: '' }) })
}

describe('RFC 3261 §22.2: SIPp is challenged by us', () => {
  for (const transport of ['UDP', 'TCP'] as const) {
    it(`REGISTER, ${transport}: the registrar of examples/`, async () => {
      const [target, port] = [await freePort(address), await freePort(address)]
      const point = `${transport.toLowerCase()}:${address}:${target}`
      const registrar = await startExample(
        'registrar.mjs',
        '--realm',
        REALM,
        '--algorithms',
        'MD5',
        '--user',
        'bob:secret',
        point,
      )
      try {
        await registrar.says('listens on')
        const options = { scenario: scenario('uac-register'), transport, address, port, target, keys }
        const result = await (await Sipp.start({ ...options, calls: 200, rate: 200 })).finished()
        report.add(`REGISTER, ${transport}`, result)
        expect(result, result.errors).toMatchObject({ successful: 200, failed: 0, unexpected: 0 })
      } finally {
        await registrar.stop()
      }
    })
  }

  it('INVITE: a UAS behind a realm', async () => {
    const [target, port] = [await freePort(address), await freePort(address)]
    const stack = new SipStack()
    const users = new MemoryUsers([{ username: 'bob', realm: REALM, secret: 'secret' }])
    const realm = new DigestRealm({ realm: REALM, users, algorithms: ['MD5', 'SHA-256'] })
    const acks: string[] = []
    stack.onRequest(
      async transaction => {
        const caller = await realm.authenticate(transaction)
        if (caller === undefined) return
        transaction.respond(caller.addInfo(transaction.response(200).set(h.Contact, ourContact())))
      },
      ack => acks.push(ack.callId),
    )
    try {
      await stack.listen(`udp:${address}:${target}`)
      const options = { scenario: scenario('uac-invite-auth'), address, port, target, keys }
      const result = await (await Sipp.start({ ...options, calls: 100, rate: 100 })).finished()
      report.add('INVITE', result)
      expect(result, result.errors).toMatchObject({ successful: 100, failed: 0, unexpected: 0 })
      expect(realm.counters).toMatchObject({ authenticated: 100, 'no credentials': 100, wrong: 0 })
      expect(new Set(acks).size).toBe(100)
    } finally {
      await stack.close()
    }
  })
})

describe('RFC 3261 §22.2: SIPp challenges us', () => {
  it.each([
    ['the right secret', 'secret', 'valid'],
    ['another secret', 'guess', 'refused'],
  ])('INVITE with %s: SIPp finds it %s', async (_what, password, found) => {
    const port = await freePort(address)
    const uas = await Sipp.start({ scenario: scenario('uas-challenge'), address, port, keys })
    const stack = new SipStack()
    const credentials = new DigestClient({ username: 'bob', realms: REALM, password })
    try {
      await stack.listen(`udp:${address}:0`)
      const call = (): Promise<number> =>
        new Promise((resolve, reject) => {
          const template = request('INVITE', `sip:alice@${address}:${port}`, {
            from: `<sip:bob@${REALM}>`,
            contact: ourContact(),
          })
          const outgoing = stack.send(
            template,
            {
              onFinal(response) {
                if (response.status < 300) stack.sendAck(ack2xx(outgoing.template, response))
                resolve(response.status)
              },
              onFailure: reject,
            },
            { credentials },
          )
        })
      const statuses = await Promise.all(Array.from({ length: 20 }, call))
      expect(new Set(statuses)).toEqual(new Set([200]))
    } finally {
      await stack.close()
    }
    const result = await uas.stop()
    expect(
      result.log.map(line => line.trim()),
      result.errors,
    ).toEqual(Array(20).fill(found))
  })
})
