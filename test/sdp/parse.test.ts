import { describe, expect, it } from 'vitest'
import { encodeSdp, parseSdp } from '../../src/sdp/index.ts'
import { PeerError } from '../../src/util/errors.ts'
import { cpuMilliseconds } from '../cpu.ts'
import {
  GATEWAY,
  RFC3264_10_1,
  RFC4566_5,
  RFC5118_4_8,
  RFC5118_4_9,
  RFC8866_5,
  SAMPLES,
  WEBRTC,
} from './samples.ts'

const HEAD = 'v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n'

function failureOf(body: string | Uint8Array): PeerError {
  try {
    parseSdp(body)
  } catch (error) {
    if (error instanceof PeerError) return error
    throw error
  }
  throw new Error('the body was accepted')
}

function media(body: string, index = 0) {
  const section = parseSdp(body).media[index]
  if (!section) throw new Error(`no section ${index}`)
  return section
}

describe('parseSdp', () => {
  it('reads the description of RFC 8866 §5', () => {
    const session = parseSdp(RFC8866_5)
    expect(session).toMatchObject({
      origin: {
        username: 'jdoe',
        sessionId: '3724394400',
        sessionVersion: '3724394405',
        networkType: 'IN',
        addressType: 'IP4',
        address: '198.51.100.1',
      },
      name: 'Call to John Smith',
      information: 'SDP Offer #1',
      uri: 'http://www.jdoe.example.com/home.html',
      emails: ['Jane Doe <jane@jdoe.example.com>'],
      phones: ['+1 617 555-6011'],
      connection: { networkType: 'IN', addressType: 'IP4', address: '198.51.100.1' },
      timings: [{ start: 0, stop: 0, repeats: [] }],
    })
    expect(session.media.map(({ type, port, protocol, formats }) => [type, port, protocol, formats])).toEqual(
      [
        ['audio', 49170, 'RTP/AVP', ['0']],
        ['audio', 49180, 'RTP/AVP', ['0']],
        ['video', 51372, 'RTP/AVP', ['99']],
      ],
    )
    expect(session.media[2]).toMatchObject({
      connections: [{ networkType: 'IN', addressType: 'IP6', address: '2001:db8::2' }],
      rtpmaps: [{ payloadType: 99, encoding: 'h263-1998', clockRate: 90000 }],
    })
  })

  it('reads the multicast session of RFC 4566 §5', () => {
    const session = parseSdp(RFC4566_5)
    expect(session.connection).toEqual({
      networkType: 'IN',
      addressType: 'IP4',
      address: '224.2.17.12',
      ttl: 127,
    })
    expect(session.timings).toEqual([{ start: 2873397496, stop: 2873404696, repeats: [] }])
    expect(session.direction).toBe('recvonly')
  })

  it('reads the offers and answers of RFC 3264 §10.1', () => {
    const [, answer, offer] = RFC3264_10_1.map(body => parseSdp(body))
    expect(answer?.media.map(({ port }) => port)).toEqual([49920, 0, 53000])
    expect(offer?.media[3]).toMatchObject({
      direction: 'recvonly',
      rtpmaps: [{ payloadType: 110, encoding: 'telephone-events', clockRate: 8000 }],
    })
    expect(answer?.name).toBe('')
  })

  it('reads both address families (RFC 5118 §4.8, §4.9)', () => {
    const both = parseSdp(RFC5118_4_8)
    expect(both.connection).toBeUndefined()
    expect(both.media.map(({ connections }) => connections[0]?.address)).toEqual(['192.0.2.1', '2001:db8::1'])
    expect(parseSdp(RFC5118_4_9).origin).toMatchObject({
      sessionId: '971731711378798081',
      address: '::ffff:192.0.2.2',
    })
  })

  it('reads the ICE, DTLS and RTP attributes of a browser (RFC 8839, 8122, 9143)', () => {
    const session = parseSdp(WEBRTC)
    expect(session.groups).toEqual([{ semantics: 'BUNDLE', mids: ['0', '1', 'data'] }])
    const [audio, video, data] = session.media
    expect(audio).toMatchObject({
      mid: '0',
      setup: 'actpass',
      iceUfrag: 'EsAw',
      icePwd: 'bP+XJMM09aR8AiX1jdukzR6Y',
      iceOptions: ['trickle', 'renomination'],
      rtcp: { port: 9, connection: { networkType: 'IN', addressType: 'IP4', address: '0.0.0.0' } },
      rtcpMux: true,
      rtcpRsize: true,
      endOfCandidates: true,
      bundleOnly: false,
      maxptime: 60,
      msids: [{ stream: 'stream-one', track: 'track-one' }],
      ssrcs: [
        { id: 3735928559, attribute: 'cname', value: '9Eb3Vf0wBm' },
        { id: 3735928559, attribute: 'msid', value: 'stream-one track-one' },
      ],
    })
    expect(audio?.fingerprints.map(({ hash }) => hash)).toEqual(['sha-256', 'sha-1'])
    expect(audio?.extmaps).toEqual([
      { id: 1, encrypted: false, uri: 'urn:ietf:params:rtp-hdrext:ssrc-audio-level' },
      {
        id: 2,
        direction: 'recvonly',
        encrypted: false,
        uri: 'http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time',
        parameters: 'vad=on mode=2',
      },
      { id: 3, encrypted: true, uri: 'urn:ietf:params:rtp-hdrext:smpte-tc', parameters: '25@600/24' },
    ])
    expect(audio?.candidates).toEqual([
      {
        foundation: '1467250027',
        component: 1,
        transport: 'udp',
        priority: 2122260223,
        address: '192.0.2.7',
        port: 50000,
        type: 'host',
        extensions: [
          ['generation', '0'],
          ['network-id', '1'],
          ['network-cost', '10'],
        ],
      },
      {
        foundation: '435653019',
        component: 1,
        transport: 'tcp',
        priority: 1845501695,
        address: '192.0.2.7',
        port: 9,
        type: 'host',
        tcpType: 'active',
        extensions: [
          ['generation', '0'],
          ['network-id', '1'],
        ],
      },
      {
        foundation: '1853887674',
        component: 1,
        transport: 'udp',
        priority: 1518280447,
        address: '203.0.113.4',
        port: 61000,
        type: 'srflx',
        relatedAddress: '192.0.2.7',
        relatedPort: 50000,
        extensions: [
          ['generation', '0'],
          ['ufrag', 'EsAw'],
          ['network-id', '1'],
        ],
      },
      {
        foundation: '3',
        component: 2,
        transport: 'udp',
        priority: 25108223,
        address: '3f2a1b.local',
        port: 61001,
        type: 'relay',
        relatedAddress: '::',
        relatedPort: 0,
        extensions: [],
      },
    ])
    expect(video).toMatchObject({
      bundleOnly: true,
      bandwidths: [
        { type: 'AS', value: 2000 },
        { type: 'TIAS', value: 1900000 },
      ],
      ssrcGroups: [{ semantics: 'FID', ssrcs: [2231627014, 632943048] }],
      rtcpFeedback: [
        { payloadType: 96, type: 'goog-remb' },
        { payloadType: 96, type: 'ccm', parameter: 'fir' },
        { payloadType: 96, type: 'ccm', parameter: 'tmmbr smaxpr=120' },
        { payloadType: 96, type: 'nack', parameter: 'pli' },
        { payloadType: '*', type: 'trr-int', parameter: '100' },
      ],
    })
    expect(data).toMatchObject({
      type: 'application',
      protocol: 'UDP/DTLS/SCTP',
      formats: ['webrtc-datachannel'],
    })
  })

  it('reads what gateways send: SDES (RFC 4568), port counts, repeats, names with spaces', () => {
    const session = parseSdp(GATEWAY)
    const [audio, image, odd] = session.media
    expect(session.origin).toMatchObject({ username: 'Some User', sessionId: '18446744073709551615' })
    expect(session.name).toBe('Session / 通話')
    expect(session.timings).toEqual([
      { start: 3034423619, stop: 3042462419, repeats: ['604800 3600 0 90000', '7d 1h 0 25h'] },
      { start: 0, stop: 0, repeats: [] },
    ])
    expect(session).toMatchObject({ timeZones: '2882844526 -1h 2898848070 0', key: 'prompt' })
    expect(audio).toMatchObject({
      port: 49170,
      portCount: 2,
      information: 'speech',
      key: 'clear:once',
      ptime: 20,
    })
    expect(audio?.connections).toEqual([
      { networkType: 'IN', addressType: 'IP4', address: '224.2.1.1', ttl: 127, count: 3 },
      { networkType: 'IN', addressType: 'IP4', address: '224.2.1.9', ttl: 127 },
    ])
    expect(audio?.cryptos[0]).toMatchObject({
      tag: 1,
      suite: 'AES_CM_128_HMAC_SHA1_80',
      sessionParams: ['KDR=1', 'UNENCRYPTED_SRTCP'],
    })
    expect(image).toMatchObject({
      setup: 'active',
      connectionReuse: 'new',
      protocol: 'udptl',
      formats: ['t38'],
    })
    expect(odd).toMatchObject({ type: 'x-whiteboard.v2', protocol: 'TCP/x-proto.1', formats: ['*'] })
  })

  it('keeps what has no field or no exact form as unknown attributes, in order', () => {
    expect(media(GATEWAY).attributes).toEqual([
      { name: 'rtpmap', value: '018 G729/8000' },
      { name: 'rtpmap', value: '8 PCMA/8000/1 ' },
      { name: 'recvonly' },
      { name: 'X-nat', value: '0 Symmetric=1' },
      { name: '__proto__', value: 'x' },
      { name: 'constructor' },
      { name: '', value: undefined },
      { name: '', value: '' },
    ])
    expect(Object.getPrototypeOf(media(GATEWAY))).toBe(Object.prototype)
    expect({}).not.toHaveProperty('x')
  })

  it.each([
    'rtcp:70000',
    'candidate:1 1 udp 1 192.0.2.1 99999 typ host',
    'candidate:1 1 udp 1 192.0.2.1 9 typ host odd',
    'setup:both',
    'mid:',
    'ice-ufrag:a b',
    'rtpmap:x PCMU/8000',
    'rtpmap:0 PCMU',
    'rtpmap:0 PCMU/8000/two',
    'fmtp:* x',
    'crypto:x suite inline:key',
    'fingerprint:sha-256',
    'group:BUNDLE',
    'ssrc:99999999999999999999 cname:x',
    'ssrc-group:FID 1 two',
    'rtcp-mux:yes',
    'ptime:20ms',
    'extmap:0x1 urn:x',
    'ptime:NaN',
    'maxptime:Infinity',
    'mid:a\u2028b',
  ])('keeps the malformed a=%s to the letter', text => {
    const body = `${HEAD}m=audio 9 RTP/AVP 0\r\na=${text}\r\n`
    const section = media(body)
    expect(section.order).toEqual(['attributes'])
    expect(encodeSdp(parseSdp(body))).toBe(body)
  })

  it('keeps malformed and unknown lines that do no harm', () => {
    const body = `${HEAD.replace('t=0 0\r\n', 'b=AS:much\r\nt=now later\r\n')}y=0100000001\r\nm=audio 9 RTP/AVP 0\r\nx=1\r\n`
    const session = parseSdp(body)
    expect(session.otherLines).toEqual([
      { type: 'b', value: 'AS:much' },
      { type: 't', value: 'now later' },
      { type: 'y', value: '0100000001' },
    ])
    expect(session.media[0]?.otherLines).toEqual([{ type: 'x', value: '1' }])
    expect(encodeSdp(session)).toBe(body.replace('t=now', 't=0 0\r\nt=now'))
  })

  it('accepts bare LF, no last line end, empty lines, spaces too many', () => {
    const body =
      'v=0\no=- 1 1 IN IP4 192.0.2.1 \ns=-\n\nc=IN  IP4 192.0.2.1 \nt=0 0\nm=audio  9 RTP/AVP 0  8 '
    expect(encodeSdp(parseSdp(body))).toBe(`${HEAD}m=audio 9 RTP/AVP 0 8\r\n`)
  })

  it('reads bytes as UTF-8, and as ISO 8859-1 where they are not', () => {
    const text = HEAD.replace('s=-', 's=Zoë')
    expect(parseSdp(Buffer.from(text)).name).toBe('Zoë')
    expect(parseSdp(Buffer.from(text, 'latin1')).name).toBe('Zoë')
  })

  it('tells the place of what it does not understand', () => {
    const error = failureOf(`${HEAD}m=audio 7oo RTP/AVP 0\r\n`)
    expect(error.message).toBe(
      [
        'SDP line 6, column 9: expected a port from 0 to 65535',
        '  m=audio 7oo RTP/AVP 0',
        '          ^',
      ].join('\n'),
    )
    expect(error).toMatchObject({ code: 'ERR_SDP', status: 400 })
  })

  it.each([
    ['', 'ends where'],
    ['\r\n', 'ends where'],
    ['v=1\r\n', 'line 1, column 3: expected version 0'],
    ['v=0\r\n', "ends where the origin 'o=' as the second line"],
    ['o=- 1 1 IN IP4 192.0.2.1\r\nv=0\r\n', "line 1, column 1: expected 'v=0' as the first line"],
    ['m=audio 9 RTP/AVP 0\r\n', "expected 'v=0' as the first line"],
    ['v=0\r\ns=-\r\n', "line 2, column 1: expected the origin 'o='"],
    ['v=0\r\no=- 1 1 IN IP4\r\n', 'line 2, column 15: expected username'],
    ['v=0\r\no=- x1 1 IN IP4 192.0.2.1\r\n', 'line 2, column 5: expected a session id'],
    ['v=0\r\no=- 1 -1 IN IP4 192.0.2.1\r\n', 'line 2, column 7: expected a session version'],
    [`${HEAD}m=audio\r\n`, 'line 6, column 8: expected media type'],
    [`${HEAD}m=audio 9\r\n`, 'expected media type'],
    [`${HEAD}m=audio 65536 RTP/AVP 0\r\n`, 'expected a port'],
    [`${HEAD}m=audio -1 RTP/AVP 0\r\n`, 'expected a port'],
    [`${HEAD}m=audio 9/x RTP/AVP 0\r\n`, 'expected a port'],
    [`${HEAD}m=audio 9/2/2 RTP/AVP 0\r\n`, 'expected a port'],
    [`${HEAD}m=audio 9 RTP/AVP 0\r\nc=IN IP4\r\n`, 'line 7, column 3: expected network'],
    [`${HEAD}m=audio 9 RTP/AVP 0\r\nc=IN IP4 1.2.3.4/x\r\n`, 'line 7, column 10: expected an address'],
    [`${HEAD}m=audio 9 RTP/AVP 0\r\nc=IN IP6 ff02::1/127/3\r\n`, 'expected an address'],
    [`${HEAD}nonsense\r\n`, "line 6, column 1: expected a line of the form 'x=…'"],
    [`${HEAD}=x\r\n`, 'expected a line'],
    [`${HEAD}a=x\rb\r\n`, 'line 6, column 4: expected no NUL and no CR'],
    [`${HEAD}a=\0\r\n`, 'expected no NUL'],
  ])('refuses %j', (body, message) => {
    expect(failureOf(body).message).toContain(message)
    expect(failureOf(body).message).not.toMatch(/[\r\0]/)
  })

  it('refuses a body over the limit with 413', () => {
    expect(failureOf(HEAD + 'a=x\r\n'.repeat(20_000))).toMatchObject({
      code: 'ERR_SDP_TOO_LARGE',
      status: 413,
    })
    expect(() => parseSdp(HEAD, { maxLength: HEAD.length - 1 })).toThrow(PeerError)
    expect(parseSdp(HEAD, { maxLength: HEAD.length }).media).toEqual([])
  })
})

describe('what a body may cost', () => {
  const sections = (count: number): string => HEAD + 'm=audio 9 RTP/AVP 0\r\n'.repeat(count)

  it('3,000 m-lines are refused at the 129th, with 413 (RFC 3261 §21.4.11)', () => {
    const error = failureOf(sections(3000))
    expect(error).toMatchObject({ code: 'ERR_SDP_TOO_LARGE', status: 413 })
    expect(error.message).toBe('SDP line 134: more than 128 media sections; no more are accepted')
    const began = cpuMilliseconds()
    for (let i = 0; i < 100; i++) failureOf(sections(3000))
    expect((cpuMilliseconds() - began) / 100).toBeLessThan(3)
  })

  it('128 are read, and more where the option says so', () => {
    expect(parseSdp(sections(128)).media).toHaveLength(128)
    expect(parseSdp(sections(3000), { maxMedia: 3000, maxLines: 4000 }).media).toHaveLength(3000)
    expect(() => parseSdp(sections(2), { maxMedia: 1 })).toThrow('line 7: more than 1 media sections')
    expect(() => parseSdp(sections(1), { maxMedia: 0 })).toThrow(PeerError)
    expect(parseSdp(HEAD, { maxMedia: 0 }).media).toEqual([])
  })

  it.each(['a=x\r\n', '\n', 'y=\n'])('lines %j beyond 2,000 are refused, with 413', line => {
    const lines = (count: number): string => HEAD + line.repeat(count - 5)
    expect(parseSdp(lines(2000)).media).toEqual([])
    expect(failureOf(lines(2001))).toMatchObject({ code: 'ERR_SDP_TOO_LARGE', status: 413 })
    expect(failureOf(lines(2001)).message).toBe('SDP of more than 2000 lines; no more are accepted')
    expect(parseSdp(lines(2001), { maxLines: 2001 }).media).toEqual([])
  })
})

describe('attributes of ICE and of multiplexing', () => {
  const section = (...lines: string[]): string => `${HEAD}m=audio 9 RTP/AVP 0\r\n${lines.join('\r\n')}\r\n`

  it('rtcp-mux-only is a flag (RFC 8858 §3), ice-mismatch as well (RFC 8839 §5.3)', () => {
    const body = section('a=rtcp-mux', 'a=rtcp-mux-only', 'a=ice-mismatch')
    expect(media(body)).toMatchObject({ rtcpMux: true, rtcpMuxOnly: true, iceMismatch: true, attributes: [] })
    expect(media(section('a=rtcp-mux'))).toMatchObject({ rtcpMuxOnly: false, iceMismatch: false })
    expect(encodeSdp(parseSdp(body))).toBe(body)
  })

  it('ice-pacing is in milliseconds (RFC 8839 §5.5)', () => {
    const body = HEAD.concat('a=ice-pacing:50\r\n')
    expect(parseSdp(body).icePacing).toBe(50)
    expect(encodeSdp(parseSdp(body))).toBe(body)
    expect(parseSdp(HEAD.concat('a=ice-pacing:fast\r\n'))).not.toHaveProperty('icePacing')
  })

  it('remote-candidates are read from one line or several (RFC 8839 §5.2)', () => {
    const rtp = { component: 1, address: '192.0.2.3', port: 45664 }
    const rtcp = { component: 2, address: '2001:db8::3', port: 45665 }
    const one = section('a=remote-candidates:1 192.0.2.3 45664 2 2001:db8::3 45665')
    const two = section('a=remote-candidates:1 192.0.2.3 45664', 'a=remote-candidates:2 2001:db8::3 45665')
    expect(media(one).remoteCandidates).toEqual([[rtp, rtcp]])
    expect(media(two).remoteCandidates).toEqual([[rtp], [rtcp]])
    for (const body of [one, two]) expect(encodeSdp(parseSdp(body))).toBe(body)
  })

  it.each(['1 192.0.2.3', '1 192.0.2.3 70000', 'x 192.0.2.3 9', '', '1  192.0.2.3 9'])(
    'remote-candidates:%s is kept as it is',
    value => {
      const body = section(`a=remote-candidates:${value}`)
      expect(media(body)).toMatchObject({ remoteCandidates: [], order: ['attributes'] })
      expect(encodeSdp(parseSdp(body))).toBe(body)
    },
  )
})

describe('a body that is read and written', () => {
  it.each(SAMPLES.map((sample, index) => [index, sample] as const))(
    'is the same to the letter (%d)',
    (_, sample) => {
      expect(encodeSdp(parseSdp(sample))).toBe(sample)
      expect(encodeSdp(parseSdp(Buffer.from(sample)))).toBe(sample)
    },
  )
})
