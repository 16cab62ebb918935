/** Octets written in hex as RFCs print them: white space does not count. */
export function hex(text: string): Buffer {
  return Buffer.from(text.replace(/\s+/g, ''), 'hex')
}
