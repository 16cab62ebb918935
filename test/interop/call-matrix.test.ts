import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { h, type Protocol, p, type Uri, uri } from 'resip/stack'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { hostPort, unbracketed } from '../../src/util/address.ts'
import { testCertificates } from '../net/test-certificates.ts'
import { atTransport, CallParty, type MadeCall, protocolOf, type TakenCall } from '../peers/call-party.ts'
import { Child } from '../peers/child.ts'
import { freePort } from '../peers/ports.ts'

const PROTOCOLS: readonly Protocol[] = ['UDP', 'TCP', 'TLS', 'WS', 'WSS']
const SECURE: readonly Protocol[] = ['TLS', 'WSS']
const ADDRESSES = { IPv4: '127.0.0.1', IPv6: '::1' } as const
type Family = keyof typeof ADDRESSES

const FAMILIES: readonly (readonly [Family, Family])[] = [
  ['IPv4', 'IPv4'],
  ['IPv4', 'IPv6'],
  ['IPv6', 'IPv4'],
  ['IPv6', 'IPv6'],
]

/** A place in the table: a protocol over a family. */
const placeOf = (protocol: Protocol, family: Family): string =>
  `${protocol.toLowerCase()}.${family.toLowerCase()}`

/** Callers over TCP and TLS that nobody can connect to, and that have no certificate. */
const clients = new Map<string, CallParty>()
const callers = new Map<string, CallParty>()
const callees = new Map<string, CallParty>()
const proxyPorts = new Map<string, number>()
const folder = mkdtempSync(join(tmpdir(), 'resip-matrix-'))
let proxy: Child | undefined

beforeAll(async () => {
  const { right, ca } = await testCertificates()
  const tls = { certificates: [right], ca: ca.certificate }
  const file = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text, { mode: 0o600 })
    return join(folder, name)
  }
  const flags: string[] = []
  for (const protocol of PROTOCOLS) {
    for (const family of ['IPv4', 'IPv6'] as const) {
      const address = ADDRESSES[family]
      const place = placeOf(protocol, family)
      // a caller over WebSocket is what a browser is: nobody can connect to it
      const isBrowser = isWebSocket(protocol)
      callers.set(place, await CallParty.start(protocol, address, tls, isBrowser))
      if (protocol === 'TCP' || protocol === 'TLS')
        clients.set(place, await CallParty.start(protocol, address, { ca: ca.certificate }, true))
      const callee = await CallParty.start(protocol, address, tls)
      callees.set(place, callee)
      const port = await freePort(address)
      proxyPorts.set(place, port)
      flags.push('--listen', `${protocol.toLowerCase()}:${hostPort(address, port)}`)
      flags.push('--route', `${place}=${callee.at('sip')}`)
      if (SECURE.includes(protocol)) flags.push('--route', `sips.${place}=${callee.at('sips')}`)
    }
  }
  // with a domain it relays by rule: what belongs to a dialog has to be known by its Record-Route
  flags.push('--domain', 'nobody.test')
  flags.push('--certificate', file('right.pem', right.certificate), '--key', file('key.pem', right.key))
  flags.push('--ca', file('ca.pem', ca.certificate))
  const program = fileURLToPath(new URL('../../dist/apps/resip/main.js', import.meta.url))
  proxy = await Child.start(process.execPath, [program, 'proxy', ...flags])
  await proxy.says('listens on')
})

afterAll(async () => {
  await proxy?.stop()
  await Promise.all(
    [...callers.values(), ...clients.values(), ...callees.values()].map(party => party.close()),
  )
  rmSync(folder, { recursive: true, force: true })
})

const partyAt = (parties: ReadonlyMap<string, CallParty>, place: string): CallParty => {
  const party = parties.get(place)
  if (party === undefined) throw new Error(`nobody is at ${place}`)
  return party
}

interface Way {
  readonly from: Protocol
  readonly to: Protocol
  readonly fromFamily: Family
  readonly toFamily: Family
  readonly scheme: 'sip' | 'sips'
  /** Whether nobody can connect to the caller. */
  readonly isClient: boolean
}

interface Call {
  readonly caller: CallParty
  readonly callee: CallParty
  readonly made: MadeCall
  readonly taken: TakenCall
}

/** A call that is up at both ends. */
async function callUp({ from, to, fromFamily, toFamily, scheme, isClient }: Way): Promise<Call> {
  const caller = partyAt(isClient && !isWebSocket(from) ? clients : callers, placeOf(from, fromFamily))
  const place = placeOf(to, toFamily)
  const callee = partyAt(callees, place)
  const target = `${scheme}:callee@${scheme === 'sips' ? 'sips.' : ''}${place}`
  const made = await caller.call(target, { nextHop: proxyOf(scheme, from, fromFamily) })
  return { caller, callee, made, taken: await callee.taken(made.end.callId) }
}

function proxyOf(scheme: 'sip' | 'sips', protocol: Protocol, family: Family): Uri {
  const port = proxyPorts.get(placeOf(protocol, family)) ?? 0
  return uri(atTransport(scheme, hostPort(ADDRESSES[family], port), protocol))
}

/** RFC 3261 §16.6 step 4, RFC 5658: one Record-Route a side, the callee's on top; one where both are the same. */
function expectRecordRoutes(
  { made, taken }: Call,
  { from, to, fromFamily, toFamily, scheme, isClient }: Way,
): void {
  const told = taken.invite.all(h.RecordRoute).map(({ uri }) => uri)
  const sides = [proxyOf(scheme, to, toFamily), proxyOf(scheme, from, fromFamily)]
  const isOne = from === to && fromFamily === toFamily && !isClient
  const expected = isOne ? sides.slice(1) : sides
  expect(told.map(({ scheme }) => scheme)).toEqual(expected.map(() => scheme))
  expect(told.map(place)).toEqual(expected.map(place))
  // a client that only its connection reaches has a token of that in the lower one (RFC 5626 §5.2), and nobody else
  expect(told.map(({ user }) => user !== undefined)).toEqual(expected.map((_, at) => isClient && at === 1))
  // the answer gives them back as they are
  expect(made.ok.all(h.RecordRoute).map(({ uri }) => String(uri))).toEqual(told.map(String))
}

function place(uri: Uri): string {
  return `${protocolOf(uri)} ${unbracketed(uri.host)} ${uri.port}`
}

/** What a URI's transport says for a client's protocol. */
function nameOf(protocol: Protocol, scheme: 'sip' | 'sips'): string | undefined {
  return scheme === 'sips' && protocol === 'TLS' ? undefined : protocol.toLowerCase()
}

function isWebSocket(protocol: Protocol): boolean {
  return protocol === 'WS' || protocol === 'WSS'
}

/** RFC 3261 §12.1, RFC 7118 §5: who can be connected to says where, a WebSocket client names a host that is nobody's. */
function expectContacts(
  { made, taken, caller }: Call,
  { from, to, fromFamily, toFamily, scheme, isClient }: Way,
): void {
  const theirs = taken.end.target
  expect([theirs.scheme, made.end.target.scheme]).toEqual([scheme, scheme])
  expect(place(made.end.target)).toBe(`${to} ${ADDRESSES[toFamily]} ${made.end.target.port}`)
  const { via } = taken.invite
  expect(via.transport).toBe(to)
  const below = taken.invite.all(h.Via)[1]
  expect(below?.transport).toBe(from)
  if (isClient) {
    expect(theirs.host).toMatch(/^[a-z0-9]+\.invalid$/)
    expect(theirs.param(p.transport)).toBe(isWebSocket(from) ? 'ws' : nameOf(from, scheme))
    expect(below?.host).toBe(theirs.host)
  } else {
    expect(place(theirs)).toBe(`${from} ${ADDRESSES[fromFamily]} ${caller.stack.transports[0]?.local.port}`)
  }
}

/** Requests within the dialog come with all Routes used up, to the Contact of who gets them, through the proxy. */
function expectFollowed(
  heard: {
    readonly requestUri: Uri
    all(header: typeof h.Via): readonly unknown[]
    has(header: typeof h.Route): boolean
  },
  contact: Uri,
): void {
  expect(String(heard.requestUri)).toBe(String(contact))
  expect(heard.has(h.Route)).toBe(false)
  expect(heard.all(h.Via)).toHaveLength(2)
}

async function expectCall(way: Way): Promise<void> {
  for (const hangsUp of ['caller', 'callee'] as const) {
    const call = await callUp(way)
    const { caller, callee, made, taken } = call
    expect(made.statuses.filter(status => status !== 100)).toEqual([180, 200])
    expectRecordRoutes(call, way)
    expectContacts(call, way)
    expectFollowed(taken.ack, made.end.target)
    const [sender, receiver] = hangsUp === 'caller' ? [caller, callee] : [callee, caller]
    const [own, peers] = hangsUp === 'caller' ? [made.end, taken.end] : [taken.end, made.end]
    expect(await sender.hangUp(own)).toBe(200)
    const bye = receiver.byes.find(({ callId }) => callId === peers.callId)
    expect(bye?.method).toBe('BYE')
    if (bye !== undefined) expectFollowed(bye, own.target)
  }
}

describe.each(FAMILIES)(
  'RFC 5658 calls through resip proxy from %s to %s, BYE from either end',
  (fromFamily, toFamily) => {
    test.each(PROTOCOLS.flatMap(from => PROTOCOLS.map(to => [from, to] as const)))('%s → %s', (from, to) =>
      expectCall({ from, to, fromFamily, toFamily, scheme: 'sip', isClient: isWebSocket(from) }),
    )
  },
)

describe.each(FAMILIES)('RFC 5630 calls to sips URIs from %s to %s', (fromFamily, toFamily) => {
  test.each(SECURE.flatMap(from => SECURE.map(to => [from, to] as const)))('%s → %s', (from, to) =>
    expectCall({ from, to, fromFamily, toFamily, scheme: 'sips', isClient: isWebSocket(from) }),
  )
})

describe('RFC 5626 §5.3 a caller without a listener, BYE from either end', () => {
  test.each((['TCP', 'TLS'] as const).flatMap(from => PROTOCOLS.map(to => [from, to] as const)))(
    '%s → %s',
    (from, to) =>
      expectCall({ from, to, fromFamily: 'IPv4', toFamily: 'IPv6', scheme: 'sip', isClient: true }),
  )

  test('TLS → TLS, sips', () =>
    expectCall({
      from: 'TLS',
      to: 'TLS',
      fromFamily: 'IPv6',
      toFamily: 'IPv4',
      scheme: 'sips',
      isClient: true,
    }))
})

describe('RFC 3261 §8.1.2 a caller that has the proxy as its outbound proxy, by a Route', () => {
  test.each(PROTOCOLS)('%s → TCP', async from => {
    const caller = partyAt(callers, placeOf(from, 'IPv4'))
    const callee = partyAt(callees, placeOf('TCP', 'IPv6'))
    const route = proxyOf('sip', from, 'IPv4').withParam(p.lr, true)
    const made = await caller.call(`sip:callee@${placeOf('TCP', 'IPv6')}`, { route })
    await callee.taken(made.end.callId)
    expect(await caller.hangUp(made.end)).toBe(200)
  })
})

describe('RFC 5630 §3.1 a sips URI is never called in the clear', () => {
  test.each(
    SECURE.flatMap(from => PROTOCOLS.filter(to => !SECURE.includes(to)).map(to => [from, to] as const)),
  )('%s → %s is refused', async (from, to) => {
    const caller = partyAt(callers, placeOf(from, 'IPv4'))
    const callee = partyAt(callees, placeOf(to, 'IPv4'))
    const before = callee.stack.counters.requestsIn.INVITE
    const call = caller.call(`sips:callee@${placeOf(to, 'IPv4')}`, { nextHop: proxyOf('sips', from, 'IPv4') })
    await expect(call).rejects.toThrow('was answered 480')
    expect(callee.stack.counters.requestsIn.INVITE).toBe(before)
  })
})
