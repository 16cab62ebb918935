import { internMethod, type Method } from '../message/method.ts'
import type { Scanner } from '../message/scanner.ts'

/** Sequence number and method (RFC 3261 §20.16). */
export class CSeq {
  /** 0 to 2^31 - 1 (RFC 3261 §8.1.1.5). */
  readonly number: number
  readonly method: Method

  constructor(number: number, method: Method) {
    this.number = number
    this.method = method
  }

  toString(): string {
    return `${this.number} ${this.method}`
  }
}

export function parseCSeq(scanner: Scanner): CSeq {
  const number = scanner.number(0x7fffffff)
  const before = scanner.position
  scanner.skipSpace()
  if (scanner.position === before) scanner.fail('blank expected after the number')
  return new CSeq(number, internMethod(scanner.token()))
}
