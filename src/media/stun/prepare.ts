import { isAscii } from '../../util/bytes.ts'

/** How user names, realms and passwords are made comparable before they are hashed; `undefined` for refused text. */
export type Preparation = (text: string) => string | undefined

const NON_ASCII_SPACE = /[\u00a0\u1680\u2000-\u200b\u202f\u205f\u3000]/g
// each alternative is one code point: marks must not join with their neighbours here
const MAPPED_TO_NOTHING = /\u00ad|\u034f|\u1806|[\u180b-\u180d]|\u200c|\u200d|\u2060|[\ufe00-\ufe0f]|\ufeff/g
const PROHIBITED =
  /[\p{Cc}\p{Co}\p{Cs}\p{Noncharacter_Code_Point}\u06dd\u070f\u180e\u2028\u2029\u2061-\u2063\ufff9-\ufffd\u2ff0-\u2ffb\u200e\u200f\u202a-\u202e\u206a-\u206f\u{1d173}-\u{1d17a}\u{e0001}\u{e0020}-\u{e007f}]|\u0340|\u0341/u
const RIGHT_TO_LEFT =
  /(?=[\p{L}\p{P}])[\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Syriac}\p{Script=Thaana}]/u
const LEFT_TO_RIGHT = /(?![\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Syriac}\p{Script=Thaana}])\p{L}/u
const NOT_FREEFORM =
  /[\p{Cc}\p{Cn}\p{Co}\p{Cs}\p{Default_Ignorable_Code_Point}\u1100-\u11ff\ua960-\ua97f\ud7b0-\ud7ff]/u

/**
 * SASLprep (RFC 4013), which RFC 5389 asks for. The bidirectional rule goes by script (Hebrew, Arabic, Syriac,
 * Thaana) where RFC 3454 has tables of Unicode 3.2; unassigned code points pass, as in a query.
 */
export function saslPrep(text: string): string | undefined {
  if (isPrintableAscii(text)) return text
  const prepared = text.replace(NON_ASCII_SPACE, ' ').replace(MAPPED_TO_NOTHING, '').normalize('NFKC')
  if (PROHIBITED.test(prepared)) return undefined
  if (RIGHT_TO_LEFT.test(prepared)) {
    const characters = [...prepared]
    const ends = [characters[0] ?? '', characters.at(-1) ?? '']
    if (LEFT_TO_RIGHT.test(prepared) || !ends.every(end => RIGHT_TO_LEFT.test(end))) return undefined
  }
  return prepared
}

/**
 * The OpaqueString profile (RFC 8265 §4.2), which RFC 8489 asks for. Joiners that need their context checked are
 * refused. Throws a `UsageError` for what the profile does not allow.
 */
export function opaqueString(text: string): string | undefined {
  if (isPrintableAscii(text)) return text
  const prepared = text.replace(/\p{Zs}/gu, ' ').normalize('NFC')
  return NOT_FREEFORM.test(prepared) ? undefined : prepared
}

/** OpaqueString, and for what it refuses SASLprep: RFC 8489's own test vector has such a password (Appendix B.1). */
export function opaqueOrSasl(text: string): string | undefined {
  return opaqueString(text) ?? saslPrep(text)
}

/** SASLprep, and for what it refuses OpaqueString. */
export function saslOrOpaque(text: string): string | undefined {
  return saslPrep(text) ?? opaqueString(text)
}

function isPrintableAscii(text: string): boolean {
  return isAscii(text) && !/[\x00-\x1f\x7f]/.test(text)
}
