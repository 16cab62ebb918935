import { describe, expect, test } from 'vitest'
import { HandshakeType } from '../../../src/media/dtls/handshake/message.ts'
import type { DtlsOptions } from '../../../src/media/dtls/index.ts'
import { uint16, vector } from '../../../src/media/dtls/octets.ts'
import {
  alice,
  bob,
  clientAddress,
  DELAY,
  type Fate,
  factory,
  Pair,
  serverAddress,
  stranger,
} from './pair.ts'
import {
  clearAlert,
  clearFragment,
  clearMessage,
  clientHello,
  cookieOf,
  type HelloParts,
  helloBody,
} from './wire.ts'

const good = alice.fingerprint()
const wrong = { hash: 'sha-256', value: good.value.replace(/^../, found => (found === '00' ? '01' : '00')) }

/** Changes what the handshake's datagrams say on their way. */
function rewriting(
  pair: Pair,
  from: 'client' | 'server',
  change: (datagram: Buffer) => Buffer | undefined,
): Fate {
  return (side, _, datagram) => {
    if (side !== from) return [DELAY]
    const changed = change(Buffer.from(datagram))
    if (changed === undefined) return [DELAY]
    const [end, address] = from === 'client' ? [pair.server, clientAddress] : [pair.client, serverAddress]
    pair.timers.after(DELAY, () => end.receive(changed, address))
    return []
  }
}

/** Where a handshake message of this type stands in a datagram, or -1. */
function find(datagram: Buffer, type: number): number {
  for (let at = 0; at + 13 < datagram.length; at += 13 + datagram.readUInt16BE(at + 11)) {
    if (datagram[at] === 22 && datagram.readUInt16BE(at + 3) === 0 && datagram[at + 13] === type)
      return at + 25
  }
  return -1
}

describe('RFC 8122 §6.2, RFC 5763 §6.2: the fingerprint', () => {
  test.each(['client', 'server'] as const)(
    'is wrong for the %s: both sides fail, and nobody has keys',
    side => {
      const pair = new Pair({ [side]: { fingerprints: [side === 'server' ? wrong : { ...wrong }] } }).run()
      const [here, there] = side === 'client' ? [pair.a, pair.b] : [pair.b, pair.a]
      expect(here.error).toMatchObject({ code: 'ERR_DTLS_FINGERPRINT', alert: 'bad_certificate' })
      expect(here.error?.message).toContain('fingerprint')
      expect(there.error).toMatchObject({ code: 'ERR_DTLS_ALERT' })
      expect(here.keys).toBe(undefined)
      if (side === 'client') expect(there.keys).toBe(undefined)
      expect(pair.timers.size).toBe(0)
    },
  )

  test('is wrong: the client stops at Certificate, before it has made a secret', () => {
    const pair = new Pair({ client: { fingerprints: [wrong] } }).run()
    // two hellos and an alert in the clear
    expect(pair.a.sent.map(datagram => datagram.readUInt16BE(3))).toEqual([0, 0, 0])
    expect(pair.a.sent[2]?.subarray(13)).toEqual(Buffer.of(2, 42))
  })

  test.each(['client', 'server'] as const)('is late for the %s: no keys until it comes', side => {
    const pair = new Pair({ [side]: { fingerprints: [] } }).run(20_000)
    const [end, party, other] =
      side === 'client' ? [pair.client, pair.a, pair.b] : [pair.server, pair.b, pair.a]
    expect([end.state, party.keys, other.keysGiven]).toEqual(['unverified', undefined, 1])
    pair.advance(3_600_000)
    expect(() => end.exportKeyingMaterial('x', 1)).toThrow(/verified/)
    end.setRemoteFingerprints([side === 'client' ? bob.fingerprint('sha-512') : alice.fingerprint('sha-384')])
    expect([end.state, pair.secured]).toEqual(['established', true])
  })

  test('is late and wrong: the association fails, and the peer is told', () => {
    const pair = new Pair({ client: { fingerprints: [] } }).run(20_000)
    pair.client.setRemoteFingerprints([wrong])
    pair.advance(100)
    expect(pair.a.error).toMatchObject({ code: 'ERR_DTLS_FINGERPRINT' })
    expect(pair.b.error).toMatchObject({ code: 'ERR_DTLS_ALERT' })
    expect(pair.a.keys).toBe(undefined)
  })

  test('comes between Certificate and Finished', () => {
    const pair = new Pair({ server: { fingerprints: [] } })
    pair.run(2 * DELAY + 5)
    pair.advance(3 * DELAY)
    pair.server.setRemoteFingerprints([good])
    pair.advance(1000)
    expect(pair.secured).toBe(true)
  })

  test('of several, those of the strongest hash count, and any of them will do (RFC 8122 §5)', () => {
    const run = (fingerprints: DtlsOptions['fingerprints'] = []) =>
      new Pair({ server: { fingerprints } }).run().secured
    expect(run([wrong, alice.fingerprint('sha-384')])).toBe(true)
    expect(run([good, { ...alice.fingerprint('sha-512'), value: bob.fingerprint('sha-512').value }])).toBe(
      false,
    )
    expect(run([bob.fingerprint('sha-512'), alice.fingerprint('sha-512')])).toBe(true)
    expect(
      run([
        { hash: 'sha-1', value: 'AA' },
        { hash: 'SHA-256', value: good.value.toLowerCase() },
      ]),
    ).toBe(true)
  })
})

describe('a hostile server', () => {
  const against = (change: (datagram: Buffer) => Buffer | undefined) => {
    const pair = new Pair()
    pair.fate = rewriting(pair, 'server', change)
    return pair.run()
  }
  const patch = (type: number, edit: (datagram: Buffer, body: number) => void) => (datagram: Buffer) => {
    const body = find(datagram, type)
    if (body < 0) return undefined
    edit(datagram, body)
    return datagram
  }

  test.each([
    [
      'another version',
      'protocol_version',
      patch(2, (datagram, body) => datagram.writeUInt16BE(0xfeff, body)),
    ],
    [
      'DTLS 1.3 in the clear',
      'protocol_version',
      patch(2, (datagram, body) => datagram.writeUInt16BE(0xfefc, body)),
    ],
    [
      'a suite that was not offered',
      'illegal_parameter',
      patch(2, (datagram, body) => datagram.writeUInt16BE(0x002f, body + 35)),
    ],
    ['a compression', 'illegal_parameter', patch(2, (datagram, body) => datagram.writeUInt8(1, body + 37))],
    [
      'a list longer than its message',
      'decode_error',
      patch(11, (datagram, body) => datagram.writeUIntBE(9999, body, 3)),
    ],
    [
      'a curve that was not offered',
      'illegal_parameter',
      patch(12, (datagram, body) => datagram.writeUInt16BE(25, body + 1)),
    ],
    [
      'a key under a false signature',
      'decrypt_error',
      patch(12, (datagram, body) => datagram.writeUInt8(0x55, body + 20)),
    ],
    [
      'a scheme with SHA-1',
      'illegal_parameter',
      patch(12, (datagram, body) => datagram.writeUInt16BE(0x0203, body + 4 + 65)),
    ],
    [
      'a certificate request after the end',
      'unexpected_message',
      patch(14, (datagram, body) => datagram.writeUInt8(13, body - 12)),
    ],
  ] as const)('sends %s: %s', (_, alert, change) => {
    const pair = against(change)
    expect(pair.a.error).toMatchObject({ alert })
    expect([pair.client.state, pair.a.keys, pair.b.keys]).toEqual(['failed', undefined, undefined])
  })

  test('answers what was not asked yet: nothing of it is read', () => {
    const answers: Buffer[] = []
    const before = new Pair({ server: { proven: true } })
    before.fate = rewriting(before, 'server', datagram => {
      if (find(datagram, 2) >= 0) answers.push(Buffer.from(datagram))
      return undefined
    })
    before.run()
    const pair = new Pair({ seed: 8 })
    for (const answer of answers) pair.client.receive(answer, stranger)
    expect(answers.length).toBeGreaterThan(0)
    expect(pair.run().secured).toBe(true)
  })

  test('sends a garbage certificate that signalling does name', () => {
    const pair = new Pair({ client: { fingerprints: [] } })
    pair.fate = rewriting(
      pair,
      'server',
      patch(11, (datagram, body) => datagram.fill(0xa5, body + 20, body + 60)),
    )
    pair.run()
    expect(pair.a.error).toMatchObject({ alert: 'bad_certificate' })
  })

  test('asks for cookies without end: the fifth is not followed', () => {
    const pair = new Pair()
    let asked = 0
    pair.fate = (side, n) => {
      if (side !== 'client') return []
      asked++
      const body = Buffer.concat([uint16(0xfeff), vector(1, Buffer.from(`cookie ${n}`))])
      const request = clearMessage(HandshakeType.helloVerifyRequest, 0, body)
      pair.timers.after(DELAY, () => pair.client.receive(request, serverAddress))
      return []
    }
    pair.run(190)
    expect(asked).toBe(5)
  })
})

describe('RFC 5246 §7.2.1: close_notify before the keys are given', () => {
  test('ends the handshake with an error, for somebody waits for keys', () => {
    const pair = new Pair({ client: { fingerprints: [] } }).run(2000)
    expect([pair.client.state, pair.server.state]).toEqual(['unverified', 'established'])
    pair.server.close()
    pair.advance(100)
    expect(pair.a.ended).toBe(true)
    expect(pair.a.error).toMatchObject({ code: 'ERR_DTLS_ALERT' })
    expect(pair.a.error?.message).toContain('close_notify')
  })

  test('and after them ends the association with none', () => {
    const pair = new Pair().run(2000)
    pair.server.close()
    pair.advance(100)
    expect([pair.a.ended, pair.a.error]).toEqual([true, undefined])
  })
})

describe('a hostile client', () => {
  test.each([
    ['a point off the curve', 'illegal_parameter', 16, (body: Buffer) => body.fill(0x11, 2)],
    ['a point of no length', 'decode_error', 16, (body: Buffer) => body.fill(0, 0, 1)],
    ['a false signature', 'decrypt_error', 15, (body: Buffer) => body.fill(0x11, 12)],
    ['no certificate', 'decode_error', 11, (body: Buffer) => body.writeUIntBE(0, 0, 3)],
  ] as const)('sends %s: %s', (_, alert, type, edit) => {
    const pair = new Pair()
    pair.fate = rewriting(pair, 'client', datagram => {
      const body = find(datagram, type)
      if (body < 0) return undefined
      edit(datagram.subarray(body, body - 12 + 12 + datagram.readUIntBE(body - 11, 3)))
      return datagram
    })
    pair.run()
    expect(pair.b.error).toMatchObject({ alert })
    expect(pair.b.keys).toBe(undefined)
  })

  const greeted = (parts: HelloParts) => {
    const pair = new Pair({ server: { proven: true } })
    pair.server.receive(clientHello(parts), clientAddress)
    return pair
  }

  test.each<[string, string, HelloParts]>([
    ['DTLS 1.0', 'protocol_version', { version: 0xfeff }],
    ['TLS 1.2', 'protocol_version', { version: 0x0303 }],
    ['no suite of ours', 'handshake_failure', { suites: [0xc009, 0x002f] }],
    ['suites for RSA alone', 'handshake_failure', { suites: [0xc02f, 0xc030] }],
    ['no group of ours', 'handshake_failure', { groups: [25, 256] }],
    ['no profile of ours', 'handshake_failure', { profiles: [5, 6] }],
    ['SHA-1 alone', 'handshake_failure', { schemes: [0x0203, 0x0201] }],
    ['compression alone', 'illegal_parameter', { compression: Buffer.of(1) }],
  ])('offers %s: %s', (_, alert, parts) => {
    const pair = greeted(parts)
    expect(pair.b.error).toMatchObject({ alert })
    expect(pair.server.state).toBe('failed')
  })

  test.each<[string, HelloParts]>([
    ['an extension twice', { more: Buffer.from('000a00040002001d', 'hex') }],
    ['an extension that is cut', { more: Buffer.from('ff000010', 'hex') }],
    ['a renegotiation of what never was', { more: Buffer.from('ff0100020155', 'hex') }],
  ])('has %s: counted, and nothing else', (_, parts) => {
    const pair = greeted(parts)
    expect([pair.server.state, pair.b.sent.length, pair.server.counters.hellos]).toEqual(['listening', 0, 1])
  })

  test('offers an unknown extension and GREASE: passed over', () => {
    const pair = greeted({
      more: Buffer.from('0a0a00020000', 'hex'),
      suites: [0x1a1a, 0xc02b],
      groups: [0x2a2a, 23],
    })
    expect(pair.server.state).toBe('handshaking')
    expect(pair.b.sent.length).toBe(1)
  })
})

describe('RFC 6347 §4.2.1: before the cookie', () => {
  test('a flood of hellos from everywhere costs answers, and no state', () => {
    const pair = new Pair({ fate: () => [] })
    for (let n = 0; n < 5000; n++) {
      const random = Buffer.alloc(32, n & 0xff)
      pair.server.receive(clientHello({ random }), { address: `203.0.113.${n & 0xff}`, port: 1024 + n })
    }
    expect([pair.server.state, pair.server.counters.cookies, pair.timers.size]).toEqual([
      'listening',
      5000,
      0,
    ])
    // an answer is never longer than what it answers
    for (const answer of pair.b.sent) expect(answer.length).toBeLessThan(clientHello().length)
    pair.fate = () => [DELAY]
    expect(pair.run().secured).toBe(true)
  })

  test('of many hellos in one datagram one is answered', () => {
    const hellos = Array.from({ length: 20 }, () => clientHello())
    const pair = new Pair({ fate: () => [] })
    pair.server.receive(Buffer.concat(hellos), stranger)
    expect([pair.b.sent.length, pair.server.counters.hellos]).toEqual([1, 19])
    pair.server.receive(clientHello(), stranger)
    expect(pair.b.sent.length).toBe(2)
  })

  test('one cookie, and hellos that differ in their extensions: one flight in 50 ms', () => {
    const pair = new Pair({ fate: () => [] })
    pair.server.receive(clientHello(), clientAddress)
    const cookie = cookieOf(pair.b.sent[0] ?? Buffer.alloc(0))
    const say = (n: number) => {
      const more = Buffer.concat([uint16(0x5555), vector(2, uint16(n))])
      pair.server.receive(clientHello({ cookie, more }, 1, 1), clientAddress)
    }
    for (let n = 0; n < 100; n++) say(n)
    expect([pair.b.sent.length, pair.server.counters.hellos]).toEqual([2, 99])
    pair.advance(50)
    say(100)
    expect(pair.b.sent.length).toBe(3)
  })

  test('a cookie is of its address, its port and its hello alone', () => {
    const pair = new Pair()
    pair.server.receive(clientHello(), clientAddress)
    const cookie = cookieOf(pair.b.sent[0] ?? Buffer.alloc(0))
    expect(cookie.length).toBe(32)
    pair.server.receive(clientHello({ cookie }, 1, 1), stranger)
    pair.server.receive(clientHello({ cookie }, 1, 1), { ...clientAddress, port: 4001 })
    pair.server.receive(clientHello({ cookie, random: Buffer.alloc(32, 8) }, 1, 1), clientAddress)
    pair.server.receive(clientHello({ cookie: Buffer.alloc(32) }, 1, 1), clientAddress)
    expect([pair.server.state, pair.server.counters.cookies]).toEqual(['listening', 5])
    pair.server.receive(clientHello({ cookie }, 1, 1), clientAddress)
    expect(pair.server.state).toBe('handshaking')
  })

  test('a cookie outlives one change of the secret, and no second', async () => {
    const stateAfter = async (milliseconds: number) => {
      // a factory of its own, for its secrets go by one clock
      const pair = new Pair({ factories: [alice, await factory()] })
      pair.server.receive(clientHello(), clientAddress)
      const cookie = cookieOf(pair.b.sent[0] ?? Buffer.alloc(0))
      pair.advance(milliseconds)
      pair.server.receive(clientHello({ cookie }, 1, 1), clientAddress)
      return pair.server.state
    }
    expect(await stateAfter(299_000)).toBe('handshaking')
    expect(await stateAfter(599_000)).toBe('handshaking')
    expect(await stateAfter(601_000)).toBe('listening')
  })

  test('a hello in pieces is put together in any order, 4 KB at most', () => {
    const pieces = (more: number) => {
      const pair = new Pair()
      const padding = Buffer.concat([uint16(21), vector(2, Buffer.alloc(more))])
      const body = helloBody({ more: padding })
      for (const offset of [700, 0, 1400, 2100, 2800, 3500, 4200]) {
        const data = body.subarray(offset, offset + 700)
        if (data.length === 0) continue
        pair.server.receive(clearFragment(1, 0, { length: body.length, offset, data }), clientAddress)
      }
      return pair.server.counters.cookies
    }
    expect(pieces(1500)).toBe(1)
    expect(pieces(3600)).toBe(1)
    expect(pieces(4200)).toBe(0)
  })

  test('whatever else comes is dropped', () => {
    const pair = new Pair()
    for (const type of [0, 2, 3, 4, 11, 12, 16, 20, 99]) {
      pair.server.receive(clearMessage(type, 0, Buffer.alloc(40)), clientAddress)
    }
    pair.server.receive(clearAlert(2, 40), clientAddress)
    expect([pair.server.state, pair.b.sent.length]).toEqual(['listening', 0])
    expect(pair.run().secured).toBe(true)
  })
})

describe('RFC 6347 §4.1.2.7: records that are dropped without a word', () => {
  const midway = () => {
    const pair = new Pair()
    pair.run(3 * DELAY + 2)
    return pair
  }

  test("a clear alert of a stranger, and one from the peer's address while the handshake goes on", () => {
    const pair = midway()
    pair.client.receive(clearAlert(2, 40), stranger)
    pair.client.receive(clearAlert(2, 40), serverAddress)
    pair.server.receive(clearAlert(2, 40), clientAddress)
    pair.advance(10_000)
    expect(pair.secured).toBe(true)
    expect(pair.client.counters.strangers).toBe(1)
  })

  test('a clear alert is believed where nothing else comes for two seconds', () => {
    const pair = new Pair({ fate: side => (side === 'client' ? [] : [DELAY]) })
    pair.run(100)
    pair.client.receive(clearAlert(2, 40), serverAddress)
    pair.advance(1999)
    expect(pair.client.state).toBe('handshaking')
    pair.advance(1)
    expect(pair.a.error).toMatchObject({ code: 'ERR_DTLS_ALERT' })
    expect(pair.a.error?.message).toContain('handshake_failure')
  })

  test('clear alerts after the handshake, warnings, and alerts that are none', () => {
    const pair = new Pair().run(1000)
    for (const alert of [clearAlert(2, 40), clearAlert(1, 0), clearAlert(3, 3)]) {
      pair.client.receive(alert, serverAddress)
      pair.server.receive(alert, clientAddress)
    }
    pair.advance(5000)
    expect([pair.client.state, pair.server.state]).toEqual(['established', 'established'])
    expect(pair.client.counters).toMatchObject({ alerts: 2, malformed: 1 })
  })

  test('lying lengths, other epochs, other versions, replays, false tags, oversize and empty records', () => {
    const pair = new Pair().run(1000)
    const last = pair.a.sent.at(-1) ?? Buffer.alloc(0)
    const sealedAt = last.length - (13 + 24 + 24)
    const sealed = last.subarray(sealedAt)
    const changed = (at: number, value: number) => {
      const copy = Buffer.from(sealed)
      copy.writeUInt8(value, at)
      return copy
    }
    const take = (record: Buffer) => pair.server.receive(record, clientAddress)
    take(sealed)
    expect(pair.server.counters.replayed).toBe(1)
    take(changed(10, 9))
    expect(pair.server.counters.unauthentic).toBe(1)
    take(changed(4, 2))
    expect(pair.server.counters.epoch).toBe(1)
    take(changed(2, 0xff))
    take(changed(1, 3))
    expect(pair.server.counters.version).toBe(2)
    take(changed(12, 255))
    take(sealed.subarray(0, 20))
    take(Buffer.concat([sealed.subarray(0, 11), uint16(5), Buffer.alloc(5)]))
    take(Buffer.concat([Buffer.from('16fefd0000000000000000', 'hex'), uint16(0)]))
    take(Buffer.concat([Buffer.from('16fefd0000000000000000', 'hex'), uint16(16_385), Buffer.alloc(16_385)]))
    take(Buffer.concat([Buffer.from('63fefd0000000000000000', 'hex'), uint16(1), Buffer.alloc(1)]))
    expect(pair.server.counters.malformed).toBe(6)
    take(Buffer.alloc(0))
    expect([pair.server.state, pair.b.keysGiven]).toEqual(['established', 1])
  })

  test('fragments with lying lengths, without octets, too far ahead, and too long', () => {
    const pair = midway()
    const before = { ...pair.server.counters }
    const take = (record: Buffer) => pair.server.receive(record, clientAddress)
    const data = Buffer.alloc(10)
    take(clearFragment(11, 2, { length: 5, offset: 0, data }))
    take(clearFragment(11, 2, { length: 50, offset: 45, data }))
    take(clearFragment(11, 2, { length: 50, offset: 0, data, claimed: 40 }))
    take(clearFragment(11, 2, { length: 50, offset: 20, data: Buffer.alloc(0) }))
    expect(pair.server.counters.malformed - before.malformed).toBe(4)
    take(clearFragment(11, 10, { length: 50, offset: 20, data }))
    take(clearFragment(11, 2, { length: 16_385, offset: 20, data }))
    expect(pair.server.counters.fragments - before.fragments).toBe(2)
    take(clearFragment(20, 5, { length: 12, offset: 0, data }))
    expect(pair.server.counters.epoch - before.epoch).toBe(1)
    pair.advance(5000)
    expect(pair.secured).toBe(true)
  })

  test('what a stranger sends in the clear is no part of the handshake', () => {
    const pair = midway()
    pair.server.receive(clearMessage(11, 2, Buffer.alloc(400)), stranger)
    pair.client.receive(clearMessage(2, 1, Buffer.alloc(400)), stranger)
    pair.advance(5000)
    expect(pair.secured).toBe(true)
    expect([pair.client.counters.strangers, pair.server.counters.strangers]).toEqual([1, 1])
  })

  test('application data, of which DTLS-SRTP has none, and hellos for an association that stands', () => {
    const pair = new Pair().run(1000)
    pair.server.receive(clientHello({ random: Buffer.alloc(32, 9) }, 0, 20), clientAddress)
    pair.server.receive(Buffer.from('17fefd00000000000000000001ff', 'hex'), clientAddress)
    expect(pair.server.counters).toMatchObject({ hellos: 1, application: 1 })
    expect(pair.server.state).toBe('established')
  })

  test('everything, once the association has ended', () => {
    const pair = new Pair().run(1000)
    pair.client.close()
    for (const datagram of pair.b.sent) pair.client.receive(datagram, serverAddress)
    expect(pair.client.counters.late).toBe(pair.b.sent.length)
  })
})

test('RFC 6347 §4.1: records of epoch 1 that overtake the keys wait for them, the newest four', () => {
  const pair = new Pair({ client: { mtu: 300 } })
  pair.fate = (side, _, datagram) => {
    // Finished comes first of its flight
    const sealed = side === 'client' && datagram.subarray(13).includes(Buffer.from('16fefd0001', 'hex'))
    return sealed ? [1] : [DELAY]
  }
  pair.run(1000)
  expect(pair.secured).toBe(true)
  expect(pair.client.counters.retransmitted).toBe(0)

  const other = new Pair()
  other.run(3 * DELAY + 2)
  const early = Buffer.from('16fefd00010000000000010018'.concat('00'.repeat(24)), 'hex')
  for (let n = 0; n < 9; n++) other.server.receive(early, stranger)
  expect(other.server.counters.early).toBe(5)
  other.advance(1000)
  expect(other.secured).toBe(true)
  expect(other.server.counters.unauthentic).toBe(4)
})
