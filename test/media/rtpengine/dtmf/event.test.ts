import { describe, expect, it } from 'vitest'
import { type DtmfEvent, parseDtmfEvent } from '../../../../src/media/rtpengine/dtmf/event.ts'
import { DtmfListener } from '../../../../src/media/rtpengine/dtmf/listener.ts'
import { parseRecording } from '../../../../src/media/rtpengine/results/recording.ts'
import { UdpSocket } from '../../../../src/net/udp.ts'

/** As rtpengine 10.5 sent it. */
const LOG =
  '{"callid":"c1","source_tag":"a","tags":["a","b"],"type":"DTMF","timestamp":1795235223,"source_ip":"127.0.0.1","event":5,"duration":60,"volume":10}'

const EVENT: DtmfEvent = {
  callId: 'c1',
  sourceTag: 'a',
  sourceLabel: undefined,
  tags: ['a', 'b'],
  timestamp: 1795235223,
  sourceIp: '127.0.0.1',
  event: 5,
  digit: '5',
  duration: 60,
  volume: 10,
}

describe("rtpengine's DTMF log", () => {
  it('is read event by event', () => {
    expect(parseDtmfEvent(Buffer.from(LOG))).toEqual(EVENT)
  })

  it.each([
    [10, '*'],
    [11, '#'],
    [15, 'D'],
    [16, undefined],
  ])('knows event %i as %s (RFC 4733 §3.2)', (event, digit) => {
    expect(parseDtmfEvent(Buffer.from(LOG.replace('"event":5', `"event":${event}`)))?.digit).toBe(digit)
  })

  it.each([
    '',
    '{',
    '[]',
    '"x"',
    LOG.replace('DTMF', 'X'),
    LOG.replace('callid', 'x'),
    LOG.replace(':5,', ':"x",'),
  ])('is nothing where it is %s', text => {
    expect(parseDtmfEvent(Buffer.from(text))).toBeUndefined()
  })

  it('is heard from engines only, over a real socket', async () => {
    let heard: (event: DtmfEvent) => void = () => {}
    const event = new Promise<DtmfEvent>(resolve => {
      heard = resolve
    })
    const listener = await DtmfListener.bind(
      { address: '127.0.0.1', port: 0, from: ['127.0.0.1'] },
      { onDtmf: one => heard(one) },
    )
    const sender = await UdpSocket.bind(
      { address: '127.0.0.1', port: 0 },
      { onDatagram() {}, onSocketError() {} },
    )
    try {
      sender.send(Buffer.from('no event'), listener.local?.port ?? 0, '127.0.0.1')
      sender.send(Buffer.from(LOG), listener.local?.port ?? 0, '127.0.0.1')
      expect(await event).toEqual(EVENT)
      expect(listener.malformed).toBe(1)
      listener.onDatagram(Buffer.from(LOG), '192.0.2.66')
      expect(listener.foreign).toBe(1)
    } finally {
      await sender.close()
      await listener.close()
    }
  })
})

/** As rtpengine 10.5 wrote it, shortened. */
const METADATA = `/spool/pcaps/c1-406a.pcap


Label: caller
Timestamp started ms: 1795235222624.906
SDP mode: offer
SDP before RTP packet: 1

v=0\r
s=-\r
m=audio 30000 RTP/AVP 0 101\r

Timestamp started ms: 1795235222624.909
SDP mode: answer
SDP before RTP packet: 1

v=0\r
m=audio 30016 RTP/AVP 0 101\r

Timestamp terminated ms(first monologue): 1795235224242.703

call start time: 2026-11-21T04:27:02
call end time: 2026-11-21T04:27:04


key:val
`

describe("rtpengine's recording metadata", () => {
  it('tells the file, the SDPs, the times and what the caller added', () => {
    expect(parseRecording(METADATA)).toEqual({
      pcap: '/spool/pcaps/c1-406a.pcap',
      sdps: [
        {
          mode: 'offer',
          timestamp: 1795235222624.906,
          label: 'caller',
          sdp: 'v=0\r\ns=-\r\nm=audio 30000 RTP/AVP 0 101\r\n',
        },
        {
          mode: 'answer',
          timestamp: 1795235222624.909,
          label: undefined,
          sdp: 'v=0\r\nm=audio 30016 RTP/AVP 0 101\r\n',
        },
      ],
      started: '2026-11-21T04:27:02',
      ended: '2026-11-21T04:27:04',
      metadata: 'key:val',
    })
  })

  it('is read while the call still lasts', () => {
    const early = METADATA.slice(0, METADATA.indexOf('Timestamp terminated'))
    expect(parseRecording(early)).toMatchObject({ started: undefined, ended: undefined, metadata: undefined })
    expect(parseRecording(early).sdps).toHaveLength(2)
    expect(parseRecording('')).toMatchObject({ pcap: '', sdps: [] })
  })
})
