import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import * as stun from '../../../src/media/stun/index.ts'
import { addressText } from '../../../src/util/address.ts'
import { fuzzStun } from '../../fuzz/stun.ts'

const { parseStun, StunMessage, StunWriter, valued } = stun

const octets = (maxLength: number) => fc.uint8Array({ maxLength })
const fixed = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
const word = fc.nat(0xffffffff)
const half = fc.nat(0xffff)
const byte = fc.nat(0xff)
const text = fc.string({ unit: 'grapheme', maxLength: 40 })
const address = fc.record({
  address: fc.oneof(
    fixed(4).map(addressText),
    fixed(16).map(addressText),
    fc.tuple(fc.nat(8), fixed(16)).map(([zeros, bytes]) => addressText(bytes.fill(0, zeros, 2 * zeros))),
  ),
  port: half,
})
const flag = fc.constant(true as const)
const tieBreaker = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })
const code = fc.integer({ min: 300, max: 699 })
const algorithm = fc.record({ algorithm: half, parameters: octets(9) })

/** A value of every attribute that carries one. */
const values = [
  ...[
    stun.MappedAddress,
    stun.XorMappedAddress,
    stun.AlternateServer,
    stun.ResponseAddress,
    stun.SourceAddress,
    stun.ChangedAddress,
    stun.ReflectedFrom,
    stun.ResponseOrigin,
    stun.OtherAddress,
    stun.XorPeerAddress,
    stun.XorRelayedAddress,
  ].map(one => address.map(value => valued(one, value))),
  ...[stun.Username, stun.Password, stun.Realm, stun.Nonce, stun.Software, stun.ThirdPartyAuthorization].map(
    one => text.map(value => valued(one, value)),
  ),
  ...[stun.Lifetime, stun.Bandwidth, stun.TimerVal, stun.ConnectionId, stun.Priority, stun.CacheTimeout].map(
    one => word.map(value => valued(one, value)),
  ),
  ...[stun.ChannelNumber, stun.ResponsePort].map(one => half.map(value => valued(one, value))),
  ...[stun.RequestedAddressFamily, stun.RequestedTransport, stun.AdditionalAddressFamily].map(one =>
    byte.map(value => valued(one, value)),
  ),
  ...[stun.DontFragment, stun.UseCandidate].map(one => flag.map(value => valued(one, value))),
  ...[stun.IceControlled, stun.IceControlling].map(one => tieBreaker.map(value => valued(one, value))),
  ...[stun.Data, stun.Padding, stun.AccessToken, stun.MobilityTicket].map(one =>
    octets(50).map(value => valued(one, value)),
  ),
  fixed(32).map(value => valued(stun.Userhash, value)),
  fixed(8).map(value => valued(stun.ReservationToken, value)),
  fc.string({ maxLength: 40 }).map(value => valued(stun.AlternateDomain, value)),
  fc.record({ code, reason: text }).map(value => valued(stun.ErrorCode, value)),
  fc.record({ family: byte, code, reason: text }).map(value => valued(stun.AddressErrorCode, value)),
  fc.array(half, { maxLength: 9 }).map(value => valued(stun.UnknownAttributes, value)),
  fc.record({ requests: byte, responses: byte }).map(value => valued(stun.TransactionTransmitCounter, value)),
  fc.record({ type: byte, code: byte, data: word }).map(value => valued(stun.Icmp, value)),
  fc.record({ reserve: fc.boolean() }).map(value => valued(stun.EvenPort, value)),
  fc
    .record({ changeIp: fc.boolean(), changePort: fc.boolean() })
    .map(value => valued(stun.ChangeRequest, value)),
  fc.record({ ecn: fc.option(fc.nat(3), { nil: undefined }) }).map(value => valued(stun.EcnCheck, value)),
  algorithm.map(value => valued(stun.PasswordAlgorithm, value)),
  fc.array(algorithm, { maxLength: 4 }).map(value => valued(stun.PasswordAlgorithms, value)),
]

const sealing = [stun.MessageIntegrity, stun.MessageIntegritySha256, stun.Fingerprint]

describe('parse ∘ encode', () => {
  it('covers every attribute that is not a seal', () => {
    const covered = values.map(arbitrary => fc.sample(arbitrary, 1)[0]?.attribute.type)
    const known = [...stun.knownAttributes.values()].filter(one => !sealing.includes(one as never))
    expect(new Set(covered)).toEqual(new Set(known.map(one => one.type)))
  })

  it('gives back class, method, transaction id and every value, in order', () => {
    const stunClass = fc.constantFrom('request', 'indication', 'success', 'error')
    const list = fc.array(fc.oneof(...values), { maxLength: 12 })
    fc.assert(
      fc.property(stunClass, fc.nat(0xfff), fixed(12), list, (asked, method, id, attributes) => {
        const bytes = new StunWriter(method, asked, id).addAll(attributes).finish()
        const message = parseStun(bytes)
        if (!(message instanceof StunMessage)) throw new Error(message)
        expect([message.class, message.method, message.classic]).toEqual([asked, method, false])
        expect(message.transactionId.subarray(4)).toEqual(id)
        expect(message.types()).toEqual(attributes.map(one => one.attribute.type))
        for (const { attribute } of attributes) {
          const given = attributes.filter(one => one.attribute === attribute).map(one => plain(one.value))
          expect(message.all(attribute).map(plain)).toEqual(given)
        }
      }),
      { numRuns: 1000 },
    )
  })

  it('gives back what was sealed, and nothing else is valid', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(...values), { maxLength: 5 }), text, text, (attributes, right, wrong) => {
        const key = stun.integrityKey(Buffer.from(right), stun.nodeHash)
        const other = stun.integrityKey(Buffer.from(wrong), stun.nodeHash)
        const writer = new StunWriter(1, 'request', new Uint8Array(12)).addAll(attributes)
        const message = parseStun(writer.integrity(key).integritySha256(key).fingerprint().finish())
        if (!(message instanceof StunMessage)) throw new Error(message)
        expect(stun.checkIntegrity(message, key)).toBe('valid')
        expect(stun.checkIntegritySha256(message, key)).toBe('valid')
        expect(stun.checkFingerprint(message)).toBe('valid')
        fc.pre(right.replace(/\0+$/, '') !== wrong.replace(/\0+$/, ''))
        expect(stun.checkIntegrity(message, other)).toBe('invalid')
      }),
    )
  })
})

describe('malformed input', () => {
  it('costs a counter and nothing else: 100,000 mutations', () => {
    const report = fuzzStun(100_000, 1)
    expect(report.parsed).toBeGreaterThan(10_000)
    expect(report.refused).toBeGreaterThan(10_000)
    expect(report.answered).toBeGreaterThan(1000)
    expect(report.matched).toBeGreaterThan(1000)
  }, 60_000)
})

/** Octets compared as octets, whatever array they came in. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex')
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, plain(one)]))
}
