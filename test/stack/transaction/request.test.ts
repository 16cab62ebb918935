import { h, nameAddr, type RequestFailure, type RequestUser, request, type SipStack, uri } from 'resip/stack'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { encode } from '../../../src/stack/message/encode.ts'
import type { Target } from '../../../src/stack/transport/selector.ts'
import { invite, lines, locating, options, type Peer, settled, targets, World } from '../world.ts'

const CLIENT = '192.0.2.1'

let world: World
let failures: RequestFailure[]

beforeEach(() => {
  world = new World()
  world.drawnFrom(CLIENT)
  failures = []
})

afterEach(() => world.close())

const noting = (): RequestUser => ({
  onProvisional: response => world.note(`heard ${response.status}`),
  onFinal: response => world.note(`final ${response.status}`),
  onFailure(failure) {
    failures.push(failure)
    world.note(`failed ${failure.status}`)
  },
})

const contact = nameAddr('<sip:alice@example.com>')
const emptyContact = contact.with({ uri: contact.uri.with({ host: '' }) })

const outcomes = (): unknown[] =>
  failures[0]?.attempts.map(({ target, outcome }) => `${target.protocol} ${target.address} ${outcome}`) ?? []

/** A peer that answers everything but ACK with these statuses. */
async function answering(address: string, ...statuses: readonly number[]): Promise<Peer> {
  const peer = await world.peer(address)
  peer.onMessage = message => {
    if (message.isRequest && message.method !== 'ACK')
      for (const status of statuses) peer.answer(message, status)
  }
  return peer
}

const branches = (): string[] =>
  world.wires
    .filter(wire => !wire.startsWith('SIP/'))
    .map(wire => /branch=([^;]+)/.exec(lines(wire, 'Via')[0] ?? '')?.[1] ?? '')

describe('RFC 3263 §4.3 fail-over', () => {
  test('a target that times out gives way, each with a branch of its own, and all are listed', async () => {
    const stack = await world.stack(CLIENT)
    stack.send(options(), noting(), { targets: targets('UDP', '192.0.2.2', '192.0.2.3') })
    world.advance(100_000)
    expect(world.ladder.filter(line => !line.includes('→'))).toEqual(['64000 failed 408'])
    expect(outcomes()).toEqual(['UDP 192.0.2.2 timeout', 'UDP 192.0.2.3 timeout'])
    expect(failures[0]?.message).toBe(
      'OPTIONS: no answer came; tried udp 192.0.2.2:5060 timeout, udp 192.0.2.3:5060 timeout',
    )
    expect(new Set(branches()).size).toBe(2)
    expect(stack.timers.size).toBe(0)
  })

  test('targetTimeout: the next is tried sooner, the last has its whole time', async () => {
    const stack = await world.stack(CLIENT)
    stack.send(invite(), noting(), {
      targets: targets('UDP', '192.0.2.2', '192.0.2.3'),
      targetTimeout: 4000,
    })
    world.advance(100_000)
    expect(world.ladder.filter(line => !line.includes('→'))).toEqual(['36000 failed 408'])
    expect(outcomes()).toEqual(['UDP 192.0.2.2 no answer in time', 'UDP 192.0.2.3 timeout'])
    expect(world.ladder.slice(0, 5)).toEqual([
      '0 → INVITE',
      '500 → INVITE',
      '1500 → INVITE',
      '3500 → INVITE',
      '4000 → INVITE',
    ])
    expect(stack.timers.size).toBe(0)
  })

  test('targetTimeout: a provisional response keeps the target', async () => {
    const stack = await world.stack(CLIENT)
    await answering('192.0.2.2', 100)
    const spare = await answering('192.0.2.3', 200)
    stack.send(options(), noting(), {
      targets: targets('UDP', '192.0.2.2', '192.0.2.3'),
      targetTimeout: 4000,
    })
    world.advance(100_000)
    expect(spare.heard).toEqual([])
    expect(failures[0]?.status).toBe(408)
  })

  test.each(['INVITE', 'OPTIONS'])('503 to %s gives way to the next target', async method => {
    const stack = await world.stack(CLIENT)
    await answering('192.0.2.2', 503)
    await answering('192.0.2.3', 100, 200)
    stack.send(method === 'INVITE' ? invite() : options(), noting(), {
      targets: targets('UDP', '192.0.2.2', '192.0.2.3'),
    })
    world.advance(1000)
    expect(world.ladder.filter(line => /heard|final|failed/.test(line))).toEqual([
      '0 heard 100',
      '0 final 200',
    ])
    const [first, second] = branches().filter((branch, at, all) => all.indexOf(branch) === at)
    expect(first).not.toBe(second)
  })

  test('503 from the last target is the final response', async () => {
    const stack = await world.stack(CLIENT)
    await answering('192.0.2.2', 503)
    stack.send(options(), noting(), { targets: targets('UDP', '192.0.2.2') })
    world.advance(1000)
    expect(world.ladder.at(-1)).toBe('0 final 503')
    expect(failures).toEqual([])
  })

  test('a refused connection gives way at once', async () => {
    const stack = await world.stack(CLIENT, ['TCP', 'UDP'])
    await answering('192.0.2.3', 200)
    stack.send(options(), noting(), {
      targets: [...targets('TCP', '192.0.2.2'), ...targets('UDP', '192.0.2.3')],
    })
    await settled()
    world.advance(0)
    expect(world.ladder).toEqual(['0 → OPTIONS', '0 ← 200', '0 final 200'])
  })

  test('no transport for a target is an attempt too', async () => {
    const stack = await world.stack(CLIENT, ['UDP'])
    stack.send(options(), noting(), { targets: [...targets('TCP', '192.0.2.2'), ...targets('UDP', '::1')] })
    expect(outcomes()).toEqual(['TCP 192.0.2.2 no transport', 'UDP ::1 no transport'])
    expect(failures[0]?.status).toBe(503)
    expect(failures[0]?.message).toContain('add a UDP transport over IPv6')
  })

  test('no target at all: 503', async () => {
    const stack = await world.stack(CLIENT)
    stack.send(options(), noting(), { targets: [] })
    expect(failures[0]?.message).toBe('OPTIONS: there is no target')
    expect(failures[0]?.status).toBe(503)
  })

  test('sending does not touch the template, and two sendings of it differ in the branch only', async () => {
    const stack = await world.stack(CLIENT)
    const template = request('INVITE', 'sip:bob@192.0.2.2', {
      from: '<sip:alice@example.com>',
      contact: emptyContact,
    }).set(h.Route, nameAddr('<sip:192.0.2.8>'))
    const before = encode(template)
    stack.send(template, noting(), { targets: targets('UDP', '192.0.2.2', '192.0.2.3'), targetTimeout: 100 })
    world.advance(100)
    expect(encode(template)).toBe(before)
    expect(template.has(h.Via)).toBe(false)
    expect(new Set(world.wires).size).toBe(2)
    expect(new Set(world.wires.map(wire => wire.replace(/branch=[^\r]+/, ''))).size).toBe(1)
  })
})

describe('RFC 3261 §9.1 CANCEL', () => {
  test('waits for a provisional response, and has the INVITE’s top Via, Request-URI, To, From, CSeq number and Route', async () => {
    const stack = await world.stack(CLIENT)
    const peer = await world.peer('192.0.2.2')
    peer.onMessage = message => {
      if (!message.isRequest) return
      if (message.method === 'CANCEL') {
        peer.answer(message, 200)
        const first = peer.heard[0]
        if (first) peer.answer(first, 487)
      }
    }
    const template = invite().set(h.Route, nameAddr('<sip:192.0.2.2;lr>'), nameAddr('<sip:192.0.2.9;lr>'))
    const outgoing = stack.send(template, noting())
    world.advance(100)
    outgoing.cancel()
    outgoing.cancel()
    world.advance(100)
    expect(world.ladder).toEqual(['0 → INVITE'])
    const [first] = peer.heard
    if (!first?.isRequest) throw new Error('no INVITE')
    peer.answer(first, 180)
    world.advance(0)
    expect(world.ladder.slice(1)).toEqual([
      '200 ← 180',
      '200 → CANCEL',
      '200 heard 180',
      '200 ← 200',
      '200 ← 487',
      '200 → ACK',
      '200 final 487',
    ])
    const cancel = peer.heard[1]
    if (!cancel?.isRequest) throw new Error('no CANCEL')
    for (const header of [h.Via, h.From, h.To, h.CallId, h.Route])
      expect(String(cancel.all<unknown>(header)), header.name).toBe(String(first.all<unknown>(header)))
    expect(String(cancel.requestUri)).toBe(String(first.requestUri))
    expect(String(cancel.cseq)).toBe('1 CANCEL')
    expect(cancel.has(h.Contact)).toBe(false)
    world.advance(100_000)
    expect(stack.transactionCount).toBe(0)
    expect(stack.timers.size).toBe(0)
  })

  test('without effect ends after 64·T1, whatever provisional responses come meanwhile', async () => {
    const stack = await world.stack(CLIENT)
    const peer = await answering('192.0.2.2', 180)
    const outgoing = stack.send(invite(), noting())
    world.advance(1000)
    outgoing.cancel()
    world.advance(10_000)
    const [first] = peer.heard
    if (first === undefined) throw new Error('no INVITE')
    peer.answer(first, 183)
    world.advance(100_000)
    expect(world.ladder.at(-1)).toBe('33000 failed 487')
    expect(world.ladder.filter(line => line.includes('failed'))).toHaveLength(1)
    expect(stack.transactionCount).toBe(0)
    expect(stack.timers.size).toBe(0)
  })

  test('a 2xx that overtakes it is the final response', async () => {
    const stack = await world.stack(CLIENT)
    await answering('192.0.2.2', 180)
    const outgoing = stack.send(invite(), noting())
    world.advance(0)
    const peer = await world.peer('192.0.2.3')
    outgoing.cancel()
    const first = world.wires[0]
    if (first === undefined) throw new Error('no INVITE')
    peer.send(
      `SIP/2.0 200 OK\r\n${first
        .split('\r\n')
        .slice(1)
        .join('\r\n')
        .replace(/To: ([^\r]+)/, 'To: $1;tag=t')}`,
      CLIENT,
    )
    world.advance(100_000)
    expect(world.ladder.filter(line => /final|failed/.test(line))).toEqual(['0 final 200'])
  })

  test('after the final response does nothing, and nothing is told', async () => {
    const stack = await world.stack(CLIENT)
    await answering('192.0.2.2', 180, 200)
    const outgoing = stack.send(invite(), noting())
    world.advance(0)
    expect(outgoing.isEnded).toBe(true)
    outgoing.cancel()
    world.advance(100_000)
    expect(world.ladder).toEqual(['0 → INVITE', '0 ← 180', '0 ← 200', '0 heard 180', '0 final 200'])
    expect(failures).toEqual([])
    expect(stack.timers.size).toBe(0)
  })

  test('while locating ends the request with 487, and nothing is ever sent', async () => {
    let found: (targets: readonly Target[]) => void = () => {}
    const stack = await world.stack(CLIENT, ['UDP'], {
      locate: locating(() => new Promise<readonly Target[]>(resolve => (found = resolve))),
    })
    const outgoing = stack.send(invite(), noting())
    outgoing.cancel()
    expect(failures[0]?.status).toBe(487)
    found(targets('UDP', '192.0.2.2'))
    await settled()
    world.advance(100_000)
    expect(world.ladder).toEqual(['0 failed 487'])
  })

  test('while a target is silent: the next is not tried any more', async () => {
    const stack = await world.stack(CLIENT)
    const outgoing = stack.send(invite(), noting(), {
      targets: targets('UDP', '192.0.2.2', '192.0.2.3'),
      targetTimeout: 4000,
    })
    world.advance(3999)
    outgoing.cancel()
    world.advance(100_000)
    expect(world.ladder).toContain('4000 failed 487')
    expect(new Set(branches()).size).toBe(1)
    expect(stack.transactionCount).toBe(0)
  })

  test('a 503 that comes after it is the final response: no other target is tried', async () => {
    const stack = await world.stack(CLIENT)
    const peer = await answering('192.0.2.2', 180)
    const outgoing = stack.send(invite(), noting(), { targets: targets('UDP', '192.0.2.2', '192.0.2.3') })
    world.advance(0)
    outgoing.cancel()
    const [first] = peer.heard
    if (first === undefined) throw new Error('no INVITE')
    peer.answer(first, 503)
    world.advance(100_000)
    expect(world.ladder.filter(line => /final|failed/.test(line))).toEqual(['0 final 503'])
    expect(world.ladder.filter(line => line.endsWith('→ INVITE'))).toHaveLength(1)
  })

  test('between two targets, while the transport for the next is looked for: 487, and the next is not tried', async () => {
    const stack = await world.stack(CLIENT)
    // with two transports that fit, the system is asked for its route into each network, and answers later
    await stack.addTransport(world.network.transport('UDP', '192.0.2.11', 5060))
    await answering('192.0.2.2', 180, 503)
    const outgoing = stack.send(invite(), noting(), { targets: targets('UDP', '192.0.2.2', '198.51.100.3') })
    for (let turn = 0; turn < 1000 && world.ladder.length === 0; turn++) await settled()
    world.advance(0)
    expect(world.ladder.at(-1)).toMatch(/0 . ACK/)
    outgoing.cancel()
    for (let turn = 0; turn < 20; turn++) await settled()
    world.advance(100_000)
    expect(
      world.ladder
        .filter(line => /INVITE|CANCEL|final|failed/.test(line))
        .map(line => line.replace(/^\d+ (. )?/, '')),
    ).toEqual(['INVITE', 'failed 487'])
  })

  test('of another request than an INVITE does nothing once it was sent', async () => {
    const stack = await world.stack(CLIENT)
    const outgoing = stack.send(options(), noting())
    outgoing.cancel()
    world.advance(100_000)
    expect(world.ladder.some(line => line.includes('CANCEL'))).toBe(false)
    expect(failures[0]?.status).toBe(408)
  })

  test('abandon says nothing to anybody and leaves nothing behind', async () => {
    const stack = await world.stack(CLIENT)
    const outgoing = stack.send(invite(), noting(), {
      targets: targets('UDP', '192.0.2.2', '192.0.2.3'),
      targetTimeout: 4000,
    })
    outgoing.abandon()
    expect(stack.transactionCount).toBe(0)
    expect(stack.timers.size).toBe(0)
    world.advance(100_000)
    expect(world.ladder).toEqual(['0 → INVITE'])
  })
})

describe('the waiting line of a next hop', () => {
  const cseqs = (): string[] => world.wires.map(wire => lines(wire, 'CSeq')[0] ?? '')

  test('keeps its order over a look-up, asks once, and is bounded', async () => {
    const asked: string[] = []
    const tell: ((targets: readonly Target[]) => void)[] = []
    const stack = await world.stack(CLIENT, ['UDP'], {
      limits: { maxWaitingPerHop: 3 },
      locate: locating(hop => {
        asked.push(hop.hostPort)
        return new Promise<readonly Target[]>(resolve => void tell.push(resolve))
      }),
    })
    const send = (cseq: number, host = 'example.com'): void => {
      const template = request('MESSAGE', `sip:bob@${host}`, { from: '<sip:alice@example.com>', cseq })
      stack.send(template, noting())
    }
    for (const cseq of [1, 2, 3]) send(cseq)
    send(9, 'example.net')
    send(4)
    expect(failures).toHaveLength(1)
    expect(failures[0]?.status).toBe(503)
    expect(failures[0]?.message).toContain('3 messages wait for example.com to be looked up, and 4 in all')
    expect(asked).toEqual(['example.com', 'example.net'])
    tell[0]?.(targets('UDP', '192.0.2.2'))
    await settled()
    expect(cseqs()).toEqual(['1 MESSAGE', '2 MESSAGE', '3 MESSAGE'])
    send(5)
    expect(asked).toEqual(['example.com', 'example.net', 'example.com'])
  })

  test('a look-up that fails fails all that wait', async () => {
    const stack = await world.stack(CLIENT, ['UDP'], {
      locate: locating(() => Promise.reject(new Error('no such name'))),
    })
    for (const _ of [1, 2]) stack.send(options('sip:example.com'), noting())
    await settled()
    expect(failures.map(({ status, message }) => `${status} ${message}`)).toEqual([
      '503 OPTIONS: no such name',
      '503 OPTIONS: no such name',
    ])
  })

  test('nobody is told after close, and no timer is left', async () => {
    let found: (targets: readonly Target[]) => void = () => {}
    const stack = await world.stack(CLIENT, ['UDP'], {
      locate: locating(() => new Promise<readonly Target[]>(resolve => (found = resolve))),
    })
    stack.send(options(), noting())
    stack.send(invite(), noting(), { targets: targets('UDP', '192.0.2.2', '192.0.2.3'), targetTimeout: 4000 })
    await stack.close()
    found(targets('UDP', '192.0.2.2'))
    await settled()
    world.advance(100_000)
    expect(failures).toEqual([])
    expect(world.ladder).toEqual(['0 → INVITE'])
    expect(stack.timers.size).toBe(0)
  })
})

describe('RFC 3261 §18.1.1 large requests', () => {
  const large = () => options().setBody('text/plain', 'x'.repeat(1300))

  test('go over TCP, and the Via says so', async () => {
    const stack = await world.stack(CLIENT, ['UDP', 'TCP'])
    const peer = await world.peer('192.0.2.2', 'TCP')
    stack.send(large(), noting())
    world.advance(0)
    expect(peer.heard[0]?.via.transport).toBe('TCP')
    expect(world.ladder).toEqual(['0 → OPTIONS'])
  })

  test('go over UDP where TCP is refused', async () => {
    const stack = await world.stack(CLIENT, ['UDP', 'TCP'])
    const peer = await answering('192.0.2.2', 200)
    stack.send(large(), noting())
    await settled()
    world.advance(0)
    expect(peer.heard[0]?.via.transport).toBe('UDP')
    expect(world.ladder.at(-1)).toBe('0 final 200')
  })

  test.each([
    ['where there is no TCP transport', ['UDP'], {}],
    ['where maxDatagram is Infinity', ['UDP', 'TCP'], { maxDatagram: Number.POSITIVE_INFINITY }],
  ] as const)('stay on UDP %s', async (_, protocols, stackOptions) => {
    const stack = await world.stack(CLIENT, protocols, stackOptions)
    const peer = await answering('192.0.2.2', 200)
    stack.send(large(), noting())
    world.advance(0)
    expect(peer.heard[0]?.via.transport).toBe('UDP')
  })

  test('1,300 bytes go over UDP, one more over TCP', async () => {
    const stack = await world.stack(CLIENT, ['UDP', 'TCP'])
    const udp = await world.peer('192.0.2.2')
    const tcp = await world.peer('192.0.2.2', 'TCP')
    stack.send(options().setBody('text/plain', 'xxx'), noting())
    world.advance(0)
    const head = (udp.heard[0]?.bytes.length ?? 0) - '3'.length - 3
    const body = 1300 - head - '1234'.length
    expect(String(body)).toHaveLength(4)
    for (const size of [body, body + 1]) {
      stack.send(options().setBody('text/plain', 'x'.repeat(size)), noting())
    }
    world.advance(0)
    expect(udp.heard.map(({ bytes }) => bytes.length).slice(1)).toEqual([1300])
    expect(tcp.heard).toHaveLength(1)
  })
})

describe('RFC 3261 §8.1.2, §12.2.1.1 where a request goes', () => {
  const first = (peer: Peer): { uri: string; routes: string[] } => {
    const [message] = peer.heard
    if (!message?.isRequest) throw new Error('no request')
    return { uri: String(message.requestUri), routes: message.all(h.Route).map(String) }
  }

  test('a loose Route leads, and the Request-URI stays', async () => {
    const stack = await world.stack(CLIENT)
    const peer = await world.peer('192.0.2.3')
    stack.send(
      options().set(h.Route, nameAddr('<sip:192.0.2.3;lr>'), nameAddr('<sip:192.0.2.4;lr>')),
      noting(),
    )
    world.advance(0)
    expect(first(peer)).toEqual({
      uri: 'sip:bob@192.0.2.2',
      routes: ['<sip:192.0.2.3;lr>', '<sip:192.0.2.4;lr>'],
    })
  })

  test('a strict Route becomes the Request-URI, which becomes the last Route', async () => {
    const stack = await world.stack(CLIENT)
    const peer = await world.peer('192.0.2.3')
    stack.send(options().set(h.Route, nameAddr('<sip:192.0.2.3>'), nameAddr('<sip:192.0.2.4;lr>')), noting())
    world.advance(0)
    expect(first(peer)).toEqual({
      uri: 'sip:192.0.2.3',
      routes: ['<sip:192.0.2.4;lr>', '<sip:bob@192.0.2.2>'],
    })
  })

  test('nextHop leads whatever Route and Request-URI say', async () => {
    const stack = await world.stack(CLIENT)
    const peer = await world.peer('192.0.2.5')
    stack.send(options().set(h.Route, nameAddr('<sip:192.0.2.3;lr>')), noting(), {
      nextHop: uri('sip:192.0.2.5'),
    })
    world.advance(0)
    expect(first(peer)).toEqual({ uri: 'sip:bob@192.0.2.2', routes: ['<sip:192.0.2.3;lr>'] })
  })

  test('maddr and a port in the URI lead', async () => {
    const stack = await world.stack(CLIENT)
    const peer = await world.peer('192.0.2.6', 'UDP', 5070)
    stack.send(options('sip:bob@192.0.2.2:5070;maddr=192.0.2.6'), noting())
    world.advance(0)
    expect(peer.heard).toHaveLength(1)
  })

  test('a tel URI has nowhere to go without a Route', async () => {
    const stack = await world.stack(CLIENT)
    stack.send(options('tel:+4930123'), noting())
    expect(failures[0]?.message).toContain('a tel URI cannot be sent to')
  })
})

describe('stack.request', () => {
  const answerLate = async (stack: SipStack, statuses: readonly number[]): Promise<Peer> => {
    expect(stack.transports).toHaveLength(1)
    return answering('192.0.2.2', ...statuses)
  }

  test('resolves with the final response, whatever its status, and rejects with the failure', async () => {
    const stack = await world.stack(CLIENT)
    await answerLate(stack, [404])
    const found = stack.request(options())
    const lost = stack.request(options('sip:192.0.2.9'))
    const rejected = expect(lost).rejects.toMatchObject({ status: 408, code: 'ERR_SIP_REQUEST' })
    world.advance(100_000)
    expect((await found).status).toBe(404)
    await rejected
  })

  test('an aborted signal cancels an INVITE', async () => {
    const stack = await world.stack(CLIENT)
    const peer = await world.peer('192.0.2.2')
    peer.onMessage = message => {
      if (!message.isRequest) return
      const [first] = peer.heard
      if (message.method === 'INVITE') peer.answer(message, 180)
      if (message.method === 'CANCEL' && first) peer.answer(first, 487)
    }
    const controller = new AbortController()
    const response = stack.request(invite(), { signal: controller.signal })
    world.advance(1000)
    controller.abort()
    world.advance(0)
    expect((await response).status).toBe(487)
    expect(peer.titles).toEqual(['INVITE', 'CANCEL', 'ACK'])
  })

  test('an aborted signal lets go of another request', async () => {
    const stack = await world.stack(CLIENT)
    const controller = new AbortController()
    const response = stack.request(options(), { signal: controller.signal })
    controller.abort(new Error('enough'))
    await expect(response).rejects.toThrow('enough')
    expect(stack.transactionCount).toBe(0)
  })

  test('a signal that was aborted before sends nothing', async () => {
    const stack = await world.stack(CLIENT)
    await expect(stack.request(invite(), { signal: AbortSignal.abort(new Error('never')) })).rejects.toThrow(
      'never',
    )
    expect(world.ladder).toEqual([])
  })
})

test('an ACK is no request to send in a transaction', async () => {
  const stack = await world.stack(CLIENT)
  const ack = request('ACK', 'sip:192.0.2.2', { from: '<sip:alice@example.com>' })
  expect(() => stack.send(ack, noting())).toThrow('an ACK has no transaction; send it with sendAck')
  await stack.sendAck(ack).sent
  world.advance(100_000)
  expect(world.ladder).toEqual(['0 → ACK'])
})

test('a user that sends again at once when its connection is lost is not told of the new one’s loss', async () => {
  const stack = await world.stack(CLIENT, ['TCP'])
  let failed = 0
  const send = (): void => {
    stack.send(options('sip:192.0.2.2;transport=tcp'), {
      onFinal() {},
      onFailure() {
        if (++failed < 5) send()
      },
    })
  }
  send()
  await settled()
  expect(failed).toBe(5)
  expect(stack.transactionCount).toBe(0)
})
