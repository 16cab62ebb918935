import type { FileHandle } from 'node:fs/promises'
import { type EnvironmentError, UsageError } from '../../../util/errors.ts'
import { type WavFormat, WavWriter, wavHeader } from '../wav.ts'
import { failure, openRegular } from './open.ts'

export interface WavFileOptions {
  /** Bytes that may wait for the disk, 131,072 by default (four seconds of 16-bit audio at 16 kHz). */
  readonly maxBuffered?: number
}

const MAX_BUFFERED = 0x20000
const HEADER_ROOM = 64
/** Writing begins when this share of the buffer is full, so that the disk is not asked for each packet. */
const FLUSH_SHARE = 4

/**
 * Creates or replaces a WAV file. A `UsageError` for a format that cannot be is thrown before the file is touched;
 * rejects with an `EnvironmentError` where it cannot be written.
 */
export function createWavFile(
  path: string,
  format: WavFormat,
  options: WavFileOptions = {},
): Promise<WavFileWriter> {
  wavHeader(format, 0)
  const maxBuffered = options.maxBuffered ?? MAX_BUFFERED
  if (!(Number.isInteger(maxBuffered) && maxBuffered >= HEADER_ROOM)) {
    throw new UsageError('ERR_WAV_BUFFER', `a buffer of ${maxBuffered} bytes: ${HEADER_ROOM} at least`)
  }
  return openRegular(path, 'written').then(file => new WavFileWriter(file, format, maxBuffered))
}

/**
 * A WAV file that is being written. What is written is copied into a bounded buffer and goes to the disk behind the
 * caller's back; a disk that falls behind is told by `write` answering false.
 */
export class WavFileWriter {
  /** Bytes of data that found no room in the buffer, or no disk that took them. */
  dropped = 0
  /** What writing failed with: nothing is taken any more, and `close` rejects with it. */
  error: EnvironmentError | undefined
  readonly #file: FileHandle
  readonly #writer: WavWriter
  #filling: Buffer
  #spare: Buffer
  #filled = 0
  /** Where in the file `#filling` begins. */
  #position = 0
  #headerAtEnd: Uint8Array | undefined
  #writing: Promise<void> | undefined
  #closing: Promise<void> | undefined

  /** @internal */
  constructor(file: FileHandle, format: WavFormat, maxBuffered: number) {
    this.#file = file
    this.#filling = Buffer.alloc(maxBuffered)
    this.#spare = Buffer.alloc(maxBuffered)
    this.#writer = new WavWriter({ write: (bytes, position) => this.#put(bytes, position) }, format)
    // a process that dies leaves a file whose header says "to the end"
    this.#flush()
  }

  get format(): WavFormat {
    return this.#writer.format
  }

  /** Bytes of data taken so far. */
  get length(): number {
    return this.#writer.length
  }

  /** Bytes that wait for the disk, without those that are being written. */
  get buffered(): number {
    return this.#filled
  }

  /**
   * Data in the file's encoding, whole frames. False where the disk is behind and nothing of it was taken: give way
   * (`drained`), or go on without it, as a recorder must that cannot wait. Throws a `UsageError` as `WavWriter` does.
   */
  write(data: Uint8Array): boolean {
    return this.#take(data.length, () => this.#writer.write(data))
  }

  /** 16-bit samples, channels interleaved, into a `pcm16` file; answers as `write`. */
  writeSamples(samples: Int16Array): boolean {
    return this.#take(2 * samples.length, () => this.#writer.writeSamples(samples))
  }

  /** Resolves when nothing waits any more, be it because writing failed. */
  async drained(): Promise<void> {
    while (this.#filled > 0 || this.#writing !== undefined) {
      this.#flush()
      await this.#writing
    }
  }

  /** Writes what waits and the header's lengths, and closes. Rejects with `error` where the file is not whole. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  #take(length: number, write: () => void): boolean {
    if (this.#closing !== undefined) throw new UsageError('ERR_WAV_ENDED', 'the WAV file was closed already')
    if (length > this.#filling.length) {
      throw new UsageError('ERR_WAV_BUFFER', `${length} bytes at once, ${this.#filling.length} are buffered`)
    }
    if (this.error !== undefined || this.#filled + length > this.#filling.length) {
      this.dropped += length
      this.#flush()
      return false
    }
    write()
    if (this.#filled >= this.#filling.length / FLUSH_SHARE) this.#flush()
    return true
  }

  /** All but the header at the end comes in the file's order. */
  #put(bytes: Uint8Array, position: number): void {
    if (position < this.#position + this.#filled) {
      this.#headerAtEnd = bytes
      return
    }
    this.#filling.set(bytes, this.#filled)
    this.#filled += bytes.length
  }

  #flush(): void {
    if (this.#writing !== undefined || this.#filled === 0) return
    const bytes = this.#filling.subarray(0, this.#filled)
    const position = this.#position
    this.#position += bytes.length
    this.#filled = 0
    const spare = this.#spare
    this.#spare = this.#filling
    this.#filling = spare
    this.#writing = this.#writeAll(bytes, position).then(() => {
      this.#writing = undefined
      if (this.#filled >= this.#filling.length / FLUSH_SHARE) this.#flush()
    })
  }

  /** Never rejects. */
  async #writeAll(bytes: Uint8Array, position: number): Promise<void> {
    let done = 0
    try {
      while (done < bytes.length && this.error === undefined) {
        const { bytesWritten } = await this.#file.write(bytes, done, bytes.length - done, position + done)
        done += bytesWritten
      }
    } catch (cause) {
      this.error = failure('written', 'see that the disk has room', cause)
    }
    this.dropped += bytes.length - done
  }

  async #close(): Promise<void> {
    await this.drained()
    this.#writer.end()
    await this.drained()
    if (this.#headerAtEnd !== undefined) await this.#writeAll(this.#headerAtEnd, 0)
    try {
      await this.#file.close()
    } catch (cause) {
      this.error ??= failure('written', 'the system refused to close it', cause)
    }
    if (this.error !== undefined) throw this.error
  }
}
