import { describe, expect, it } from 'vitest'
import type { RtpEngineClient } from '../../../src/media/rtpengine/client.ts'
import { UsageError } from '../../../src/util/errors.ts'
import { outcome, simulateClient } from './simulation.ts'

type Call = (client: RtpEngineClient) => Promise<unknown>

/** What a call of the client puts on the wire, as one bencoded document. */
async function written(call: Call): Promise<string> {
  const { simulation, engine, client } = simulateClient()
  const done = outcome(call(client))
  await simulation.advance(10)
  await done
  return engine.documents[0] ?? ''
}

const party = { fromTag: 'a' }

describe('each command as it stands on the wire', () => {
  it.each<[string, Call, string]>([
    ['ping', c => c.ping(), 'd7:command4:pinge'],
    ['list', c => c.list(), 'd7:command4:list5:limiti32ee'],
    ['list with a limit', c => c.list(5), 'd7:command4:list5:limiti5ee'],
    ['statistics', c => c.statistics(), 'd7:command10:statisticse'],
    ['offer', c => c.offer('v=0', 'c', 'a'), 'd7:call-id1:c7:command5:offer8:from-tag1:a3:sdp3:v=0e'],
    [
      'answer',
      c => c.answer('v=0', 'c', 'a', 'b'),
      'd7:call-id1:c7:command6:answer8:from-tag1:a3:sdp3:v=06:to-tag1:be',
    ],
    [
      'delete',
      c => c.delete('c', 'a', { toTag: 'b', deleteDelay: 0, flags: ['fatal'], viaBranch: 'z' }),
      'd7:call-id1:c7:command6:delete12:delete-delayi0e5:flagsl5:fatale8:from-tag1:a6:to-tag1:b10:via-branch1:ze',
    ],
    ['query', c => c.query('c', { toTag: 'b' }), 'd7:call-id1:c7:command5:query6:to-tag1:be'],
    ['start recording', c => c.startRecording('c'), 'd7:call-id1:c7:command15:start recordinge'],
    ['stop recording', c => c.stopRecording('c'), 'd7:call-id1:c7:command14:stop recordinge'],
    ['pause recording', c => c.pauseRecording('c'), 'd7:call-id1:c7:command15:pause recordinge'],
    [
      'start forwarding',
      c => c.startForwarding('c', party),
      'd7:call-id1:c7:command16:start forwarding8:from-tag1:ae',
    ],
    ['stop forwarding', c => c.stopForwarding('c'), 'd7:call-id1:c7:command15:stop forwardinge'],
    [
      'block DTMF',
      c => c.blockDtmf('c', { fromTag: 'a', dtmfSecurity: 'tone', frequency: [400, 800], volume: 10 }),
      'd13:DTMF-security4:tone7:call-id1:c7:command10:block DTMF9:frequencyli400ei800ee8:from-tag1:a6:volumei10ee',
    ],
    [
      'unblock DTMF',
      c => c.unblockDtmf('c', { all: 'all' }),
      'd3:all3:all7:call-id1:c7:command12:unblock DTMFe',
    ],
    [
      'block media',
      c => c.blockMedia('c', { fromTag: 'a', toTag: 'b' }),
      'd7:call-id1:c7:command11:block media8:from-tag1:a6:to-tag1:be',
    ],
    [
      'unblock media',
      c => c.unblockMedia('c', { label: 'caller' }),
      'd7:call-id1:c7:command13:unblock media5:label6:callere',
    ],
    [
      'silence media',
      c => c.silenceMedia('c', { address: '192.0.2.7' }),
      'd7:address9:192.0.2.77:call-id1:c7:command13:silence mediae',
    ],
    ['unsilence media', c => c.unsilenceMedia('c'), 'd7:call-id1:c7:command15:unsilence mediae'],
    [
      'play media from a file',
      c => c.playMedia('c', { fromTag: 'a', file: '/x.wav', repeatTimes: 2 }),
      'd7:call-id1:c7:command10:play media4:file6:/x.wav8:from-tag1:a12:repeat-timesi2ee',
    ],
    [
      'play media from bytes',
      c => c.playMedia('c', { all: 'all', blob: Uint8Array.of(0, 0xff) }),
      'd3:all3:all4:blob2:\0\xff7:call-id1:c7:command10:play mediae',
    ],
    ['stop media', c => c.stopMedia('c', party), 'd7:call-id1:c7:command10:stop media8:from-tag1:ae'],
    [
      'play DTMF',
      c => c.playDtmf('c', '#', { fromTag: 'a', duration: 200, pause: 100, volume: 8 }),
      'd7:call-id1:c4:code1:#7:command9:play DTMF8:durationi200e8:from-tag1:a5:pausei100e6:volumei8ee',
    ],
    [
      'publish',
      c => c.publish('v=0', 'c', 'a', { codec: { accept: ['any'] }, interface: 'pub' }),
      'd7:call-id1:c5:codecd6:acceptl3:anyee7:command7:publish8:from-tag1:a9:interface3:pub3:sdp3:v=0e',
    ],
    [
      'subscribe request',
      c => c.subscribeRequest('c', { fromTags: ['a', 'b'], toTag: 's', flags: ['inactive'] }),
      'd7:call-id1:c7:command17:subscribe request5:flagsl8:inactivee9:from-tagsl1:a1:be6:to-tag1:se',
    ],
    [
      'subscribe answer',
      c => c.subscribeAnswer('v=0', 'c', 's', { flags: ['allow-transcoding'] }),
      'd7:call-id1:c7:command16:subscribe answer5:flagsl17:allow-transcodinge3:sdp3:v=06:to-tag1:se',
    ],
    ['unsubscribe', c => c.unsubscribe('c', 's'), 'd7:call-id1:c7:command11:unsubscribe6:to-tag1:se'],
    [
      'connect',
      c => c.connect('c', 'a', 'b', { toCallId: 'd' }),
      'd7:call-id1:c7:command7:connect8:from-tag1:a10:to-call-id1:d6:to-tag1:be',
    ],
    [
      'transform',
      c =>
        c.transform([
          {
            type: 'audio',
            codec: [
              {
                input: { codec: 'PCMU', payloadType: 0, clockRate: 8000 },
                output: { codec: 'PCMA', payloadType: 8, clockRate: 8000, channels: 1 },
              },
            ],
            destination: { family: 'IP4', address: '192.0.2.7', port: 4444 },
          },
        ]),
      'd7:command9:transform5:mediald5:codecld5:inputd10:clock ratei8000e5:codec4:PCMU12:payload typei0ee6:outputd8:channelsi1e10:clock ratei8000e5:codec4:PCMA12:payload typei8eeee11:destinationd7:address9:192.0.2.76:family3:IP44:porti4444ee4:type5:audioeee',
    ],
    [
      'any other',
      c => c.request('mesh', { 'call-id': 'c' }, { other: { x: 1 } }),
      'd7:call-id1:c7:command4:mesh1:xi1ee',
    ],
  ])('%s', async (_, call, document) => {
    expect(await written(call)).toBe(document)
  })

  it('offer with every option whose key reads otherwise', async () => {
    const { simulation, engine, client } = simulateClient()
    const offer = client.offer('v=0', 'c', 'a', {
      addressFamily: 'IP6',
      audioPlayer: 'always',
      codec: { strip: ['all'], transcode: ['opus/48000/2'] },
      delayBuffer: 0,
      direction: ['priv', 'pub'],
      dropTraffic: 'start',
      dtls: false,
      dtlsFingerprint: 'SHA-256',
      dtlsReverse: 'passive',
      dtmfDelay: 100,
      dtmfLogDest: '192.0.2.9:1234',
      dtmfSecurityTrigger: 'random',
      endpointLearning: 'heuristic',
      flags: ['trust-address', 'reset'],
      generateRtcp: true,
      ice: 'force-relay',
      iceLite: 'both',
      label: 'caller',
      mediaAddress: '2001:db8::1',
      mediaEcho: 'backwards',
      metadata: 'key:ü',
      moh: { file: '/moh.wav', mode: 'sendonly', connection: 'zero' },
      osrtp: ['accept'],
      otherFlags: ['x-flag'],
      ptime: 20,
      ptimeReverse: 30,
      receivedFrom: '2001:db8::2',
      recordCall: true,
      replace: ['origin', 'session-connection'],
      rtcpMux: ['offer', 'reject'],
      sdes: ['only-AES_CM_128_HMAC_SHA1_80', 'pad'],
      rtppFlags: 'ICE=remove',
      sdpMediaRemove: ['video'],
      sipCode: 183,
      sipMessageType: 'SIP response',
      template: 'plain',
      sdpAttr: { audio: { add: ['x'], substitute: [['a', 'b']] } },
      t38: ['decode', 'no-ECM'],
      tos: -1,
      transportProtocol: 'RTP/SAVPF',
      triggerEnd: '##',
      viaBranch: 'z9hG4bK',
      xmlrpcCallback: '192.0.2.8',
      other: { 'new key': ['x'] },
    })
    await simulation.advance(10)
    await offer
    expect(Object.fromEntries(engine.requests[0] ?? [])).toEqual({
      command: 'offer',
      sdp: 'v=0',
      'call-id': 'c',
      'from-tag': 'a',
      'address-family': 'IP6',
      'audio-player': 'always',
      codec: new Map([
        ['strip', ['all']],
        ['transcode', ['opus/48000/2']],
      ]),
      'delay-buffer': 0,
      direction: ['priv', 'pub'],
      'drop-traffic': 'start',
      DTLS: 'off',
      'DTLS-fingerprint': 'SHA-256',
      'DTLS-reverse': 'passive',
      'DTMF-delay': 100,
      'DTMF-log-dest': '192.0.2.9:1234',
      'DTMF-security-trigger': 'random',
      'endpoint-learning': 'heuristic',
      flags: ['trust-address', 'reset', 'x-flag'],
      'generate-RTCP': 'on',
      ICE: 'force-relay',
      'ICE-lite': 'both',
      label: 'caller',
      'media-address': '2001:db8::1',
      'media-echo': 'backwards',
      metadata: 'key:ü',
      moh: new Map([
        ['connection', 'zero'],
        ['file', '/moh.wav'],
        ['mode', 'sendonly'],
      ]),
      OSRTP: ['accept'],
      ptime: 20,
      'ptime-reverse': 30,
      'received-from': ['IP6', '2001:db8::2'],
      'record-call': 'yes',
      replace: ['origin', 'session-connection'],
      'rtcp-mux': ['offer', 'reject'],
      SDES: ['only-AES_CM_128_HMAC_SHA1_80', 'pad'],
      rtpp_flags: 'ICE=remove',
      'sdp-media-remove': ['video'],
      'SIP code': 183,
      'SIP message type': 'SIP response',
      template: 'plain',
      'sdp-attr': new Map([
        [
          'audio',
          new Map<string, unknown>([
            ['add', ['x']],
            ['substitute', [['a', 'b']]],
          ]),
        ],
      ]),
      'T.38': ['decode', 'no-ECM'],
      TOS: -1,
      'transport-protocol': 'RTP/SAVPF',
      'trigger-end': '##',
      'via-branch': 'z9hG4bK',
      'xmlrpc-callback': '192.0.2.8',
      'new key': ['x'],
    })
  })

  it('writes the short forms of options', async () => {
    const { simulation, engine, client } = simulateClient()
    const offer = client.offer('v=0', 'c', 'a', {
      direction: 'round-robin-calls',
      receivedFrom: ['IP4', '192.0.2.1'],
      recordCall: false,
      sdes: false,
      dtls: 'passive',
      tos: 256,
    })
    await simulation.advance(10)
    await offer
    const request = engine.requests[0]
    expect(request?.get('direction')).toEqual(['round-robin-calls', 'round-robin-calls'])
    expect(request?.get('received-from')).toEqual(['IP4', '192.0.2.1'])
    expect(request?.get('record-call')).toBe('no')
    expect(request?.get('SDES')).toEqual(['off'])
    expect(request?.get('DTLS')).toBe('passive')
    expect(request?.get('TOS')).toBe(256)
  })
})

describe('options that make no sense are refused at once', () => {
  const { client } = simulateClient()

  it.each<[string, Call]>([
    // @ts-expect-error the type refuses it too
    ['a direction in an answer', c => c.answer('v=0', 'c', 'a', 'b', { direction: ['x', 'y'] })],
    // @ts-expect-error the type refuses it too
    ['reset in an answer', c => c.answer('v=0', 'c', 'a', 'b', { flags: ['reset'] })],
    // @ts-expect-error the type refuses it too
    ['ptime in an answer', c => c.answer('v=0', 'c', 'a', 'b', { ptime: 20 })],
    // @ts-expect-error the type refuses it too
    ['ICE lite in an answer', c => c.answer('v=0', 'c', 'a', 'b', { iceLite: 'both' })],
    // @ts-expect-error the type refuses it too
    ['T.38 in an answer', c => c.answer('v=0', 'c', 'a', 'b', { t38: ['force'] })],
    // @ts-expect-error the type refuses it too
    ['a direction in a delete', c => c.delete('c', 'a', { direction: ['x', 'y'] })],
    // @ts-expect-error the type refuses it too
    ['fatal in an offer', c => c.offer('v=0', 'c', 'a', { flags: ['fatal'] })],
    // @ts-expect-error the type refuses it too
    ['an accepted protocol in an offer', c => c.offer('v=0', 'c', 'a', { transportProtocol: 'accept' })],
    // @ts-expect-error the type refuses it too
    ['an option nobody knows', c => c.offer('v=0', 'c', 'a', { iec: 'remove' })],
    // @ts-expect-error the type refuses it too
    ['media from nowhere', c => c.playMedia('c', { fromTag: 'a' })],
    // @ts-expect-error the type refuses it too
    ['media from two places', c => c.playMedia('c', { fromTag: 'a', file: 'x', dbId: 1 })],
    // @ts-expect-error the type refuses it too
    ['an interface in an answer', c => c.answer('v=0', 'c', 'a', 'b', { fromInterface: 'x' })],
    ['directions twice', c => c.offer('v=0', 'c', 'a', { direction: ['x', 'y'], toInterface: 'y' })],
    ['a status that is none', c => c.offer('v=0', 'c', 'a', { sipCode: 99 })],
    ['announcements from two places', c => c.offer('v=0', 'c', 'a', { file: 'x', dbId: 1 })],
    ['opposite flags', c => c.offer('v=0', 'c', 'a', { flags: ['symmetric', 'asymmetric'] })],
    ['opposite trust', c => c.offer('v=0', 'c', 'a', { flags: ['trust-address', 'SIP-source-address'] })],
    ['opposite multiplexing', c => c.offer('v=0', 'c', 'a', { rtcpMux: ['demux', 'accept'] })],
    ['recording and not', c => c.offer('v=0', 'c', 'a', { recordCall: false, flags: ['record-call'] })],
    ['ICE rejected and forced', c => c.offer('v=0', 'c', 'a', { ice: 'force', flags: ['reject-ICE'] })],
    ['reset among other flags', c => c.publish('v=0', 'c', 'a', { otherFlags: ['reset'] })],
    ['a source that is no address', c => c.offer('v=0', 'c', 'a', { receivedFrom: 'example.com' })],
    ['a source of another family', c => c.offer('v=0', 'c', 'a', { receivedFrom: ['IP6', '192.0.2.1'] })],
    ['a media address that is none', c => c.offer('v=0', 'c', 'a', { mediaAddress: '1.2.3' })],
    ['a fraction as TOS', c => c.offer('v=0', 'c', 'a', { tos: 1.5 })],
    ['a negative delay', c => c.delete('c', 'a', { deleteDelay: -1 })],
    ['a list of nothing', c => c.list(0)],
    ['a digit that is none', c => c.playDtmf('c', 'E', party)],
    ['a code above 15', c => c.playDtmf('c', 16, party)],
    ['a DTMF event too short', c => c.playDtmf('c', 1, { fromTag: 'a', duration: 50 })],
    ['a volume too low', c => c.playDtmf('c', 1, { fromTag: 'a', volume: 64 })],
    ['no time at all', c => c.ping({ timeout: 0 })],
    ['time without end', c => c.ping({ timeout: Number.POSITIVE_INFINITY })],
    ['a fraction among other keys', c => c.ping({ other: { x: 0.5 } })],
  ])('%s', (_, call) => {
    expect(() => call(client)).toThrow(UsageError)
    expect(client.counters.requests).toBe(0)
  })

  it('and bytes as JSON', () => {
    const json = simulateClient({}, { encoding: 'json' }).client
    expect(() => json.playMedia('c', { fromTag: 'a', blob: Uint8Array.of(1) })).toThrow(
      'JSON cannot carry bytes',
    )
  })
})
