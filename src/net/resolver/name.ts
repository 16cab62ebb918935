/** RFC 1035 §2.3.4, without the last dot. */
const LONGEST_NAME = 253
const LONGEST_LABEL = 63

const DOT = 0x2e
const BACKSLASH = 0x5c

/** Whether an octet may stand in a label of ours: printable, and nothing that the text form would have to escape. */
export function isLabelOctet(octet: number): boolean {
  return octet > 0x20 && octet < 0x7f && octet !== DOT && octet !== BACKSLASH
}

/**
 * A name as it is asked for and compared: lower case, without the last dot. Undefined for what cannot be asked for: an
 * empty or too long label or name, blanks, control characters, and what is not ASCII (write an IDN in its A-label form).
 */
export function questionName(text: string): string | undefined {
  const { length } = text
  const end = length > 0 && text.charCodeAt(length - 1) === DOT ? length - 1 : length
  if (end === 0 || end > LONGEST_NAME) return undefined
  let isLower = true
  let label = 0
  for (let i = 0; i < end; i++) {
    const code = text.charCodeAt(i)
    if (code === DOT) {
      if (i === label) return undefined
      label = i + 1
    } else {
      if (!isLabelOctet(code) || i - label === LONGEST_LABEL) return undefined
      if (code > 0x40 && code < 0x5b) isLower = false
    }
  }
  if (label === end) return undefined
  const name = end === length ? text : text.slice(0, end)
  return isLower ? name : name.toLowerCase()
}

/** Whether a name lies at or under `domain`, the empty one being the root. */
export function isWithin(name: string, domain: string): boolean {
  if (domain === '' || name === domain) return true
  return name.endsWith(domain) && name.charCodeAt(name.length - domain.length - 1) === DOT
}
