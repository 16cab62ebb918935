import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Destination, type DestinationOptions, SOURCE_SILENCE } from '../../../src/media/flow/destination.ts'
import { Remotes } from '../../../src/media/socket/index.ts'
import type { Remote } from '../../../src/util/address.ts'

const signalled = { address: '198.51.100.1', port: 4000 }
const sameIp = { address: '198.51.100.1', port: 61_000 }
const sipNat = { address: '192.0.2.80', port: 5004 }
const sipNatToo = { address: '192.0.2.80', port: 5006 }
const stranger = { address: '203.0.113.9', port: 9 }
const PCMU = 0
const UNKNOWN = 77

class World {
  now = 0
  readonly remotes = new Remotes()
  readonly moves: number[] = []
  readonly failures: unknown[] = []
  readonly rtp: Destination
  readonly rtcp: Destination

  constructor(options: Partial<DestinationOptions> = {}) {
    const clockRateOf = (payloadType: number): number | undefined => (payloadType === PCMU ? 8000 : undefined)
    const setup = {
      options: { clockRateOf, sipSource: sipNat.address, ...options },
      remotes: this.remotes,
      now: () => this.now,
      failed: (error: unknown) => this.failures.push(error),
    }
    this.rtp = new Destination({ ...setup, onMoved: remote => this.moves.push(remote.port) })
    this.rtcp = new Destination({ ...setup, rtp: this.rtp, onMoved() {} })
  }

  /** Whether a packet is heard. */
  hears(from: Remote, sequence: number, ssrc = 7, payloadType = PCMU): boolean {
    const bytes = Buffer.alloc(172)
    bytes.writeUInt16BE(0x8000 | payloadType, 0)
    bytes.writeUInt16BE(sequence & 0xffff, 2)
    bytes.writeUInt32BE(ssrc, 8)
    return this.rtp.hears('rtp', bytes, { ...from })
  }

  report(from: Remote, ssrc: number, by = this.rtcp): boolean {
    const bytes = Buffer.from([0x80, 201, 0, 1, 0, 0, 0, 0])
    bytes.writeUInt32BE(ssrc, 4)
    return by.hears('rtcp', bytes, { ...from })
  }

  /** Two packets in sequence. */
  prove(from: Remote, ssrc = 7): boolean {
    this.hears(from, 100, ssrc)
    return this.hears(from, 101, ssrc)
  }
}

describe('a destination', () => {
  it('is the signalled address, which is heard at once, until a source proves itself', () => {
    const world = new World()
    expect(world.rtp.remote).toBeUndefined()
    world.rtp.signal(signalled)
    expect(world.rtp.remote).toEqual(signalled)
    expect([world.hears(signalled, 1), world.hears(stranger, 1), world.rtp.settled]).toEqual([
      true,
      false,
      undefined,
    ])
    expect(world.prove(sipNat)).toBe(true)
    expect([world.rtp.remote, world.moves]).toEqual([sipNat, [sipNat.port]])
  })

  it('knows the address that SIP came from however it is written (RFC 5952)', () => {
    const ipv6 = { address: '2001:db8::1', port: 5004 }
    for (const sipSource of ['2001:DB8::0:1', '2001:0db8:0000::0001']) {
      const world = new World({ sipSource, otherSources: 'refuse' })
      world.rtp.signal(signalled)
      expect(world.prove(ipv6)).toBe(true)
    }
    const world = new World({ sipSource: `::ffff:${sipNat.address}`, otherSources: 'refuse' })
    world.rtp.signal(signalled)
    expect(world.prove(sipNat)).toBe(true)
  })

  it('takes a payload type whose clock rate cannot be told for one that was not negotiated', () => {
    const world = new World({
      clockRateOf() {
        throw new Error('application')
      },
    })
    world.rtp.signal(signalled)
    expect(world.prove(sipNat)).toBe(false)
    expect(world.hears(signalled, 1)).toBe(true)
    expect(world.failures).toHaveLength(3)
  })

  it('moves to nobody while signalling has named nobody, however well he proves himself', () => {
    const world = new World()
    expect(world.prove(sipNat)).toBe(true)
    expect([world.rtp.settled, world.rtp.remote]).toEqual([sipNat, undefined])
    world.rtp.signal(signalled)
    expect([world.rtp.settled, world.rtp.remote]).toEqual([undefined, signalled])
  })
})

describe('a source of RTP proves itself by two packets in sequence of a negotiated type', () => {
  it.each<[string, boolean, (world: World) => boolean]>([
    ['one packet', false, world => world.hears(sameIp, 1)],
    ['two in sequence', true, world => world.prove(sameIp)],
    [
      'two in sequence over the roll-over',
      true,
      world => [65_535, 0].map(n => world.hears(sameIp, n))[1] === true,
    ],
    ['the same twice', false, world => [5, 5].some(n => world.hears(sameIp, n))],
    ['a gap', false, world => [5, 7].some(n => world.hears(sameIp, n))],
    ['a gap, then two in sequence', true, world => [5, 7, 8].map(n => world.hears(sameIp, n))[2] === true],
    ['two sources of one address', false, world => [5, 6].some(n => world.hears(sameIp, n, n))],
    [
      'two addresses',
      false,
      world => [sameIp, { ...sameIp, port: 1 }].some((from, i) => world.hears(from, i)),
    ],
    ['a type that was not negotiated', false, world => [5, 6].some(n => world.hears(sameIp, n, 7, UNKNOWN))],
  ])('%s: %s', (_, proves, act) => {
    const world = new World()
    world.rtp.signal(signalled)
    expect(act(world)).toBe(proves)
    expect(world.rtp.settled).toEqual(proves ? sameIp : undefined)
  })
})

describe('proven sources rank: signalled address, its IP, the IP that SIP came from, any other', () => {
  const ranked: [string, Remote][] = [
    ['any other', stranger],
    ['the IP that SIP came from', sipNat],
    ["the signalled address's IP", sameIp],
    ['the signalled address', signalled],
  ]
  const pairs = ranked.flatMap(([one, first], i) =>
    ranked.map(
      ([other, second], j) =>
        [other, j > i ? 'displaces' : 'does not displace', one, first, second, j > i] as const,
    ),
  )

  it.each(pairs.filter(([, , , first, second]) => first !== signalled || second !== signalled))(
    '%s %s %s',
    (_, __, ___, first, second, displaces) => {
      const world = new World()
      world.rtp.signal(signalled)
      expect(world.prove(first, 1)).toBe(true)
      // of the same rank, and another source
      const challenger =
        first === second && first !== signalled ? { ...second, port: second.port + 2 } : second
      expect(world.prove(challenger, 2)).toBe(displaces)
      expect(world.rtp.remote).toEqual(displaces ? challenger : first)
      expect(world.hears(first, 102, 1)).toBe(!displaces)
    },
  )

  it('refuses any other where the option says so', () => {
    const world = new World({ otherSources: 'refuse' })
    world.rtp.signal(signalled)
    expect([world.prove(stranger), world.prove(sipNat)]).toEqual([false, true])
  })

  it('so that who sprays from many ports before the phone holds nothing', () => {
    const world = new World()
    world.rtp.signal({ address: '10.0.0.5', port: 4000 })
    for (let port = 1; port < 5000; port++) world.prove({ address: stranger.address, port }, port)
    expect(world.rtp.settled).toEqual({ ...stranger, port: 1 })
    expect([world.prove(sipNat), world.rtp.remote]).toEqual([true, sipNat])
    // and none of them is kept: the signalled one, and the settled
    expect(world.remotes.size).toBe(2)
  })

  it('so that a spray between the two packets of a phone does not keep it from proving itself', () => {
    const world = new World()
    world.rtp.signal(signalled)
    world.hears(sipNat, 1)
    for (let port = 1; port < 5000; port++) world.hears({ ...stranger, port }, 1)
    expect(world.hears(sipNat, 2)).toBe(true)
  })
})

describe('an equal or lower one never displaces, until signalling', () => {
  it('names another address', () => {
    const world = new World()
    world.rtp.signal(signalled)
    world.prove(sipNat)
    world.now += 60_000
    expect(world.prove(sipNatToo)).toBe(false)
    world.rtp.signal({ address: '198.51.100.2', port: 4000 })
    expect([world.rtp.remote?.address, world.prove(sipNatToo)]).toEqual(['198.51.100.2', true])
  })

  it('names the same and finds the settled one silent for two seconds', () => {
    const world = new World()
    world.rtp.signal(signalled)
    world.prove(sipNat)
    world.now += SOURCE_SILENCE - 1
    world.rtp.signal({ ...signalled })
    expect([world.rtp.remote, world.prove(sipNatToo)]).toEqual([sipNat, false])
    world.now += 1
    expect(world.prove(sipNatToo)).toBe(false)
    world.rtp.signal({ ...signalled })
    expect(world.rtp.remote).toEqual(signalled)
    expect(world.prove(sipNatToo)).toBe(true)
  })

  it('names the settled one itself, which then stands above all', () => {
    const world = new World()
    world.rtp.signal(signalled)
    world.prove(sipNat)
    world.rtp.signal(sipNat)
    expect([world.rtp.remote, world.prove({ ...sipNat, port: 1 }), world.hears(sipNat, 9)]).toEqual([
      sipNat,
      false,
      true,
    ])
  })
})

describe('RTCP on a port of its own', () => {
  const control = { ...signalled, port: 4001 }
  const natControl = { ...sipNat, port: 5005 }

  it('proves itself by an SSRC that RTP has, from the IP where RTP settled', () => {
    const world = new World()
    world.rtp.signal(signalled)
    world.rtcp.signal(control)
    expect([world.report(control, 7), world.report(natControl, 7)]).toEqual([true, false])
    world.prove(sipNat, 7)
    expect([world.report(natControl, 8), world.report({ ...stranger }, 7)]).toEqual([false, false])
    expect([world.report(natControl, 7), world.rtcp.remote]).toEqual([true, natControl])
    expect([world.report(natControl, 8), world.report(control, 8)]).toEqual([true, false])
  })

  it('ranks as RTP does, and RTP proves nothing there', () => {
    const world = new World()
    world.rtp.signal(signalled)
    world.rtcp.signal(control)
    world.prove(signalled, 7)
    expect([world.report({ ...control, port: 1 }, 7), world.report(control, 7)]).toEqual([true, true])
    expect([world.rtcp.remote, world.report({ ...control, port: 1 }, 7)]).toEqual([control, false])
    const rtp = Buffer.alloc(12, 0)
    rtp[0] = 0x80
    expect(world.rtcp.hears('rtp', rtp, stranger)).toBe(false)
  })

  it('on the port of RTP comes from where RTP does (RFC 5761)', () => {
    const world = new World()
    world.rtp.signal(signalled)
    expect(world.report(signalled, 9, world.rtp)).toBe(true)
    expect(world.report(sipNat, 9, world.rtp)).toBe(false)
    world.prove(sipNat)
    expect(world.report(sipNat, 9, world.rtp)).toBe(true)
    expect(world.report(signalled, 9, world.rtp)).toBe(false)
  })
})

describe('no destination is', () => {
  it.each([
    ['multicast', '224.0.0.1'],
    ['multicast', '239.255.255.250'],
    ['multicast', 'ff02::1'],
    ['broadcast', '255.255.255.255'],
    ['a wildcard', '0.0.0.0'],
    ['a wildcard', '::'],
    ['loopback where SIP came from outside', '127.0.0.1'],
    ['loopback where SIP came from outside', '::1'],
  ])('%s: %s', (_, address) => {
    const world = new World()
    world.rtp.signal(signalled)
    expect(world.rtp.signal({ address, port: 4000 })).toBe(false)
    expect([world.rtp.remote, world.remotes.size]).toEqual([undefined, 0])
  })

  it('while loopback is where SIP came from there, or nobody says', () => {
    const home = { address: '127.0.0.1', port: 4000 }
    expect(new World({ sipSource: '127.0.0.1' }).rtp.signal(home)).toBe(true)
    expect(new World({ sipSource: undefined }).rtp.signal(home)).toBe(true)
  })
})

describe('a destination, whatever comes', () => {
  it('throws at nothing and keeps two remotes at most', () => {
    const sources = [signalled, sameIp, sipNat, sipNatToo, stranger]
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(4), fc.uint8Array({ maxLength: 20 }), fc.boolean(), fc.nat(3)), {
          maxLength: 60,
        }),
        steps => {
          const world = new World()
          for (const [at, octets, rtp, other] of steps) {
            const from = sources[at] ?? stranger
            if (other === 0) world.rtp.signal(from)
            else if (other === 1) world.prove(from)
            world.rtp.hears(rtp ? 'rtp' : 'rtcp', Buffer.from(octets), { ...from })
            if (world.remotes.size > 2) return false
          }
          world.rtp.clear()
          return world.remotes.size === 0
        },
      ),
    )
  })
})
