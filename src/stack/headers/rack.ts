import type { HeaderGrammar } from '../grammar/header.ts'
import type { Method } from '../grammar/method.ts'
import { parseCSeq } from './cseq.ts'

/** Which reliable provisional a PRACK acknowledges, `776656 1 INVITE` (RFC 3262 §7.2). */
export class RAck {
  readonly rseq: number
  readonly cseq: number
  readonly method: Method

  constructor(rseq: number, cseq: number, method: Method) {
    this.rseq = rseq
    this.cseq = cseq
    this.method = method
  }

  toString(): string {
    return `${this.rseq} ${this.cseq} ${this.method}`
  }
}

/** `response-num LWS CSeq-num LWS Method`. */
export const rack: HeaderGrammar<RAck> = {
  parse: scanner => {
    const rseq = scanner.number()
    const before = scanner.position
    scanner.skipSpace()
    if (scanner.position === before) scanner.fail('blank expected after the number')
    const cseq = parseCSeq(scanner)
    return new RAck(rseq, cseq.number, cseq.method)
  },
  encode: value => value.toString(),
}
