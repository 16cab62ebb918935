const phrases: ReadonlyMap<number, string> = new Map([
  [300, 'Try Alternate'],
  [400, 'Bad Request'],
  [401, 'Unauthenticated'],
  [403, 'Forbidden'],
  [405, 'Mobility Forbidden'],
  [420, 'Unknown Attribute'],
  [430, 'Stale Credentials'],
  [431, 'Integrity Check Failure'],
  [432, 'Missing Username'],
  [433, 'Use TLS'],
  [437, 'Allocation Mismatch'],
  [438, 'Stale Nonce'],
  [440, 'Address Family not Supported'],
  [441, 'Wrong Credentials'],
  [442, 'Unsupported Transport Protocol'],
  [443, 'Peer Address Family Mismatch'],
  [446, 'Connection Already Exists'],
  [447, 'Connection Timeout or Failure'],
  [486, 'Allocation Quota Reached'],
  [487, 'Role Conflict'],
  [500, 'Server Error'],
  [508, 'Insufficient Capacity'],
  [600, 'Global Failure'],
])

/** The recommended reason phrase of an error code (RFC 8489 §14.8, and RFCs 3489, 6062, 8016, 8445, 8656). */
export function reasonPhrase(code: number): string {
  return phrases.get(code) ?? 'Error'
}
