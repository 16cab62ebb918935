import type { BencodeValue } from '../bencode/bencode.ts'
import type { NgDictionary } from '../message/message.ts'

/** Reading of replies: what is absent, or of another kind than it should be, is undefined. */

export function textAt(dictionary: NgDictionary, key: string): string | undefined {
  const value = dictionary.get(key)
  return typeof value === 'string' ? value : undefined
}

/** A number, also one written as a string: the engine does so with fractions, and with integers now and then. */
export function numberAt(dictionary: NgDictionary, key: string): number | undefined {
  return asNumber(dictionary.get(key))
}

export function asNumber(value: BencodeValue | undefined): number | undefined {
  if (typeof value === 'number') return value
  if (typeof value !== 'string' || !/^-?\d{1,20}(\.\d{1,20})?$/.test(value)) return undefined
  return Number(value)
}

export function dictionaryAt(dictionary: NgDictionary, key: string): NgDictionary | undefined {
  const value = dictionary.get(key)
  return value instanceof Map ? value : undefined
}

export function textsAt(dictionary: NgDictionary, key: string): string[] {
  return listAt(dictionary, key).filter(item => typeof item === 'string')
}

export function dictionariesAt(dictionary: NgDictionary, key: string): NgDictionary[] {
  return listAt(dictionary, key).filter((item): item is NgDictionary => item instanceof Map)
}

/** The dictionaries inside a dictionary, by their keys. */
export function entriesOf(dictionary: NgDictionary | undefined): [key: string, value: NgDictionary][] {
  const entries: [string, NgDictionary][] = []
  for (const [key, value] of dictionary ?? []) if (value instanceof Map) entries.push([key, value])
  return entries
}

function listAt(dictionary: NgDictionary, key: string): readonly BencodeValue[] {
  const value = dictionary.get(key)
  return isValues(value) ? value : []
}

function isValues(value: BencodeValue | undefined): value is readonly BencodeValue[] {
  return Array.isArray(value)
}
