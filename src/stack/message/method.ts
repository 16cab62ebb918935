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

/** The shared string of a known method, so that messages compare by identity and keep no text alive. */
export function internMethod(text: string): Method {
  switch (text.length) {
    case 3:
      return text === 'ACK' ? 'ACK' : text === 'BYE' ? 'BYE' : text
    case 6:
      return text === 'INVITE'
        ? 'INVITE'
        : text === 'CANCEL'
          ? 'CANCEL'
          : text === 'NOTIFY'
            ? 'NOTIFY'
            : text === 'UPDATE'
              ? 'UPDATE'
              : text
    default:
      return known.get(text) ?? text
  }
}

const known: ReadonlyMap<string, KnownMethod> = new Map(methods.map(method => [method, method]))
