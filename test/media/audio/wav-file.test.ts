import { once } from 'node:events'
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openRegular } from '../../../src/media/audio/io/open.ts'
import { openWavFile } from '../../../src/media/audio/io/wav-file-reader.ts'
import { createWavFile, WavFileWriter } from '../../../src/media/audio/io/wav-file-writer.ts'
import { parseWav, samplesOf, type WavFormat } from '../../../src/media/audio/wav.ts'
import { EnvironmentError, PeerError, UsageError } from '../../../src/util/errors.ts'

const MONO: WavFormat = { encoding: 'pcm16', channels: 1, sampleRate: 8000 }
const FRAME = 160

let folder = ''
let path = ''

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'resip-wav-'))
  path = join(folder, 'a.wav')
})

afterEach(() => rmSync(folder, { recursive: true }))

/** How many files of the folder this process has open. */
function descriptors(): number {
  return readdirSync('/proc/self/fd').filter(fd => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith(folder)
    } catch {
      // the descriptor of the listing itself
      return false
    }
  }).length
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise
    return 'ok'
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : String(error)
  }
}

/** A file of `frames` times 160 samples, the number of the frame in each. */
async function record(frames: number): Promise<void> {
  const file = await createWavFile(path, MONO)
  for (let i = 0; i < frames; i++) {
    if (!file.writeSamples(new Int16Array(FRAME).fill(i))) {
      await file.drained()
      i--
    }
  }
  await file.close()
}

describe('WAV files', () => {
  it('what was written in pieces is taken again in order, and read anywhere', async () => {
    await record(500)
    expect(parseWav(readFileSync(path))).toMatchObject({ dataLength: 500 * 320, dataOffset: 44 })
    const reader = await openWavFile(path, { readAhead: 1000 })
    for (let i = 0; i < 500; i++) {
      let data = reader.take(2 * FRAME)
      while (data === undefined) {
        await reader.ready()
        data = reader.take(2 * FRAME)
        if (data === undefined) await new Promise(setImmediate)
      }
      expect(new Set(samplesOf(data))).toEqual(new Set([i]))
      expect(reader.buffered).toBeLessThanOrEqual(1000)
    }
    expect([reader.ended, reader.take(320)?.length]).toEqual([true, 0])
    expect([...samplesOf(await reader.read(320 * 7, 4))]).toEqual([7, 7])
    expect(await reader.read(500 * 320 - 10, 100)).toHaveLength(10)
    expect(await reader.read(500 * 320, 100)).toHaveLength(0)
    expect(() => reader.take(1001)).toThrow(UsageError)
    await reader.close()
    await reader.close()
  })

  it('a format that cannot be leaves the file as it was and no descriptor open', async () => {
    await record(3)
    const before = readFileSync(path)
    for (const format of [
      { ...MONO, channels: 9 },
      { ...MONO, sampleRate: 0 },
    ]) {
      expect(() => createWavFile(path, format)).toThrow(UsageError)
    }
    expect(() => createWavFile(path, MONO, { maxBuffered: 10 })).toThrow(UsageError)
    expect(() => openWavFile(path, { readAhead: 0 })).toThrow(UsageError)
    await new Promise(resolve => setImmediate(resolve))
    expect(readFileSync(path).equals(before)).toBe(true)
    expect(descriptors()).toBe(0)
  })

  it('what is no WAV, or no regular file, is refused, and no descriptor stays open', async () => {
    writeFileSync(path, 'RIFFxxxxWAVEno')
    await expect(openWavFile(path)).rejects.toBeInstanceOf(PeerError)
    await expect(openWavFile(join(folder, 'none.wav'))).rejects.toBeInstanceOf(EnvironmentError)
    const server = createServer().listen(join(folder, 'socket'))
    await once(server, 'listening')
    for (const strange of [join(folder, 'socket'), folder, '/dev/null']) {
      await expect(openWavFile(strange)).rejects.toBeInstanceOf(EnvironmentError)
      await expect(createWavFile(strange, MONO)).rejects.toBeInstanceOf(EnvironmentError)
    }
    server.close()
    expect(descriptors()).toBe(0)
  })

  it('no call of a media slot touches the disk: both sides only take from and give to bounded buffers', async () => {
    const file = await createWavFile(path, MONO, { maxBuffered: 1000 })
    await file.drained()
    // within one turn of the event loop nothing that was written can come back to make room
    const taken = Array.from({ length: 10 }, () => file.write(new Uint8Array(320)))
    expect(taken).toEqual([true, true, true, true, false, false, false, false, false, false])
    expect([file.buffered, file.length, file.dropped]).toEqual([960, 1280, 6 * 320])
    await file.drained()
    expect(file.write(new Uint8Array(320))).toBe(true)
    expect(() => file.write(new Uint8Array(1002))).toThrow(UsageError)
    expect(() => file.write(new Uint8Array(3))).toThrow(UsageError)
    await file.close()
    expect(() => file.write(new Uint8Array(2))).toThrow(/closed already/)
    expect(parseWav(readFileSync(path))).toMatchObject({ dataLength: 1600 })

    const reader = await openWavFile(path)
    expect(reader.take(320)).toBeUndefined()
    expect(reader.starved).toBe(1)
    await reader.ready()
    expect(reader.take(320)).toHaveLength(320)
    await reader.close()
  })

  it('a disk that is full is told, by write at once and by close', async () => {
    const file = await openRegular(path, 'written')
    const full = Object.assign(Object.create(file), {
      write: () => Promise.reject(new Error('ENOSPC: no space left on device')),
      stat: () => file.stat(),
      close: () => file.close(),
    })
    const writer = new WavFileWriter(full, MONO, 1000)
    await writer.drained()
    expect(writer.write(new Uint8Array(320))).toBe(false)
    expect(writer.error?.code).toBe('ERR_WAV_FILE')
    expect(await codeOf(writer.close())).toBe('ERR_WAV_FILE')
    expect(descriptors()).toBe(0)
  })

  it('a file that is cut short while it is read ends there', async () => {
    await record(400)
    const reader = await openWavFile(path, { readAhead: 640 })
    await reader.ready()
    truncateSync(path, 44 + 320)
    let taken = 0
    for (let data = reader.take(320); !reader.ended || data === undefined; data = reader.take(320)) {
      taken += data?.length ?? 0
      await new Promise(setImmediate)
    }
    expect(taken).toBeLessThanOrEqual(640)
    expect(await codeOf(reader.read(0, 640))).toBe('ok')
    await reader.close()
    expect(descriptors()).toBe(0)
  })

  it('a file of odd length gets its pad octet, and the header its lengths', async () => {
    const file = await createWavFile(path, { encoding: 'mulaw', channels: 1, sampleRate: 8000 })
    file.write(new Uint8Array(3).fill(0xff))
    await file.close()
    await file.close()
    const bytes = readFileSync(path)
    expect(bytes.length % 2).toBe(0)
    expect(bytes.readUInt32LE(4)).toBe(bytes.length - 8)
    expect(parseWav(bytes)).toMatchObject({ dataLength: 3 })
  })
})
