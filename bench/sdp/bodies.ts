const joined = (lines: readonly string[]): string => `${lines.join('\r\n')}\r\n`

/** What SIPp's own scenarios offer. */
export const SIPP: string = joined([
  'v=0',
  'o=user1 53655765 2353687637 IN IP4 127.0.0.1',
  's=-',
  'c=IN IP4 127.0.0.1',
  't=0 0',
  'm=audio 6000 RTP/AVP 0',
  'a=rtpmap:0 PCMU/8000',
])

/** Common to both sections of the browser's offer. */
function transport(mid: number): string[] {
  return [
    'c=IN IP4 0.0.0.0',
    'a=rtcp:9 IN IP4 0.0.0.0',
    'a=candidate:1467250027 1 udp 2122260223 192.0.2.7 50000 typ host generation 0 network-id 1 network-cost 10',
    'a=candidate:435653019 1 tcp 1845501695 192.0.2.7 9 typ host tcptype active generation 0 network-id 1',
    'a=candidate:1853887674 1 udp 1518280447 203.0.113.4 61000 typ srflx raddr 192.0.2.7 rport 50000 generation 0',
    'a=candidate:842163049 2 udp 1518280446 203.0.113.4 61001 typ srflx raddr 192.0.2.7 rport 50001 generation 0',
    'a=candidate:3 1 udp 25108223 198.51.100.9 61002 typ relay raddr 203.0.113.4 rport 61000 generation 0',
    'a=ice-ufrag:EsAw',
    'a=ice-pwd:bP+XJMM09aR8AiX1jdukzR6Y',
    'a=ice-options:trickle',
    'a=fingerprint:sha-256 49:66:12:17:0D:1C:91:AE:57:4C:C6:36:DD:D5:97:D2:7D:62:C9:9A:7F:B9:A3:F4:70:03:E7:43:91:73:23:5E',
    'a=setup:actpass',
    `a=mid:${mid}`,
  ]
}

function codec(payloadType: number, encoding: string, config?: string): string[] {
  const map = `a=rtpmap:${payloadType} ${encoding}/90000`
  const feedback = ['goog-remb', 'transport-cc', 'ccm fir', 'nack', 'nack pli']
  return [
    map,
    ...feedback.map(kind => `a=rtcp-fb:${payloadType} ${kind}`),
    ...(config === undefined ? [] : [`a=fmtp:${payloadType} ${config}`]),
    `a=rtpmap:${payloadType + 1} rtx/90000`,
    `a=fmtp:${payloadType + 1} apt=${payloadType}`,
  ]
}

const h264 = (packetization: number, profile: string): string =>
  `level-asymmetry-allowed=1;packetization-mode=${packetization};profile-level-id=${profile}`
const stream = '6f0cd1ab-2d36-4b1c-8a4e-6a1fd2d9a0b7'

/** A browser's offer of audio and video: the lines that Chromium writes, 6 KB of them. */
export const BROWSER: string = joined([
  'v=0',
  'o=- 4611731400430051336 2 IN IP4 127.0.0.1',
  's=-',
  't=0 0',
  'a=group:BUNDLE 0 1',
  'a=extmap-allow-mixed',
  `a=msid-semantic: WMS ${stream}`,
  'm=audio 9 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13 110 126',
  ...transport(0),
  'a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level',
  'a=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time',
  'a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01',
  'a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid',
  'a=sendrecv',
  `a=msid:${stream} c1f3e0f6-5b0e-4f1c-9a0b-0d6f1a5b7c11`,
  'a=rtcp-mux',
  'a=rtcp-rsize',
  'a=rtpmap:111 opus/48000/2',
  'a=rtcp-fb:111 transport-cc',
  'a=fmtp:111 minptime=10;useinbandfec=1',
  'a=rtpmap:63 red/48000/2',
  'a=fmtp:63 111/111',
  'a=rtpmap:9 G722/8000',
  'a=rtpmap:0 PCMU/8000',
  'a=rtpmap:8 PCMA/8000',
  'a=rtpmap:13 CN/8000',
  'a=rtpmap:110 telephone-event/48000',
  'a=rtpmap:126 telephone-event/8000',
  'a=ssrc:3735928559 cname:9Eb3Vf0wBm4kXq2T',
  `a=ssrc:3735928559 msid:${stream} c1f3e0f6-5b0e-4f1c-9a0b-0d6f1a5b7c11`,
  'm=video 9 UDP/TLS/RTP/SAVPF 96 97 35 36 39 40 102 103 104 105 106 107 108 109 45 46 98 99 100 101 112 113 114',
  ...transport(1),
  'a=extmap:14 urn:ietf:params:rtp-hdrext:toffset',
  'a=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time',
  'a=extmap:13 urn:3gpp:video-orientation',
  'a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01',
  'a=extmap:5 http://www.webrtc.org/experiments/rtp-hdrext/playout-delay',
  'a=extmap:6 http://www.webrtc.org/experiments/rtp-hdrext/video-content-type',
  'a=extmap:7 http://www.webrtc.org/experiments/rtp-hdrext/video-timing',
  'a=extmap:8 http://www.webrtc.org/experiments/rtp-hdrext/color-space',
  'a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid',
  'a=sendrecv',
  `a=msid:${stream} 8f6c3a5e-1d2b-4c7f-b3a9-5e4d3c2b1a09`,
  'a=rtcp-mux',
  'a=rtcp-rsize',
  ...codec(96, 'VP8'),
  ...codec(35, 'VP9', 'profile-id=1'),
  ...codec(39, 'H264', h264(1, '4d001f')),
  ...codec(102, 'H264', h264(1, '42001f')),
  ...codec(104, 'H264', h264(0, '42001f')),
  ...codec(106, 'H264', h264(1, '42e01f')),
  ...codec(108, 'H264', h264(0, '42e01f')),
  ...codec(45, 'AV1', 'level-idx=5;profile=0;tier=0'),
  ...codec(98, 'VP9', 'profile-id=0'),
  ...codec(100, 'VP9', 'profile-id=2'),
  'a=rtpmap:112 red/90000',
  'a=rtpmap:113 rtx/90000',
  'a=fmtp:113 apt=112',
  'a=rtpmap:114 ulpfec/90000',
  'a=ssrc-group:FID 2231627014 632943048',
  ...['2231627014', '632943048'].flatMap(ssrc => [
    `a=ssrc:${ssrc} cname:9Eb3Vf0wBm4kXq2T`,
    `a=ssrc:${ssrc} msid:${stream} 8f6c3a5e-1d2b-4c7f-b3a9-5e4d3c2b1a09`,
  ]),
])
