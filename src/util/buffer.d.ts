/**
 * Methods of Node's buffers that its types leave out. Ambient, so that no published type holds a global of ours.
 */
interface Buffer {
  /** The bytes from `start` to `end` as text, one character a byte; what `toString('latin1')` ends up calling. */
  latin1Slice(start?: number, end?: number): string
  utf8Slice(start?: number, end?: number): string
  /** Writes text, one byte a character; answers how many bytes were written. */
  latin1Write(text: string): number
}
