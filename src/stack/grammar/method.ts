/** The methods that reSIProcate and the IANA registry know; any other token is a method as well (RFC 3261 §7.1). */
export const methods = [
  'INVITE',
  'ACK',
  'BYE',
  'CANCEL',
  'OPTIONS',
  'REGISTER',
  'INFO',
  'PRACK',
  'UPDATE',
  'SUBSCRIBE',
  'NOTIFY',
  'PUBLISH',
  'MESSAGE',
  'REFER',
  'SERVICE',
] as const

export type KnownMethod = (typeof methods)[number]

/** A method: a known one, or any other token, in its exact case. */
export type Method = KnownMethod | (string & {})

/** The method that `bytes[from, to)` spell: the shared string of a known one, so that messages keep no text alive. */
export function methodIn(bytes: Uint8Array, from: number, to: number): Method {
  for (const method of methods) if (method.length === to - from && spells(method, bytes, from)) return method
  return Buffer.from(bytes.subarray(from, to)).latin1Slice()
}

function spells(word: string, bytes: Uint8Array, from: number): boolean {
  for (let i = 0; i < word.length; i++) if (bytes[from + i] !== word.charCodeAt(i)) return false
  return true
}
