/**
 * Character classes of RFC 3261 §25.1 as bits of one table; every test of a character is one look-up. Indices are
 * character codes below 256, which is all that wire text holds.
 */
const ALNUM = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789'
const MARK = "-_.!~*'()"
const UNRESERVED = `${ALNUM}${MARK}`

/** `token` */
export const TOKEN = 1
/** `user` without escapes: unreserved and user-unreserved; `#` and `|` as well, which devices send unescaped */
export const USER = 2
/** `password` without escapes */
export const PASSWORD = 4
/** `host` outside brackets; `_` as well, which real domain names hold */
export const HOST = 8
/** `paramchar` of a URI parameter without escapes */
export const URI_PARAM = 16
/** characters of a URI's header part, names, values and delimiters */
export const URI_HEADER = 32
/** an unquoted parameter value: `token` and `host`, and what devices put there though they should quote it */
export const PARAM_VALUE = 64
/** blank space, a fold's CR and LF among it */
export const SPACE = 128
/** any visible ASCII character that may stand in a URI we do not look into */
export const OPAQUE = 256
/** `word` of a Call-ID */
export const WORD = 512
/** decimal digits */
export const DIGIT = 1024
/** inside the brackets of an IPv6 reference */
export const IPV6 = 2048
/** hexadecimal digits */
export const HEX = 4096

export const CLASS: Uint16Array = new Uint16Array(256)

function allow(bit: number, characters: string): void {
  for (const character of characters) {
    const code = character.charCodeAt(0)
    CLASS[code] = (CLASS[code] ?? 0) | bit
  }
}

allow(TOKEN, `${ALNUM}-.!%*_+\`'~`)
allow(USER, `${UNRESERVED}&=+$,;?/#|`)
allow(PASSWORD, `${UNRESERVED}&=+$,`)
allow(HOST, `${ALNUM}-._`)
allow(URI_PARAM, `${UNRESERVED}[]/:&+$`)
allow(URI_HEADER, `${UNRESERVED}[]/?:+$=&`)
allow(PARAM_VALUE, `${ALNUM}-.!%*_+\`'~[]:/@?&$=#|(){}^\\`)
allow(SPACE, ' \t\r\n')
allow(WORD, `${ALNUM}-.!%*_+\`'~()<>:\\"/[]?{}@`)
allow(DIGIT, '0123456789')
allow(IPV6, '0123456789abcdefABCDEF:.')
allow(HEX, '0123456789abcdefABCDEF')
for (let code = 0x21; code < 0x7f; code++) {
  if (!'<>"'.includes(String.fromCharCode(code))) allow(OPAQUE, String.fromCharCode(code))
}

/** Lower-case byte of a token character, 0 for every other byte. */
export const LOWER_TOKEN: Uint8Array = new Uint8Array(256)
for (let code = 0; code < 128; code++) {
  if (((CLASS[code] ?? 0) & TOKEN) !== 0)
    LOWER_TOKEN[code] = String.fromCharCode(code).toLowerCase().charCodeAt(0)
}

/** Whether two ASCII texts are equal but for the case of letters. */
export function sameIgnoringCase(a: string, b: string): boolean {
  return a === b || (a.length === b.length && a.toLowerCase() === b.toLowerCase())
}

/** Whether every character of `text` is of the class `bit` and there is one at least. */
export function consistsOf(bit: number, text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    if (((CLASS[text.charCodeAt(i)] ?? 0) & bit) === 0) return false
  }
  return text.length > 0
}
