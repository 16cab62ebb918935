/** V8 copies substrings shorter than this; longer ones are views that keep their whole parent alive. */
const SMALLEST_VIEW = 13

/**
 * A copy of `text` that shares no memory with what it was cut from. For latin-1 text that outlives its message:
 * tags, Call-IDs, transaction keys.
 */
export function flatCopy(text: string): string {
  if (text.length < SMALLEST_VIEW) return text
  if (text.length > scratch.length) return Buffer.from(text, 'latin1').latin1Slice()
  return scratch.latin1Slice(0, scratch.latin1Write(text))
}

const scratch = Buffer.alloc(1024)

/** Wire text (one character a byte) as the Unicode text it stands for. */
export function fromWire(text: string): string {
  return isAscii(text) ? text : Buffer.from(text, 'latin1').utf8Slice()
}

/** Unicode text as wire text: its UTF-8 bytes, one character a byte. */
export function toWire(text: string): string {
  return isAscii(text) ? text : Buffer.from(text, 'utf8').latin1Slice()
}

/** Whether `text` has no character above 0x7f. */
export function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x7f) return false
  return true
}
