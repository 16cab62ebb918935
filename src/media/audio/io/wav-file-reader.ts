import type { FileHandle } from 'node:fs/promises'
import { type EnvironmentError, UsageError } from '../../../util/errors.ts'
import { parseWav, type WavFormat, type WavHeader } from '../wav.ts'
import { closeQuietly, failure, openRegular } from './open.ts'

export interface WavReaderOptions {
  /** Bytes read ahead of `take` at the most, 65,536 by default (two seconds of 16-bit audio at 16 kHz). */
  readonly readAhead?: number
}

/** The header must lie within this many bytes: chunks before the data may be long, not endless. */
const HEADER_LIMIT = 0x10000
const READ_AHEAD = 0x10000
/** Reading ahead goes on when this share of the buffer was taken, so that the disk is not asked for each packet. */
const REFILL_SHARE = 4
/** Bytes of one `read`. */
const LONGEST_READ = 0x100000

/**
 * Opens a WAV file and reads its beginning. Rejects with an `EnvironmentError` where the file cannot be read, and with
 * the `PeerError` of `parseWav` where it is no WAV; throws a `UsageError` for a `readAhead` below 1.
 */
export function openWavFile(path: string, options: WavReaderOptions = {}): Promise<WavFileReader> {
  const readAhead = options.readAhead ?? READ_AHEAD
  if (!(Number.isInteger(readAhead) && readAhead >= 1)) {
    throw new UsageError('ERR_WAV_BUFFER', `${readAhead} bytes cannot be read ahead`)
  }
  return openReader(path, readAhead)
}

async function openReader(path: string, readAhead: number): Promise<WavFileReader> {
  const file = await openRegular(path, 'read')
  try {
    const { size } = await file.stat()
    const head = Buffer.alloc(Math.min(size, HEADER_LIMIT))
    const { bytesRead } = await file.read(head, 0, head.length, 0)
    const header = parseWav(head.subarray(0, bytesRead), size)
    if (header instanceof Error) throw header
    return new WavFileReader(file, header, readAhead)
  } catch (error) {
    await closeQuietly(file)
    throw error
  }
}

/**
 * A WAV file opened for reading; it is never in memory as a whole, and nothing waits for the disk but promises. Either
 * `take` its data in order at each slot of a media clock, or `read` anywhere.
 */
export class WavFileReader implements WavHeader {
  readonly format: WavFormat
  readonly dataOffset: number
  readonly dataLength: number
  /** How often `take` found the disk behind. */
  starved = 0
  /** What reading ahead failed with; `take` then answers what it had, and after it as at the end. */
  error: EnvironmentError | undefined
  readonly #file: FileHandle
  readonly #readAhead: number
  readonly #ring: Buffer
  /** Where in the data the next `take` begins, and up to where it was read ahead. */
  #taken = 0
  #ahead = 0
  /** The data ends here: earlier than the header says where the file was cut short meanwhile. */
  #end: number
  #filling: Promise<void> | undefined
  #closing: Promise<void> | undefined

  /** @internal */
  constructor(file: FileHandle, header: WavHeader, readAhead: number) {
    this.format = header.format
    this.dataOffset = header.dataOffset
    this.dataLength = header.dataLength
    this.#file = file
    this.#readAhead = readAhead
    this.#ring = Buffer.alloc(Math.min(readAhead, header.dataLength))
    this.#end = header.dataLength
    this.#fill()
  }

  /** Bytes that `take` can answer now. */
  get buffered(): number {
    return this.#ahead - this.#taken
  }

  /** Whether all data was taken. */
  get ended(): boolean {
    return this.#taken >= this.#end
  }

  /**
   * The next `length` bytes of data, fewer at the end and none after it; `undefined` where they were not read yet, so
   * that the slot is to be filled otherwise. Throws a `UsageError` for more than `readAhead`.
   */
  take(length: number): Buffer | undefined {
    if (length > this.#readAhead) {
      throw new UsageError('ERR_WAV_BUFFER', `${length} bytes at once, ${this.#readAhead} are read ahead`)
    }
    const wanted = Math.max(0, Math.min(length, this.#end - this.#taken))
    if (wanted === 0) return Buffer.alloc(0)
    if (this.buffered < wanted) {
      this.starved++
      this.#fill()
      return undefined
    }
    const data = Buffer.allocUnsafe(wanted)
    const at = this.#taken % this.#ring.length
    const first = this.#ring.copy(data, 0, at, Math.min(this.#ring.length, at + wanted))
    if (first < wanted) this.#ring.copy(data, first, 0, wanted - first)
    this.#taken += wanted
    if (this.#ring.length - this.buffered >= this.#ring.length / REFILL_SHARE) this.#fill()
    return data
  }

  /** Up to `length` bytes (1 MiB at most) of data from `position` on; fewer at the end. Apart from `take`. */
  async read(position: number, length: number): Promise<Buffer> {
    const wanted = Math.max(0, Math.min(length, LONGEST_READ, this.dataLength - position))
    const data = Buffer.alloc(wanted)
    if (wanted === 0) return data
    try {
      const { bytesRead } = await this.#file.read(data, 0, wanted, this.dataOffset + position)
      return data.subarray(0, bytesRead)
    } catch (cause) {
      throw failure('read', 'the system refused', cause)
    }
  }

  /** Resolves when `take` has something to give, or will never have. */
  async ready(): Promise<void> {
    while (this.buffered === 0 && this.#filling !== undefined) await this.#filling
  }

  /** May be called again. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    await this.#filling
    await this.#file.close()
  }

  #fill(): void {
    if (this.#filling !== undefined || this.#closing !== undefined || this.#ahead >= this.#end) return
    const room = this.#ring.length - this.buffered
    if (room === 0) return
    this.#filling = this.#readPiece(room).then(() => {
      this.#filling = undefined
      this.#fill()
    })
  }

  /** One piece that lies in a row both in the file and in the ring. */
  async #readPiece(room: number): Promise<void> {
    const at = this.#ahead % this.#ring.length
    const length = Math.min(room, this.#ring.length - at, this.#end - this.#ahead)
    try {
      const { bytesRead } = await this.#file.read(this.#ring, at, length, this.dataOffset + this.#ahead)
      this.#ahead += bytesRead
      if (bytesRead === 0) this.#end = this.#ahead
    } catch (cause) {
      this.error = failure('read', 'the system refused', cause)
      this.#end = this.#ahead
    }
  }
}
