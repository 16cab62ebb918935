import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { toneLevel } from '../../src/media/audio/goertzel.ts'
import { MediaClock } from '../../src/media/audio/media-clock.ts'
import { ToneGenerator } from '../../src/media/audio/tone.ts'
import { samplesOf } from '../../src/media/audio/wav.ts'
import { pcma, pcmu } from '../../src/media/codec/g711.ts'
import { RtpSender } from '../../src/media/rtp/sender.ts'
import { systemClock } from '../../src/net/clock.ts'
import { systemRandom } from '../../src/net/random.ts'
import { installed } from '../peers/installed.ts'
import { AudioPeer, freePorts, loopback } from './peers/media-tools.ts'

const FRAME = 160
const SECONDS = 2
const FREQUENCY = 1004

describe('ffmpeg', () => {
  beforeAll(() => installed('ffmpeg', 'ffmpeg'))

  it.each([
    { codec: pcmu, payloadType: 0 },
    { codec: pcma, payloadType: 8 },
  ])('RFC 3551 §4.5.14: decodes our $codec.name at its level', async ({ codec, payloadType }) => {
    const folder = mkdtempSync(join(tmpdir(), 'resip-ffmpeg-'))
    const port = await freePorts()
    const sdp = join(folder, 'stream.sdp')
    writeFileSync(sdp, description(port, payloadType, codec.name))
    const peer = new AudioPeer('ffmpeg', [
      ...['-hide_banner', '-loglevel', 'error', '-protocol_whitelist', 'file,udp,rtp'],
      ...['-i', sdp, '-t', `${SECONDS}`, '-f', 's16le', '-ar', '8000', '-ac', '1', 'pipe:1'],
    ])
    const socket = await loopback()
    const media = new MediaClock(systemClock)
    const sender = new RtpSender({ payloadType, clockRate: 8000, random: systemRandom })
    const tone = new ToneGenerator({ sampleRate: 8000, frequencies: [FREQUENCY], level: -10 })
    const samples = new Int16Array(FRAME)
    const payload = Buffer.alloc(FRAME)
    const pace = media.start(
      {
        onSlot(slot, skipped) {
          sender.advance(skipped * FRAME)
          tone.fill(samples)
          codec.encode(samples, payload)
          const bytes = Buffer.alloc(12 + FRAME)
          sender.write(bytes, 0, payload, FRAME, systemClock.now(), slot === 0)
          socket.send(bytes, port, '127.0.0.1')
        },
      },
      20,
    )
    try {
      await peer.ended
      expect(peer.log).toBe('')
      const heard = samplesOf(peer.output)
      expect(heard.length).toBeGreaterThan(0.95 * SECONDS * 8000)
      // from the middle, where nothing fades in or out
      const measured = toneLevel(heard.subarray(4000, 12_000), FREQUENCY, 8000)
      expect(measured.level).toBeCloseTo(-10, 1)
      expect(measured.ratio).toBeGreaterThan(0.999)
    } finally {
      media.stop(pace)
      socket.close()
      await peer.stop()
      rmSync(folder, { recursive: true })
    }
  })
})

function description(port: number, payloadType: number, name: string): string {
  return [
    'v=0',
    'o=- 1 1 IN IP4 127.0.0.1',
    's=-',
    'c=IN IP4 127.0.0.1',
    't=0 0',
    `m=audio ${port} RTP/AVP ${payloadType}`,
    `a=rtpmap:${payloadType} ${name}/8000`,
    '',
  ].join('\r\n')
}
