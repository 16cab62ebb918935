import { describe, expect, test } from 'vitest'
import { dtlsClientMachine } from '../../../src/media/dtls/client-machine.ts'
import { dtlsServerMachine } from '../../../src/media/dtls/server-machine.ts'
import { openCells } from '../../../src/util/machine.ts'
import { alice, bob, DELAY, type Fate, factory, Pair } from './pair.ts'

const HEADER = 13

test('RFC 6347 §4.2.4, Figure 3: every cell of both machines has a row or is absorbed by name', () => {
  expect(openCells(dtlsClientMachine)).toEqual([])
  expect(openCells(dtlsServerMachine)).toEqual([])
})

test('RFC 6347 §4.2.4, Figure 1: six flights, and both sides have the same keys', () => {
  const flights: string[] = []
  const pair = new Pair({
    fate: side => {
      flights.push(`${pair.clock.now()} ${side === 'client' ? '→' : '←'}`)
      return [DELAY]
    },
  })
  pair.run()
  expect(flights).toEqual(['0 →', '10 ←', '20 →', '30 ←', '40 →', '50 ←'])
  expect(pair.secured).toBe(true)
  expect([pair.a.keysGiven, pair.b.keysGiven]).toEqual([1, 1])
  expect([pair.client.state, pair.server.state]).toEqual(['established', 'established'])
})

test('RFC 5763 §6.7.2: a path that ICE has proven needs no cookie', () => {
  const pair = new Pair({ client: { proven: true }, server: { proven: true } }).run()
  expect(pair.secured).toBe(true)
  expect([pair.a.sent.length, pair.b.sent.length]).toEqual([2, 2])
  expect(pair.server.counters.cookies).toBe(0)
})

describe('RFC 5764 §4.1.2: the SRTP profile', () => {
  test.each([
    ['AES_CM_128_HMAC_SHA1_80', 30],
    ['AES_CM_128_HMAC_SHA1_32', 30],
    ['AEAD_AES_128_GCM', 28],
    ['AEAD_AES_256_GCM', 44],
  ] as const)('%s has %i octets of key and salt a side', async (suite, length) => {
    const pair = new Pair({ factories: [await factory({ profiles: [suite] }), bob] }).run()
    expect(pair.secured).toBe(true)
    expect(pair.a.keys?.suite).toBe(suite)
    expect(pair.a.keys?.local.length).toBe(length)
    expect(pair.a.keys?.local.equals(pair.a.keys.remote)).toBe(false)
  })

  test('is the one that the server prefers', async () => {
    const server = await factory({ profiles: ['AEAD_AES_256_GCM', 'AES_CM_128_HMAC_SHA1_80'] })
    const pair = new Pair({ factories: [alice, server] }).run()
    expect([pair.secured, pair.b.keys?.suite]).toEqual([true, 'AEAD_AES_256_GCM'])
  })

  test('in common there is none: both sides fail', async () => {
    const one = await factory({ profiles: ['AEAD_AES_128_GCM'] })
    const other = await factory({ profiles: ['AEAD_AES_256_GCM'] })
    const pair = new Pair({ factories: [one, other] }).run()
    expect(pair.b.error).toMatchObject({ code: 'ERR_DTLS_HANDSHAKE', alert: 'handshake_failure' })
    expect(pair.a.error).toMatchObject({ code: 'ERR_DTLS_ALERT' })
    expect([pair.client.state, pair.server.state]).toEqual(['failed', 'failed'])
  })
})

test('RFC 5289 §3.2: RSA certificates do as well, on either side', async () => {
  const rsa = await factory({ key: 'RSA-2048' })
  expect(new Pair({ factories: [rsa, bob] }).run().secured).toBe(true)
  expect(new Pair({ factories: [alice, rsa] }).run().secured).toBe(true)
})

test('RFC 5705 §4: both sides export the same, and nothing for a label of the key schedule', () => {
  const pair = new Pair()
  expect(() => pair.client.exportKeyingMaterial('EXPERIMENTAL', 40)).toThrow(/not done/)
  pair.run()
  const exported = pair.client.exportKeyingMaterial('EXPERIMENTAL', 40)
  expect(exported.equals(pair.server.exportKeyingMaterial('EXPERIMENTAL', 40))).toBe(true)
  expect(exported.length).toBe(40)
  expect(() => pair.client.exportKeyingMaterial('master secret', 48)).toThrow(/key schedule/)
  pair.client.close()
  expect(() => pair.client.exportKeyingMaterial('EXPERIMENTAL', 40)).toThrow(/ended/)
})

describe('RFC 6347 §4.2.4: a handshake outlives that', () => {
  const plain = new Pair().run()
  const datagrams = [
    ...plain.a.sent.map((_, n) => ['client', n] as const),
    ...plain.b.sent.map((_, n) => ['server', n] as const),
  ]

  test.each(datagrams)('datagram of the %s, number %i, is lost', (side, lost) => {
    const pair = new Pair({ fate: (from, n) => (from === side && n === lost ? [] : [DELAY]) }).run()
    expect(pair.secured).toBe(true)
    expect(pair.client.counters.retransmitted + pair.server.counters.retransmitted).toBeGreaterThan(0)
  })

  test.each(datagrams)('datagram of the %s, number %i, comes twice', (side, twice) => {
    const pair = new Pair({
      fate: (from, n) => (from === side && n === twice ? [DELAY, DELAY + 3] : [DELAY]),
    })
    expect(pair.run().secured).toBe(true)
    expect([pair.a.keysGiven, pair.b.keysGiven]).toEqual([1, 1])
  })

  test.each(datagrams)('datagram of the %s, number %i, comes again much later', (side, twice) => {
    const pair = new Pair({
      fate: (from, n) => (from === side && n === twice ? [DELAY, 700] : [DELAY]),
    }).run()
    expect(pair.secured).toBe(true)
    expect([pair.client.state, pair.server.state]).toEqual(['established', 'established'])
  })

  test('all datagrams of a flight in small pieces, each overtaken by the next', () => {
    const fate: Fate = (_, n) => [DELAY + 20 - (n % 7) * 3]
    const pair = new Pair({ client: { mtu: 140 }, server: { mtu: 140 }, fate }).run()
    expect(pair.secured).toBe(true)
    expect(pair.a.sent.length).toBeGreaterThan(6)
    for (const datagram of [...pair.a.sent, ...pair.b.sent]) expect(datagram.length).toBeLessThanOrEqual(140)
  })
})

describe('RFC 6347 §4.2.4.1: the timer', () => {
  const silent = (options: { roundTrip?: number } = {}) => {
    const ladder: string[] = []
    const pair = new Pair({
      client: options,
      fate: () => {
        ladder.push(`${pair.clock.now()}`)
        return []
      },
    })
    pair.run()
    return { ladder, pair }
  }

  test('starts with 200 ms and doubles; after 30 s the handshake has failed', () => {
    const { ladder, pair } = silent()
    expect(ladder).toEqual(['0', '200', '600', '1400', '3000', '6200', '12600', '25400'])
    expect(pair.a.error).toMatchObject({ code: 'ERR_DTLS_TIMEOUT' })
    expect(pair.client.state).toBe('failed')
    expect(pair.timers.size).toBe(0)
  })

  test('starts with one and a half round trips where they are known, 50 ms at least', () => {
    expect(silent({ roundTrip: 80 }).ladder.slice(0, 3)).toEqual(['0', '120', '360'])
    expect(silent({ roundTrip: 3 }).ladder.slice(0, 3)).toEqual(['0', '50', '150'])
  })

  test('a repeated flight is answered, but no oftener than every 50 ms', () => {
    const pair = new Pair({ fate: (side, n) => (side === 'client' && n >= 2 ? [] : [DELAY]) }).run(45)
    const repeat = () => {
      for (let n = 0; n < 20; n++) {
        pair.client.receive(Buffer.from(pair.b.sent[1] ?? ''), { address: '192.0.2.2', port: 5000 })
      }
      return pair.a.sent.length
    }
    expect(repeat()).toBe(3)
    pair.advance(45)
    expect(repeat()).toBe(4)
    pair.advance(49)
    expect(repeat()).toBe(4)
    pair.advance(1)
    expect(repeat()).toBe(5)
  })

  test('a replayed record asks for nothing (§4.1.2.6)', () => {
    const pair = new Pair().run(1000)
    const finished = pair.a.sent.at(-1)
    if (finished === undefined) throw new Error('nothing was sent')
    const answers = pair.b.sent.length
    for (let n = 0; n < 20; n++)
      pair.server.receive(Buffer.from(finished), { address: '192.0.2.1', port: 4000 })
    expect(pair.b.sent.length).toBe(answers)
    expect(pair.server.counters.replayed).toBe(20)
  })
})

test('RFC 6347 §4.2.4: a last flight that is lost is sent again, for as long as the client asks', () => {
  let losses = 0
  const pair = new Pair({
    fate: (side, n) => {
      if (side === 'client' || n < 2 || losses >= 5) return [DELAY]
      losses++
      return []
    },
  }).run(20_000)
  expect(pair.secured).toBe(true)
  expect(pair.server.counters.retransmitted).toBe(5)
})

test('RFC 6347 §4.1: no record number of an epoch is used twice, also not by a flight that goes again', () => {
  const pair = new Pair({ fate: (_, n) => (n === 2 || n === 3 ? [] : [DELAY]) }).run()
  expect(pair.secured).toBe(true)
  for (const party of [pair.a, pair.b]) {
    const seen = party.sent.flatMap(datagram => recordNumbers(datagram))
    // a request for a cookie and the first hello both have the number of the client's hello (RFC 6347 §4.2.1)
    const own = seen.filter(number => party === pair.a || number !== '0/0')
    expect(new Set(own).size).toBe(own.length)
  }
})

test('RFC 6347 §4.2.1: the cookie request and the first ServerHello have the record number of the hello', () => {
  const pair = new Pair().run()
  const numbers = (datagram: Buffer | undefined) => (datagram ? recordNumbers(datagram)[0] : undefined)
  expect(numbers(pair.b.sent[0])).toBe(numbers(pair.a.sent[0]))
  expect(numbers(pair.b.sent[1])).toBe(numbers(pair.a.sent[1]))
})

test('RFC 5246 §7.2.1: close_notify ends both sides without an error, and nothing is told to who closed', () => {
  const pair = new Pair().run(1000)
  pair.client.close()
  pair.advance(1000)
  expect([pair.client.state, pair.server.state]).toEqual(['closed', 'closed'])
  expect([pair.a.ended, pair.b.ended, pair.b.error]).toEqual([false, true, undefined])
  expect(pair.timers.size).toBe(0)
})

test('what a callback throws is counted, and changes nothing', () => {
  const told: unknown[] = []
  const options = {
    role: 'client' as const,
    proven: false,
    random: { fill: <T extends Uint8Array>(bytes: T) => bytes },
    onCallbackError: (error: unknown) => told.push(error),
  }
  const pair = new Pair()
  const endpoint = alice.endpoint(
    { ...options, timers: pair.timers },
    {
      send: () => {
        throw new Error('no socket')
      },
      onKeys: () => {},
      onEnd: () => Promise.reject(new Error('nor this')),
    },
  )
  endpoint.start()
  pair.advance(40_000)
  expect(endpoint.state).toBe('failed')
  expect(endpoint.counters.callbackErrors).toBeGreaterThan(7)
  expect(told.length).toBeGreaterThan(7)
})

function recordNumbers(datagram: Buffer): string[] {
  const numbers: string[] = []
  for (let at = 0; at + HEADER <= datagram.length; at += HEADER + datagram.readUInt16BE(at + 11)) {
    numbers.push(`${datagram.readUInt16BE(at + 3)}/${datagram.readUIntBE(at + 5, 6)}`)
  }
  return numbers
}
