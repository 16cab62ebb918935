import {
  header,
  type RequestFailure,
  type RequestUser,
  type SipStack,
  type StackOptions,
  text,
} from 'resip/stack'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Zone } from '../locate/zone.ts'
import { invite, memoryOf, options, type Peer, settled, World } from '../world.ts'

const CLIENT = '192.0.2.1'
/** What stands for credentials here: the nonce that is answered. */
const answersNonce = header('X-Answers', text)
const [FIRST, SECOND, THIRD] = ['192.0.2.2', '192.0.2.3', '192.0.2.4'] as const

let world: World
let zone: Zone
let told: string[]
let failures: RequestFailure[]

beforeEach(() => {
  world = new World()
  world.drawnFrom(CLIENT)
  told = []
  failures = []
  zone = new Zone()
    .withSrv('_sip._udp.example.com', [1, 0, 5060, 'a.example.com'], [2, 0, 5060, 'b.example.com'])
    .withSrv('_sip._tcp.example.com', [1, 0, 5060, 'a.example.com'], [2, 0, 5060, 'b.example.com'])
    .withAddresses('a.example.com', FIRST)
    .withAddresses('b.example.com', SECOND)
})

afterEach(() => world.close())

const client = (stackOptions: StackOptions = {}): Promise<SipStack> =>
  world.stack(CLIENT, ['UDP', 'TCP'], { dns: zone, ...stackOptions })

const noting: RequestUser = {
  onProvisional: response => void told.push(`${world.clock.now()} ${response.status}`),
  onFinal: response => void told.push(`${world.clock.now()} ${response.status}`),
  onFailure(failure) {
    failures.push(failure)
    told.push(`${world.clock.now()} failed ${failure.status}`)
  },
  onTarget: target => void told.push(`${world.clock.now()} next ${target.address}`),
}

async function answering(
  address: string,
  statuses: readonly number[],
  protocol: 'UDP' | 'TCP' = 'UDP',
  extra = '',
): Promise<Peer> {
  const peer = await world.peer(address, protocol)
  peer.onMessage = message => {
    if (message.isRequest && message.method !== 'ACK')
      for (const status of statuses) peer.answer(message, status, 'peer', extra)
  }
  return peer
}

describe('RFC 3263 §4.3: a call while the first SRV member is dead', () => {
  test('over UDP succeeds by the second after 8·T1, the next one at once, and after a minute the first is tried again', async () => {
    const stack = await client()
    await answering(SECOND, [180, 200])
    stack.send(invite('sip:bob@example.com;transport=udp'), noting)
    world.advance(10_000)
    expect(told).toEqual([`4000 next ${SECOND}`, '4000 180', '4000 200'])
    told.length = 0
    stack.send(invite('sip:bob@example.com;transport=udp'), noting)
    world.advance(0)
    expect(told).toEqual(['10000 180', '10000 200'])
    const first = await answering(FIRST, [200])
    world.advance(60_000)
    stack.send(options('sip:bob@example.com;transport=udp'), noting)
    world.advance(0)
    expect(first.titles).toContain('OPTIONS')
  })

  test('over UDP with udpErrors at once, where nobody listens there', async () => {
    const stack = await client({ udpErrors: true })
    await answering(SECOND, [200])
    stack.send(invite('sip:bob@example.com;transport=udp'), noting)
    await settled()
    world.advance(0)
    expect(told).toEqual([`0 next ${SECOND}`, '0 200'])
  })

  test('over TCP at once, where it is refused', async () => {
    const stack = await client()
    await answering(SECOND, [200], 'TCP')
    stack.send(invite('sip:bob@example.com;transport=tcp'), noting)
    await settled()
    world.advance(0)
    expect(told).toEqual([`0 next ${SECOND}`, '0 200'])
  })

  test('another request than an INVITE waits for 64·T1, for it may be answered late by right and would be done twice', async () => {
    const stack = await client()
    await answering(SECOND, [200])
    stack.send(options('sip:bob@example.com;transport=udp'), noting)
    world.advance(31_999)
    expect(told).toEqual([])
    world.advance(1)
    expect(told).toEqual([`32000 next ${SECOND}`, '32000 200'])
  })

  test('targetTimeout goes before both, and the last target has its whole time', async () => {
    const stack = await client()
    stack.send(invite('sip:bob@example.com;transport=udp'), noting, { targetTimeout: 1000 })
    world.advance(100_000)
    expect(told).toEqual([`1000 next ${SECOND}`, '33000 failed 408'])
    expect(failures[0]?.attempts.map(({ outcome }) => outcome)).toEqual(['no answer in time', 'timeout'])
  })
})

describe('RFC 3261 §21.5.4: 503', () => {
  test('with Retry-After the member is left alone for so long', async () => {
    const stack = await client()
    const first = await answering(FIRST, [503], 'UDP', 'Retry-After: 30\r\n')
    const second = await answering(SECOND, [200])
    const send = (): void => {
      stack.send(options('sip:bob@example.com;transport=udp'), noting)
      world.advance(0)
    }
    send()
    send()
    expect([first.heard.length, second.heard.length]).toEqual([1, 2])
    world.advance(30_000)
    send()
    expect([first.heard.length, second.heard.length]).toEqual([2, 3])
  })

  test('without it the other member serves, and the first is tried first again', async () => {
    const stack = await client()
    const first = await answering(FIRST, [503])
    await answering(SECOND, [200])
    for (const _ of [1, 2]) {
      stack.send(options('sip:bob@example.com;transport=udp'), noting)
      world.advance(0)
    }
    expect(first.heard).toHaveLength(2)
  })

  test('the only target is tried whatever it said', async () => {
    zone.withSrv('_sip._udp.example.com', [1, 0, 5060, 'a.example.com'])
    const stack = await client()
    const first = await answering(FIRST, [503], 'UDP', 'Retry-After: 600\r\n')
    for (const _ of [1, 2]) {
      stack.send(options('sip:bob@example.com;transport=udp'), noting)
      world.advance(0)
    }
    expect(first.heard).toHaveLength(2)
  })
})

describe('sticky', () => {
  /** Two members of one weight; each knows its own nonces only. */
  async function registrars(statuses: number): Promise<Peer[]> {
    zone.withSrv('_sip._tcp.example.com', [1, 1, 5060, 'a.example.com'], [1, 1, 5060, 'b.example.com'])
    return Promise.all(
      [FIRST, SECOND].map(async address => {
        const peer = await world.peer(address, 'TCP')
        peer.onMessage = message => {
          if (!message.isRequest) return
          const isKnown = message.toString().includes(`nonce="of ${address}"`)
          peer.answer(
            message,
            isKnown ? 200 : statuses,
            'peer',
            `WWW-Authenticate: Digest nonce="of ${address}"\r\n`,
          )
        }
        return peer
      }),
    )
  }

  test.each([401, 407, 422, 423])(
    'the answer to %i goes to the member and over the connection that challenged, of two of which one never heard of the nonce',
    async status => {
      const stack = await client()
      const peers = await registrars(status)
      const chosen = new Set<string>()
      for (let time = 0; time < 20; time++) {
        const first = stack.send(options('sip:example.com;transport=tcp'), noting)
        world.advance(0)
        const again = options('sip:example.com;transport=tcp')
        again.set(answersNonce, `nonce="of ${first.target?.address}"`)
        const second = stack.send(again, noting, { retryOf: first })
        world.advance(0)
        expect(told.slice(-2)).toEqual([`0 ${status}`, '0 200'])
        expect(second.flow?.connection).toBe(first.flow?.connection)
        chosen.add(first.target?.address ?? '')
      }
      // both members were challenging at times, so that luck alone would not do
      expect([...chosen].sort()).toEqual([FIRST, SECOND])
      expect(peers.map(({ heard }) => heard.length).reduce((sum, count) => sum + count)).toBe(40)
    },
  )

  test('after: a later request goes to the target that served an earlier one', async () => {
    const stack = await client()
    await registrars(404)
    const served = stack.send(options('sip:example.com;transport=tcp'), noting)
    world.advance(0)
    for (let time = 0; time < 20; time++) {
      const later = stack.send(options('sip:example.com;transport=tcp'), noting, { after: served })
      world.advance(0)
      expect(later.target?.address).toBe(served.target?.address)
      expect(later.flow?.connection).toBe(served.flow?.connection)
    }
  })

  test('after: a connection that is gone is made anew, to the same target', async () => {
    const stack = await client()
    await registrars(404)
    const served = stack.send(options('sip:example.com;transport=tcp'), noting)
    world.advance(0)
    memoryOf(stack, 'TCP').disconnect(served.target?.address ?? '', 5060)
    const later = stack.send(options('sip:example.com;transport=tcp'), noting, { after: served })
    world.advance(0)
    expect(later.target?.address).toBe(served.target?.address)
    expect(later.flow?.connection).not.toBe(served.flow?.connection)
    expect(told.at(-1)).toBe('0 404')
  })

  test('after: a target that is dead gives way to the others, and is not preferred again until it rested', async () => {
    const stack = await client()
    const first = await answering(FIRST, [200])
    const second = await answering(SECOND, [200])
    const target = 'sip:bob@example.com;transport=udp'
    const served = stack.send(options(target), noting)
    world.advance(0)
    expect(served.target?.address).toBe(FIRST)
    await first.transport.close()
    stack.send(invite(target), noting, { after: served })
    world.advance(4000)
    expect(second.titles).toEqual(['INVITE'])
    stack.send(options(target), noting, { after: served })
    world.advance(0)
    expect(second.titles).toEqual(['INVITE', 'OPTIONS'])
    expect(told.at(-1)).toBe('4000 200')
  })

  test('after: what the served target is no longer among still leads there first', async () => {
    const stack = await client()
    await answering(THIRD, [200])
    await answering(FIRST, [200])
    const target = 'sip:bob@example.com;transport=udp'
    zone.withAddresses('a.example.com', THIRD)
    const served = stack.send(options(target), noting)
    world.advance(0)
    zone.withAddresses('a.example.com', FIRST)
    const later = stack.send(options(target), noting, { after: served })
    expect(later.target?.address).toBe(THIRD)
    expect(later.remaining.map(({ address }) => address)).toEqual([FIRST, SECOND])
  })
})

describe('stack.locate', () => {
  test('tells the targets in their order and why each was chosen', async () => {
    const stack = await client()
    stack.send(options('sip:example.com;transport=udp'), noting)
    world.advance(32_000)
    const found = await stack.locate('sip:example.com;transport=udp')
    expect(found.map(({ target, why, isSetBack }) => [target.address, why, isSetBack])).toEqual([
      [SECOND, 'SRV _sip._udp.example.com 2 0 5060 b.example.com → address of b.example.com', false],
      [FIRST, 'SRV _sip._udp.example.com 1 0 5060 a.example.com → address of a.example.com', true],
    ])
    await expect(stack.locate('sip:none.example')).rejects.toMatchObject({ code: 'ENOTFOUND' })
    await expect(stack.locate('tel:+4930')).rejects.toMatchObject({ code: 'ERR_SIP_SCHEME' })
  })

  test('the resolver that was given is left open when the stack closes', async () => {
    const stack = await client()
    await stack.close()
    expect(zone.closed).toBe(0)
  })
})

test('numbers that are looked up at the same time do not get one another’s targets', async () => {
  const rule = (digit: number, address: string): void => {
    const name = `${digit}.3.9.4.e164.arpa`
    zone
      .withNaptr(name, { flags: 'u', service: 'E2U+sip', regexp: `!^.*$!sip:bob@${address}!` })
      .slow.add(name)
  }
  rule(0, FIRST)
  rule(1, SECOND)
  const stack = await client({ locator: { enum: {} } })
  const peers = [await answering(FIRST, [200]), await answering(SECOND, [200])]
  for (const number of ['tel:+4930', 'tel:+4931']) stack.send(options(number), noting)
  await settled()
  world.advance(0)
  expect(peers.map(({ titles }) => titles)).toEqual([['OPTIONS'], ['OPTIONS']])
})

test('what is our own failure is not held against the target: a transport that is missing, a queue that is full', async () => {
  const stack = await client()
  const udp = memoryOf(stack, 'UDP')
  const { send } = udp
  udp.send = () => 'full'
  stack.send(options('sip:bob@example.com;transport=udp'), noting)
  udp.send = send
  expect(failures[0]?.message).toContain(`udp ${FIRST}:5060 transport error (ERR_SIP_FULL)`)
  const found = await stack.locate('sip:bob@example.com;transport=udp')
  expect(found.map(({ isSetBack }) => isSetBack)).toEqual([false, false])
})
