/** `attr-char` of RFC 5987, as far as SIP has it in a token: what stands for itself. */
const PLAIN = /[A-Za-z0-9!+._`~-]/

/** Text in the notation of RFC 5987 (obsoleted by 8187, which is the same here): `UTF-8''J%C3%A4s%C3%B8n`. */
export function extValue(text: string): string {
  let out = "UTF-8''"
  for (const octet of Buffer.from(text, 'utf8')) {
    const character = String.fromCharCode(octet)
    out += PLAIN.test(character) ? character : `%${octet.toString(16).toUpperCase().padStart(2, '0')}`
  }
  return out
}

/** The text that such a notation stands for, in UTF-8 alone as RFC 7616 §4 wants it; `undefined` for any other. */
export function fromExtValue(value: string): string | undefined {
  const match = /^utf-8'[A-Za-z0-9-]*'((?:[A-Za-z0-9!#$&+.^_`|~-]|%[0-9A-Fa-f]{2})*)$/i.exec(value)
  if (match?.[1] === undefined) return undefined
  try {
    return decodeURIComponent(match[1])
  } catch {
    return undefined
  }
}

/** Whether a name can stand in `username`: a quoted-string holds no control character (RFC 3261 §25.1). */
export function fitsQuotedString(text: string): boolean {
  return !/[\0-\x1f\x7f]/.test(text)
}
