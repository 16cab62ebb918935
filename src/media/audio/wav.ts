import { PeerError, UsageError } from '../../util/errors.ts'

/** How samples lie in the data: 16-bit linear little-endian, or one octet by G.711. */
export type WavEncoding = 'pcm16' | 'alaw' | 'mulaw'

export interface WavFormat {
  readonly encoding: WavEncoding
  readonly channels: number
  /** Frames a second. */
  readonly sampleRate: number
}

/** Where a file's samples are. */
export interface WavHeader {
  readonly format: WavFormat
  readonly dataOffset: number
  /** Bytes, whole frames only; cut to the file's length where the header claims more. */
  readonly dataLength: number
}

const PCM = 1
const EXTENSIBLE = 0xfffe
const CODES: Readonly<Record<WavEncoding, number>> = { pcm16: PCM, alaw: 6, mulaw: 7 }
const MAX_CHANNELS = 8
const MAX_CHUNKS = 256

/** Bytes a frame: one sample of each channel. */
export function frameLength(format: WavFormat): number {
  return format.channels * (format.encoding === 'pcm16' ? 2 : 1)
}

/**
 * Walks the chunks of a WAV file of which `bytes` are the beginning and `fileLength` the whole length. Unknown chunks
 * are passed over, also with odd lengths that lack their pad byte at the end; a data length of 0 or of more than the
 * file holds, as streaming writers leave it, means "to the end". A malformed file is a `PeerError`, returned.
 */
export function parseWav(bytes: Buffer, fileLength: number = bytes.length): WavHeader | PeerError {
  const magic = bytes.toString('latin1', 0, 4)
  if (bytes.length < 12 || magic !== 'RIFF' || bytes.toString('latin1', 8, 12) !== 'WAVE') {
    return malformed('it does not begin with RIFF and WAVE')
  }
  let format: WavFormat | undefined
  let at = 12
  for (let chunk = 0; chunk < MAX_CHUNKS && at + 8 <= bytes.length; chunk++) {
    const id = bytes.toString('latin1', at, at + 4)
    const length = bytes.readUInt32LE(at + 4)
    const body = at + 8
    if (id === 'fmt ') {
      const parsed = parseFormat(bytes.subarray(body, Math.min(bytes.length, body + length)))
      if (parsed instanceof PeerError) return parsed
      format = parsed
    } else if (id === 'data') {
      if (format === undefined) return malformed('its data comes before its format')
      const rest = Math.max(0, fileLength - body)
      const claimed = length === 0 || length > rest ? rest : length
      return { format, dataOffset: body, dataLength: claimed - (claimed % frameLength(format)) }
    }
    at = body + length + (length & 1)
  }
  return malformed(format === undefined ? 'it has no format chunk' : 'it has no data chunk')
}

/** The header of a file whose data is `dataLength` bytes, with the fact chunk that all but PCM need. */
export function wavHeader(format: WavFormat, dataLength: number): Buffer {
  checkFormat(format)
  const pcm = format.encoding === 'pcm16'
  const formatLength = pcm ? 16 : 18
  const factLength = pcm ? 0 : 12
  const header = Buffer.alloc(12 + 8 + formatLength + factLength + 8)
  const frame = frameLength(format)
  header.write('RIFF', 0, 'latin1')
  header.writeUInt32LE(clamp(header.length - 8 + dataLength + (dataLength & 1)), 4)
  header.write('WAVEfmt ', 8, 'latin1')
  header.writeUInt32LE(formatLength, 16)
  header.writeUInt16LE(CODES[format.encoding], 20)
  header.writeUInt16LE(format.channels, 22)
  header.writeUInt32LE(format.sampleRate, 24)
  header.writeUInt32LE(format.sampleRate * frame, 28)
  header.writeUInt16LE(frame, 32)
  header.writeUInt16LE(pcm ? 16 : 8, 34)
  let at = 20 + formatLength
  if (!pcm) {
    header.write('fact', at, 'latin1')
    header.writeUInt32LE(4, at + 4)
    header.writeUInt32LE(clamp(Math.floor(dataLength / frame)), at + 8)
    at += factLength
  }
  header.write('data', at, 'latin1')
  header.writeUInt32LE(clamp(dataLength), at + 4)
  return header
}

/** Where a `WavWriter` puts its bytes: a file, or memory in tests. */
export interface WavSink {
  /** Writes at `position`, in the order of the calls. */
  write(bytes: Uint8Array, position: number): void
}

/** Writes a WAV file as its samples come; `end` goes back and writes the lengths. */
export class WavWriter {
  readonly format: WavFormat
  readonly #sink: WavSink
  readonly #dataOffset: number
  #length = 0
  #ended = false

  constructor(sink: WavSink, format: WavFormat) {
    const header = wavHeader(format, 0)
    this.format = format
    this.#sink = sink
    this.#dataOffset = header.length
    sink.write(header, 0)
  }

  /** Bytes of data so far. */
  get length(): number {
    return this.#length
  }

  /** Data in the file's encoding, whole frames. */
  write(data: Uint8Array): void {
    if (this.#ended) throw new UsageError('ERR_WAV_ENDED', 'the WAV file was ended already')
    if (data.length % frameLength(this.format) !== 0) {
      throw new UsageError('ERR_WAV_FRAME', `${data.length} bytes are not whole frames of the WAV file`)
    }
    this.#sink.write(data, this.#dataOffset + this.#length)
    this.#length += data.length
  }

  /** 16-bit samples, channels interleaved, into a `pcm16` file. */
  writeSamples(samples: Int16Array): void {
    if (this.format.encoding !== 'pcm16') {
      throw new UsageError('ERR_WAV_ENCODING', `linear samples in a WAV file of ${this.format.encoding}`)
    }
    const data = Buffer.alloc(2 * samples.length)
    for (let i = 0; i < samples.length; i++) data.writeInt16LE(samples[i] ?? 0, 2 * i)
    this.write(data)
  }

  /** Pads the data to even length and writes the header's lengths. */
  end(): void {
    if (this.#ended) return
    this.#ended = true
    if (this.#length & 1) this.#sink.write(new Uint8Array(1), this.#dataOffset + this.#length)
    this.#sink.write(wavHeader(this.format, this.#length), 0)
  }
}

/** 16-bit samples from `pcm16` data. */
export function samplesOf(data: Buffer): Int16Array {
  const samples = new Int16Array(data.length >> 1)
  for (let i = 0; i < samples.length; i++) samples[i] = data.readInt16LE(2 * i)
  return samples
}

function parseFormat(chunk: Buffer): WavFormat | PeerError {
  if (chunk.length < 16) return malformed('its format chunk is too short')
  const tag = chunk.readUInt16LE(0)
  // WAVE_FORMAT_EXTENSIBLE: the first two octets of the sub-format are the code
  const code = tag === EXTENSIBLE && chunk.length >= 26 ? chunk.readUInt16LE(24) : tag
  const bits = chunk.readUInt16LE(14)
  const encoding =
    code === PCM && bits === 16 ? 'pcm16' : code === 6 ? 'alaw' : code === 7 ? 'mulaw' : undefined
  if (encoding === undefined) return malformed(`its format ${code} with ${bits} bits is not read here`)
  const format = { encoding, channels: chunk.readUInt16LE(2), sampleRate: chunk.readUInt32LE(4) } as const
  if (format.channels < 1 || format.channels > MAX_CHANNELS || format.sampleRate === 0) {
    return malformed(`it has ${format.channels} channels at ${format.sampleRate} Hz`)
  }
  return format
}

function checkFormat({ channels, sampleRate }: WavFormat): void {
  if (Number.isInteger(channels) && channels >= 1 && channels <= MAX_CHANNELS && sampleRate > 0) return
  throw new UsageError('ERR_WAV_FORMAT', `a WAV file of ${channels} channels at ${sampleRate} Hz`)
}

/** Lengths are 32 bits: what is longer says so with the greatest, which readers take as "to the end". */
function clamp(length: number): number {
  return Math.min(0xffffffff, length)
}

function malformed(what: string): PeerError {
  return new PeerError('ERR_WAV', `not a WAV file that can be read: ${what}`)
}
