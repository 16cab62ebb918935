import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { h, type Protocol, uri } from 'resip/stack'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type TestCertificates, testCertificates } from '../net/test-certificates.ts'
import { atTransport, CallParty, type MadeCall, protocolOf, type TakenCall } from '../peers/call-party.ts'
import { Child } from '../peers/child.ts'
import { freePort } from '../peers/ports.ts'
import { KamailioWebSocket } from './peers/kamailio-websocket.ts'

const ADDRESS = '127.0.0.1'

let certificates: TestCertificates
let kamailio: KamailioWebSocket
let caller: CallParty
let callee: CallParty
let folder = ''

beforeAll(async () => {
  certificates = await testCertificates()
  const { right, ca } = certificates
  kamailio = await KamailioWebSocket.start({ ...right, ca: ca.certificate })
  caller = await CallParty.start('TCP', ADDRESS, {})
  callee = await CallParty.start('UDP', ADDRESS, {})
  folder = mkdtempSync(join(tmpdir(), 'resip-next-hop-'))
  for (const [name, text] of Object.entries({ 'right.pem': right.certificate, 'key.pem': right.key }))
    writeFileSync(join(folder, name), text, { mode: 0o600 })
  writeFileSync(join(folder, 'ca.pem'), ca.certificate)
})

afterAll(async () => {
  await Promise.all([caller?.close(), callee?.close(), kamailio?.stop()])
  rmSync(folder, { recursive: true, force: true })
})

/** Kamailio's port for a protocol: WebSocket is at those of TCP and TLS. */
function portOf(protocol: Protocol): number {
  if (protocol === 'UDP') return kamailio.udpPort
  return protocol === 'TCP' || protocol === 'WS' ? kamailio.wsPort : kamailio.wssPort
}

/** A call by `resip proxy` and Kamailio over `protocol`, and what is done with it. */
async function called(
  protocol: Protocol,
  use: (made: MadeCall, taken: TakenCall) => Promise<void>,
): Promise<void> {
  const program = fileURLToPath(new URL('../../dist/apps/resip/main.js', import.meta.url))
  const [inbound, outbound] = [await freePort(ADDRESS), await freePort(ADDRESS)]
  const proxy = await Child.start(process.execPath, [
    ...[program, 'proxy', '--listen', `tcp:${ADDRESS}:${inbound}`],
    ...(protocol === 'WSS' ? ['--listen', `udp:${ADDRESS}:${inbound}`] : []),
    ...(protocol === 'TCP' ? [] : ['--listen', `${protocol.toLowerCase()}:${ADDRESS}:${outbound}`]),
    ...['--next-hop', atTransport('sip', `${ADDRESS}:${portOf(protocol)}`, protocol)],
    ...['--certificate', join(folder, 'right.pem'), '--key', join(folder, 'key.pem')],
    ...['--ca', join(folder, 'ca.pem'), '--domain', 'nobody.test'],
  ])
  try {
    await proxy.says('listens on')
    const nextHop = uri(`sip:${ADDRESS}:${inbound};transport=tcp`)
    const made = await caller.call(callee.at('sip'), { nextHop })
    await use(made, await callee.taken(made.end.callId))
  } finally {
    await proxy.stop()
  }
}

/** The protocols of the Vias of what the callee gets in the dialog: over WSS Kamailio is on the way of the INVITE alone. */
function viasWithin(protocol: Protocol): readonly Protocol[] {
  return protocol === 'WSS' ? ['UDP', 'TCP'] : ['UDP', protocol, 'TCP']
}

function expectWay(protocol: Protocol, made: MadeCall, { invite, ack }: TakenCall): void {
  expect(made.statuses.filter(status => status !== 100)).toEqual([180, 200])
  expect(invite.all(h.Via).map(({ transport }) => transport)).toEqual(['UDP', protocol, 'TCP'])
  expect(ack.all(h.Via).map(({ transport }) => transport)).toEqual(viasWithin(protocol))
  const routes = invite.all(h.RecordRoute).map(({ uri }) => protocolOf(uri))
  // each proxy writes one a side where the sides differ
  const kamailios = protocol === 'WSS' ? [] : protocol === 'UDP' ? ['UDP'] : ['UDP', protocol]
  expect(routes).toEqual([...kamailios, ...(protocol === 'TCP' ? ['TCP'] : [protocol, 'TCP'])])
}

describe('Kamailio as next hop of resip proxy, calls through both', () => {
  test.each(['UDP', 'TCP', 'TLS', 'WS', 'WSS'] as const)('over %s, BYE from the caller', protocol =>
    called(protocol, async (made, taken) => {
      expectWay(protocol, made, taken)
      expect(await caller.hangUp(made.end)).toBe(200)
      const bye = callee.byes.find(({ callId }) => callId === made.end.callId)
      expect(bye?.all(h.Via).map(({ transport }) => transport)).toEqual(viasWithin(protocol))
    }),
  )

  // over WebSocket Kamailio can only answer: it opens no connection, and knows ours by its port alone, not by a Route
  test.each(['UDP', 'TCP', 'TLS'] as const)('over %s, BYE from the callee', protocol =>
    called(protocol, async (made, taken) => {
      expectWay(protocol, made, taken)
      expect(await callee.hangUp(taken.end)).toBe(200)
      const bye = caller.byes.find(({ callId }) => callId === made.end.callId)
      expect(bye?.all(h.Via).map(({ transport }) => transport)).toEqual(['TCP', protocol, 'UDP'])
    }),
  )
})
