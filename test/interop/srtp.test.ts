import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { toneLevel } from '../../src/media/audio/goertzel.ts'
import { MediaClock, type Pace } from '../../src/media/audio/media-clock.ts'
import { ToneGenerator } from '../../src/media/audio/tone.ts'
import { samplesOf } from '../../src/media/audio/wav.ts'
import { pcmu } from '../../src/media/codec/g711.ts'
import { FlowManager, type MediaStream } from '../../src/media/flow/index.ts'
import { encodeRtp, parseRtp } from '../../src/media/rtp/packet.ts'
import { keySaltLength, type SrtpKey, type SrtpKeys, type SrtpSuite } from '../../src/media/srtp/index.ts'
import { systemClock } from '../../src/net/clock.ts'
import { seededRandom } from '../../src/util/random.ts'
import { found, installed } from '../peers/installed.ts'
import { AudioPeer, freePorts } from './peers/media-tools.ts'

const FRAME = 160
const SSRC = 0x12345678
const OURS = 1004
const THEIRS = 440
/** The roll-over counter goes to 1 after a second and a half. */
const FIRST = 65_536 - 75
/** Packets of four seconds. */
const PACKETS = 200
const scratch = mkdtempSync(join(tmpdir(), 'resip-srtp-'))
const flows = new FlowManager()

beforeAll(() => {
  installed('ffmpeg', 'ffmpeg')
  installed('gst-launch-1.0', 'gstreamer1.0-tools', 'gstreamer1.0-plugins-base', 'gstreamer1.0-plugins-good')
  found('srtpdec', hasSrtpdec, ['gstreamer1.0-plugins-bad'])
})

afterAll(async () => {
  await flows.close()
  rmSync(scratch, { recursive: true, force: true })
})

const hasSrtpdec = (): boolean => spawnSync('gst-inspect-1.0', ['srtpdec']).status === 0

const keyOf = (suite: SrtpSuite, seed: number): Buffer =>
  seededRandom(seed).fill(Buffer.alloc(keySaltLength(suite)))

function openStream(): Promise<MediaStream> {
  return new Promise((resolve, reject) => {
    const stream: MediaStream = flows.createMediaStream(
      { onMediaStreamReady: () => resolve(stream), onMediaStreamError: (_, error) => reject(error) },
      { address: '127.0.0.1', port: 0 },
      { rtcpEnabled: false },
    )
  })
}

/** Resolves when some program has this port of loop-back. */
async function bound(port: number): Promise<void> {
  const local = `:${port.toString(16).toUpperCase().padStart(4, '0')} `
  for (let tries = 0; tries < 400; tries++) {
    if (readFileSync('/proc/net/udp', 'latin1').includes(local)) return
    await sleep(50)
  }
  throw new Error(`nobody bound port ${port}`)
}

/** Four seconds of tone in packets of 20 ms, over the end of the sequence numbers. */
async function sendTone(port: number, suite: SrtpSuite, keys: SrtpKeys): Promise<void> {
  const stream = await openStream()
  const media = new MediaClock(systemClock)
  let pace: Pace | undefined
  try {
    stream.createInboundSRTPSession(suite, keyOf(suite, 99))
    expect(stream.createOutboundSRTPSession(suite, keys)).toBe(true)
    stream.rtpFlow.setActiveDestination('127.0.0.1', port)
    await bound(port)
    const tone = new ToneGenerator({ sampleRate: 8000, frequencies: [OURS], level: -10 })
    const samples = new Int16Array(FRAME)
    const payload = Buffer.alloc(FRAME)
    let sent = 0
    await new Promise<void>(resolve => {
      pace = media.start(
        {
          onSlot() {
            tone.fill(samples)
            pcmu.encode(samples, payload)
            const bytes = Buffer.alloc(12 + FRAME)
            const sequence = (FIRST + sent) & 0xffff
            encodeRtp(bytes, 0, { payloadType: 0, sequence, timestamp: FRAME * sent, ssrc: SSRC }, payload)
            stream.rtpFlow.send(bytes)
            if (++sent === PACKETS) resolve()
          },
        },
        20,
      )
    })
    expect(stream.rtpFlow.counters.packetsOut).toBe(PACKETS)
  } finally {
    if (pace !== undefined) media.stop(pace)
    await stream.close()
  }
}

/** What a peer sends to us, for as long as three seconds of it take: the audio, and how often numbers began anew. */
async function heardFrom(
  suite: SrtpSuite,
  keys: SrtpKeys,
  start: (port: number) => AudioPeer,
): Promise<{ ratio: number; wraps: number; failed: number }> {
  const stream = await openStream()
  const heard: Buffer[] = []
  let wraps = 0
  let last = -1
  stream.createOutboundSRTPSession(suite, keyOf(suite, 98))
  expect(stream.createInboundSRTPSession(suite, keys)).toBe(true)
  const enough = new Promise<void>(resolve => {
    stream.rtpFlow.onReceive(bytes => {
      const packet = parseRtp(bytes)
      if (typeof packet === 'string') throw new Error(packet)
      if (packet.sequence < last) wraps++
      last = packet.sequence
      heard.push(packet.payload)
      if (heard.length >= 150) resolve()
    })
  })
  const peer = start(stream.rtpFlow.localTuple?.port ?? 0)
  try {
    await Promise.race([
      enough,
      peer.ended.then(() => {
        throw new Error(`the peer ended: ${peer.log}`)
      }),
    ])
    const bytes = Buffer.concat(heard.slice(-50))
    const samples = new Int16Array(bytes.length)
    pcmu.decode(bytes, samples)
    const { failed } = stream.rtpFlow.counters.srtp
    return { ratio: toneLevel(samples, THEIRS, 8000).ratio, wraps, failed }
  } finally {
    await peer.stop()
    await stream.close()
  }
}

/** The last half second of what a peer wrote, which came after the roll-over. */
function toneIn(output: Buffer): number {
  const heard = samplesOf(output)
  expect(heard.length).toBeGreaterThan(2.2 * 8000)
  return toneLevel(heard.subarray(heard.length - 4800, heard.length - 800), OURS, 8000).ratio
}

describe('ffmpeg', () => {
  const suites: SrtpSuite[] = ['AES_CM_128_HMAC_SHA1_80', 'AES_CM_128_HMAC_SHA1_32']

  it.each(suites)(
    'RFC 4568 §9: decodes our tone by the key of a crypto line, past the roll-over: %s',
    async suite => {
      const port = await freePorts()
      const keySalt = keyOf(suite, 1)
      const sdp = join(scratch, `${suite}.sdp`)
      const lines = ['v=0', 'o=- 1 1 IN IP4 127.0.0.1', 's=-', 'c=IN IP4 127.0.0.1', 't=0 0']
      const media = [
        `m=audio ${port} RTP/SAVP 0`,
        `a=crypto:1 ${suite} inline:${keySalt.toString('base64')}`,
        '',
      ]
      writeFileSync(sdp, [...lines, ...media].join('\r\n'))
      const peer = new AudioPeer('ffmpeg', [
        ...['-hide_banner', '-loglevel', 'error', '-protocol_whitelist', 'file,udp,rtp', '-i', sdp],
        ...['-t', '3', '-f', 's16le', '-ar', '8000', '-ac', '1', 'pipe:1'],
      ])
      try {
        await sendTone(port, suite, keySalt)
        await peer.ended
        expect(peer.log).toBe('')
        expect(toneIn(peer.output)).toBeGreaterThan(0.99)
      } finally {
        await peer.stop()
      }
    },
  )

  it.each(suites)('RFC 3711: its tone by -srtp_out_suite is heard, past the roll-over: %s', async suite => {
    const keySalt = keyOf(suite, 2)
    const result = await heardFrom(
      suite,
      keySalt,
      port =>
        new AudioPeer('ffmpeg', [
          ...['-hide_banner', '-loglevel', 'error', '-re', '-f', 'lavfi'],
          ...[
            '-i',
            `sine=frequency=${THEIRS}:sample_rate=8000`,
            '-af',
            'asetnsamples=160',
            '-c:a',
            'pcm_mulaw',
            '-f',
            'rtp',
          ],
          ...['-seq', `${FIRST}`, '-srtp_out_suite', suite, '-srtp_out_params', keySalt.toString('base64')],
          `srtp://127.0.0.1:${port}?pktsize=188`,
        ]),
    )
    expect(result).toMatchObject({ wraps: 1, failed: 0 })
    expect(result.ratio).toBeGreaterThan(0.99)
  })
})

describe('GStreamer', () => {
  const suites: { suite: SrtpSuite; cipher: string; auth: string }[] = [
    { suite: 'AES_CM_128_HMAC_SHA1_80', cipher: 'aes-128-icm', auth: 'hmac-sha1-80' },
    { suite: 'AES_CM_128_HMAC_SHA1_32', cipher: 'aes-128-icm', auth: 'hmac-sha1-32' },
    { suite: 'AES_256_CM_HMAC_SHA1_80', cipher: 'aes-256-icm', auth: 'hmac-sha1-80' },
    { suite: 'AES_256_CM_HMAC_SHA1_32', cipher: 'aes-256-icm', auth: 'hmac-sha1-32' },
    { suite: 'AEAD_AES_128_GCM', cipher: 'aes-128-gcm', auth: 'null' },
    { suite: 'AEAD_AES_256_GCM', cipher: 'aes-256-gcm', auth: 'null' },
  ]

  /** A pipeline that writes what it hears at `port` as raw audio. */
  function listening(port: number, cipher: string, auth: string, keys: readonly SrtpKey[]): AudioPeer {
    const rtcpAuth = auth === 'hmac-sha1-32' ? 'hmac-sha1-80' : auth
    const named = keys.flatMap(({ keySalt, mki }, i) => {
      const number = i === 0 ? '' : `${i + 1}`
      const key = `srtp-key${number}=(buffer)${Buffer.from(keySalt).toString('hex')}`
      return mki === undefined ? [key] : [key, `mki${number}=(buffer)${Buffer.from(mki).toString('hex')}`]
    })
    const caps = [
      ...['application/x-srtp', 'media=(string)audio', 'payload=(int)0', 'clock-rate=(int)8000'],
      ...['encoding-name=(string)PCMU', `ssrc=(uint)${SSRC}`, 'roc=(uint)0', ...named],
      ...[`srtp-cipher=(string)${cipher}`, `srtp-auth=(string)${auth}`],
      ...[`srtcp-cipher=(string)${cipher}`, `srtcp-auth=(string)${rtcpAuth}`],
    ]
    return new AudioPeer('gst-launch-1.0', [
      ...['-q', 'udpsrc', 'address=127.0.0.1', `port=${port}`, `caps=${caps.join(',')}`, '!', 'srtpdec', '!'],
      ...['rtppcmudepay', '!', 'mulawdec', '!', 'fdsink', 'fd=1'],
    ])
  }

  it.each(suites)(
    'RFC 3711, 6188, 7714: decodes our tone past the roll-over: $suite',
    async ({ suite, cipher, auth }) => {
      const port = await freePorts()
      const keySalt = keyOf(suite, 3)
      const peer = listening(port, cipher, auth, [{ keySalt }])
      try {
        await sendTone(port, suite, keySalt)
        await sleep(200)
        expect(toneIn(peer.output)).toBeGreaterThan(0.99)
      } finally {
        await peer.stop()
      }
    },
  )

  it.each(suites)(
    'RFC 3711, 6188, 7714: its tone is heard past the roll-over: $suite',
    async ({ suite, cipher, auth }) => {
      const keySalt = keyOf(suite, 4)
      const rtcpAuth = auth === 'hmac-sha1-32' ? 'hmac-sha1-80' : auth
      const result = await heardFrom(
        suite,
        keySalt,
        port =>
          new AudioPeer('gst-launch-1.0', [
            ...['-q', 'audiotestsrc', 'is-live=true', `freq=${THEIRS}`, 'samplesperbuffer=160', '!'],
            ...['audio/x-raw,rate=8000,channels=1', '!', 'mulawenc', '!'],
            ...['rtppcmupay', `seqnum-offset=${FIRST}`, 'max-ptime=20000000', '!'],
            ...['srtpenc', `key=${keySalt.toString('hex')}`, `rtp-cipher=${cipher}`, `rtp-auth=${auth}`],
            ...[`rtcp-cipher=${cipher}`, `rtcp-auth=${rtcpAuth}`, '!'],
            ...['udpsink', 'host=127.0.0.1', `port=${port}`],
          ]),
      )
      expect(result).toMatchObject({ wraps: 1, failed: 0 })
      expect(result.ratio).toBeGreaterThan(0.99)
    },
  )

  it('RFC 3711 §3.3.1: hears us under a new key past ROC 0, told by its MKI, with the SSRC and the counter kept', async () => {
    const suite = 'AES_CM_128_HMAC_SHA1_80'
    const port = await freePorts()
    // the first key is over a quarter of a second after the roll-over
    const keys = [1, 2].map(seed => ({
      keySalt: keyOf(suite, seed),
      mki: Buffer.from([0, seed]),
      lifetime: 90 + 200 * (seed - 1),
    }))
    const peer = listening(port, 'aes-128-icm', 'hmac-sha1-80', keys)
    try {
      await sendTone(port, suite, keys)
      await sleep(200)
      expect(toneIn(peer.output)).toBeGreaterThan(0.99)
    } finally {
      await peer.stop()
    }
  })
})
