/** The bytes that bencode is made of, apart from the contents of strings. */
export const ZERO: number = 0x30
export const NINE: number = 0x39
export const COLON: number = 0x3a
export const MINUS: number = 0x2d
export const DICTIONARY: number = 0x64
export const END: number = 0x65
export const INTEGER: number = 0x69
export const LIST: number = 0x6c
