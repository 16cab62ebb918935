import { closeSync, openSync, readSync, statSync, writeSync } from 'node:fs'
import { EnvironmentError } from '../../../util/errors.ts'
import { parseWav, type WavFormat, type WavHeader, WavWriter } from '../wav.ts'

/** The header must lie within this many bytes: chunks before the data may be long, not endless. */
const HEADER_LIMIT = 0x10000

/** A WAV file opened for reading: data comes in pieces, and the file is never in memory as a whole. */
export interface WavFileReader extends WavHeader {
  /** Up to `length` bytes of data from `position` on (0 is the first sample); fewer at the end. */
  read(position: number, length: number): Buffer
  close(): void
}

export interface WavFileWriter {
  readonly writer: WavWriter
  /** Finishes the header and closes the file. */
  close(): void
}

/** Throws an `EnvironmentError` where the file cannot be read, and the `PeerError` of `parseWav` where it is no WAV. */
export function openWavFile(path: string): WavFileReader {
  const descriptor = open(path, 'r')
  try {
    const fileLength = statSync(path).size
    const head = Buffer.alloc(Math.min(fileLength, HEADER_LIMIT))
    const header = parseWav(head.subarray(0, readSync(descriptor, head, 0, head.length, 0)), fileLength)
    if (header instanceof Error) throw header
    return {
      ...header,
      read(position, length) {
        const data = Buffer.alloc(Math.max(0, Math.min(length, header.dataLength - position)))
        return data.subarray(0, readSync(descriptor, data, 0, data.length, header.dataOffset + position))
      },
      close: () => closeSync(descriptor),
    }
  } catch (error) {
    closeSync(descriptor)
    throw error
  }
}

/** Creates or replaces a WAV file. Throws an `EnvironmentError` where it cannot be written. */
export function createWavFile(path: string, format: WavFormat): WavFileWriter {
  const descriptor = open(path, 'w')
  const writer = new WavWriter(
    {
      write(bytes, position) {
        writeSync(descriptor, bytes, 0, bytes.length, position)
      },
    },
    format,
  )
  let closed = false
  return {
    writer,
    close() {
      if (closed) return
      closed = true
      writer.end()
      closeSync(descriptor)
    },
  }
}

function open(path: string, flags: 'r' | 'w'): number {
  try {
    return openSync(path, flags)
  } catch (cause) {
    const doing = flags === 'r' ? 'read' : 'written'
    throw new EnvironmentError('ERR_WAV_FILE', `the WAV file cannot be ${doing}: check its path and rights`, {
      cause,
    })
  }
}
