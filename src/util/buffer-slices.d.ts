/** What Node has and its types do not tell; in a file that is not published, for an application's Buffer is its own. */
interface Buffer {
  /** The bytes from `start` to `end` as text, one character a byte; what `toString('latin1')` ends up calling. */
  latin1Slice(start?: number, end?: number): string
  utf8Slice(start?: number, end?: number): string
  /** Writes text, one byte a character; answers how many bytes were written. */
  latin1Write(text: string): number
}
