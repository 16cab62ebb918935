import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type Attributes,
  encodeSdp,
  type MediaDescription,
  mediaDescription,
  NO_ATTRIBUTES,
  type Origin,
  parseSdp,
  type SessionDescription,
  sessionDescription,
} from '../../src/sdp/index.ts'
import { UsageError } from '../../src/util/errors.ts'
import { WEBRTC } from './samples.ts'

const origin: Origin = {
  username: '-',
  sessionId: '1',
  sessionVersion: '1',
  networkType: 'IN',
  addressType: 'IP4',
  address: '192.0.2.1',
}
const connection = { networkType: 'IN', addressType: 'IP4', address: '192.0.2.1' }
const audio = mediaDescription({ type: 'audio', port: 49170, protocol: 'RTP/AVP', formats: ['0', '101'] })

describe('encodeSdp', () => {
  it('writes lines in the order of RFC 8866 §5, ended by CRLF', () => {
    const media = mediaDescription({
      ...audio,
      portCount: 2,
      information: 'speech',
      connections: [connection],
      bandwidths: [{ type: 'AS', value: 64 }],
      key: 'prompt',
      rtpmaps: [{ payloadType: 101, encoding: 'telephone-event', clockRate: 8000 }],
      direction: 'sendonly',
      rtcpMux: true,
      attributes: [{ name: 'X-y' }, { name: 'x', value: '1:2' }],
    })
    const session = sessionDescription({
      origin,
      name: 'call',
      information: 'i',
      uri: 'http://example.com',
      emails: ['a@example.com', 'b@example.com'],
      phones: ['+1 617 555-6011'],
      connection,
      bandwidths: [{ type: 'CT', value: 128 }],
      timings: [{ start: 1, stop: 2, repeats: ['7d 1h 0'] }],
      timeZones: '0 -1h',
      key: 'prompt',
      otherLines: [{ type: 'y', value: 'odd' }],
      iceLite: true,
      media: [media],
    })
    expect(encodeSdp(session).split('\r\n')).toEqual([
      'v=0',
      'o=- 1 1 IN IP4 192.0.2.1',
      's=call',
      'i=i',
      'u=http://example.com',
      'e=a@example.com',
      'e=b@example.com',
      'p=+1 617 555-6011',
      'c=IN IP4 192.0.2.1',
      'b=CT:128',
      't=1 2',
      'r=7d 1h 0',
      'z=0 -1h',
      'k=prompt',
      'y=odd',
      'a=ice-lite',
      'm=audio 49170/2 RTP/AVP 0 101',
      'i=speech',
      'c=IN IP4 192.0.2.1',
      'b=AS:64',
      'k=prompt',
      'a=rtpmap:101 telephone-event/8000',
      'a=sendonly',
      'a=rtcp-mux',
      'a=X-y',
      'a=x:1:2',
      '',
    ])
  })

  it('keeps the order of attributes where some were changed, added and removed', () => {
    const offer = parseSdp(
      [
        'v=0',
        'o=- 1 1 IN IP4 192.0.2.1',
        's=-',
        't=0 0',
        'm=audio 9 RTP/AVP 0 8',
        'a=X-first',
        'a=sendrecv',
        'a=rtpmap:0 PCMU/8000',
        'a=X-second',
        'a=rtpmap:8 PCMA/8000',
        'a=ptime:20',
        '',
      ].join('\r\n'),
    )
    const media = offer.media.map(section => ({
      ...section,
      direction: 'inactive' as const,
      rtpmaps: section.rtpmaps.slice(0, 1),
      mid: 'a',
    }))
    expect(
      encodeSdp({ ...offer, media })
        .split('\r\n')
        .slice(5, -1),
    ).toEqual(['a=X-first', 'a=inactive', 'a=rtpmap:0 PCMU/8000', 'a=X-second', 'a=ptime:20', 'a=mid:a'])
  })

  const breakers: [string, SessionDescription][] = [
    ['a name', sessionDescription({ origin, name: 'x\r\na=evil' })],
    ['a user name', sessionDescription({ origin: { ...origin, username: 'x\ny' } })],
    ['an address', sessionDescription({ origin: { ...origin, address: 'a b' } })],
    ['an empty word', sessionDescription({ origin: { ...origin, sessionId: '' } })],
    ['a connection', sessionDescription({ origin, connection: { ...connection, address: '1.2.3.4 x' } })],
    ['a NUL', sessionDescription({ origin, emails: ['\0'] })],
    ['a line type', sessionDescription({ origin, otherLines: [{ type: 'ab', value: 'x' }] })],
    [
      'a media line among the others',
      sessionDescription({ origin, otherLines: [{ type: 'm', value: 'x' }] }),
    ],
    ['a line feed as line type', sessionDescription({ origin, otherLines: [{ type: '\n', value: 'x' }] })],
    ['a format', sessionDescription({ origin, media: [{ ...audio, formats: ['0 8'] }] })],
    ['a media type', sessionDescription({ origin, media: [{ ...audio, type: '' }] })],
    ['a port', sessionDescription({ origin, media: [{ ...audio, port: 65_536 }] })],
    ['a fraction of a port', sessionDescription({ origin, media: [{ ...audio, port: 1.5 }] })],
    ['an unknown attribute', sessionDescription({ origin, attributes: [{ name: 'x', value: 'y\rz' }] })],
    ['a typed attribute', sessionDescription({ origin, media: [{ ...audio, mid: 'x\na=y' }] })],
    [
      'an entry',
      sessionDescription({ origin, media: [{ ...audio, fmtps: [{ payloadType: 0, config: '\n' }] }] }),
    ],
  ]
  it.each(breakers)('refuses %s that would break its line or field', (_, session) => {
    expect(() => encodeSdp(session)).toThrow(UsageError)
    expect(() => encodeSdp(session)).toThrow(/^SDP /)
  })
})

const token = fc.stringMatching(/^[a-zA-Z][a-zA-Z0-9-]{0,8}$/)
const text = fc.stringMatching(/^[ -~é通]{1,20}$/)
const count = fc.nat(2 ** 31)
const payloadType = fc.nat(127)
const addresses = fc.constantFrom('192.0.2.1', '2001:db8::1', 'host.example.com', '::ffff:192.0.2.1')
const connections = fc.record({
  networkType: fc.constant('IN'),
  addressType: fc.constantFrom('IP4', 'IP6'),
  address: addresses,
})
const some = <T>(entry: fc.Arbitrary<T>): fc.Arbitrary<T[]> => fc.array(entry, { maxLength: 3 })

const attributes: fc.Arbitrary<Attributes> = fc
  .record(
    {
      direction: fc.constantFrom('sendrecv', 'sendonly', 'recvonly', 'inactive'),
      mid: token,
      ptime: fc.nat(200),
      rtcp: fc.record({ port: fc.nat(65_535), connection: connections }, { requiredKeys: ['port'] }),
      setup: fc.constantFrom('active', 'passive', 'actpass', 'holdconn'),
      iceUfrag: token,
      icePwd: token,
      iceOptions: fc.array(token, { minLength: 1, maxLength: 3 }),
      rtcpMux: fc.boolean(),
      iceLite: fc.boolean(),
      groups: some(
        fc.record({ semantics: fc.constantFrom('BUNDLE', 'LS'), mids: fc.array(token, { minLength: 1 }) }),
      ),
      rtpmaps: some(
        fc.record(
          { payloadType, encoding: token, clockRate: count, channels: fc.integer({ min: 1, max: 9 }) },
          { requiredKeys: ['payloadType', 'encoding', 'clockRate'] },
        ),
      ),
      fmtps: some(fc.record({ payloadType, config: fc.stringMatching(/^[ -~]{1,20}$/) })),
      rtcpFeedback: some(
        fc.record(
          { payloadType: fc.oneof(payloadType, fc.constant('*' as const)), type: token, parameter: token },
          { requiredKeys: ['payloadType', 'type'] },
        ),
      ),
      cryptos: some(
        fc.record({
          tag: fc.nat(99),
          suite: fc.constantFrom('AES_CM_128_HMAC_SHA1_80', 'AES_256_CM_HMAC_SHA1_80'),
          keyParams: token.map(key => `inline:${key}`),
          sessionParams: some(token),
        }),
      ),
      fingerprints: some(fc.record({ hash: fc.constantFrom('sha-256', 'SHA-1'), value: token })),
      candidates: some(
        fc.record(
          {
            foundation: token,
            component: fc.integer({ min: 1, max: 256 }),
            transport: fc.constantFrom('udp', 'TCP'),
            priority: count,
            address: addresses,
            port: fc.nat(65_535),
            type: fc.constantFrom('host', 'srflx', 'relay'),
            tcpType: fc.constantFrom('active', 'so'),
            extensions: some(
              fc.tuple(
                token.map(name => `x${name}`),
                token,
              ),
            ),
          },
          {
            requiredKeys: [
              'foundation',
              'component',
              'transport',
              'priority',
              'address',
              'port',
              'type',
              'extensions',
            ],
          },
        ),
      ),
      ssrcs: some(
        fc.record({ id: count, attribute: token, value: text }, { requiredKeys: ['id', 'attribute'] }),
      ),
      ssrcGroups: some(
        fc.record({ semantics: token, ssrcs: fc.array(count, { minLength: 1, maxLength: 3 }) }),
      ),
      attributes: some(
        fc.record({ name: token.map(name => `x-${name}`), value: text }, { requiredKeys: ['name'] }),
      ),
    },
    { requiredKeys: [] },
  )
  .map(given => ({ ...NO_ATTRIBUTES, ...given }))

const sections: fc.Arbitrary<MediaDescription> = fc
  .record(
    {
      type: token,
      port: fc.nat(65_535),
      protocol: fc.constantFrom('RTP/AVP', 'UDP/TLS/RTP/SAVPF', 'udptl'),
      formats: some(token),
      information: text,
      connections: some(connections),
      bandwidths: some(fc.record({ type: token, value: count })),
    },
    { requiredKeys: ['type', 'port', 'protocol', 'formats', 'connections', 'bandwidths'] },
  )
  .chain(given => attributes.map(more => mediaDescription({ ...more, ...given })))

const sessions: fc.Arbitrary<SessionDescription> = fc
  .record(
    {
      origin: fc.record({
        username: token,
        sessionId: fc.bigInt(0n, 2n ** 64n).map(String),
        sessionVersion: fc.bigInt(0n, 2n ** 64n).map(String),
        networkType: fc.constant('IN'),
        addressType: fc.constantFrom('IP4', 'IP6'),
        address: addresses,
      }),
      name: text,
      uri: text,
      connection: connections,
      emails: some(text),
      timings: fc.array(fc.record({ start: count, stop: count, repeats: some(text) }), {
        minLength: 1,
        maxLength: 2,
      }),
      media: some(sections),
    },
    { requiredKeys: ['origin', 'name', 'emails', 'timings', 'media'] },
  )
  .chain(given => attributes.map(more => sessionDescription({ ...more, ...given })))

/** An application gives no order; the wire has one. */
function withoutOrder(session: SessionDescription): SessionDescription {
  return { ...session, order: [], media: session.media.map(media => ({ ...media, order: [] })) }
}

it('a b= whose type is no word is kept as it came (RFC 8866 §5.8)', () => {
  const text = 'v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nb=A S:1\r\nt=0 0\r\n'
  expect(encodeSdp(parseSdp(text))).toBe(text)
})

describe('numbers that are none are refused where a reader could not read them (RFC 8866 §5)', () => {
  const connection = { networkType: 'IN', addressType: 'IP4', address: '192.0.2.1' }
  it.each<[string, Partial<SessionDescription>]>([
    ['c=', { connection: { ...connection, ttl: Number.NaN } }],
    ['c=', { connection: { ...connection, count: -1 } }],
    ['b=', { bandwidths: [{ type: 'AS', value: 1.5 }] }],
    ['b=', { bandwidths: [{ type: 'A S', value: 1 }] }],
    ['t=', { timings: [{ start: Number.NaN, stop: 0, repeats: [] }] }],
    [
      'm=',
      {
        media: [
          mediaDescription({
            type: 'audio',
            port: 1,
            portCount: Number.NaN,
            protocol: 'RTP/AVP',
            formats: [],
          }),
        ],
      },
    ],
  ])('in %s %o', (line, parts) => {
    expect(() => encodeSdp(sessionDescription({ origin, ...parts }))).toThrow(`SDP ${line}: `)
  })
})

describe('parseSdp ∘ encodeSdp', () => {
  it('gives the description again', () => {
    fc.assert(
      fc.property(sessions, session => {
        const text = encodeSdp(session)
        const back = parseSdp(text, { maxLength: text.length })
        expect(withoutOrder(back)).toEqual(session)
        expect(encodeSdp(back)).toBe(text)
      }),
      { numRuns: 500 },
    )
  })

  it('leaves the description given as it was', () => {
    const session = parseSdp(WEBRTC)
    const before = structuredClone(session)
    encodeSdp(session)
    expect(session).toEqual(before)
  })
})
