import { decode, encode } from 'dns-packet'
import { describe, expect, it } from 'vitest'
import { LengthFramer, withLength } from '../../../src/net/resolver/length-framer.ts'
import { encodeQuestion, readAnswer } from '../../../src/net/resolver/wire.ts'
import { cname, soa, srv } from './world.ts'

const question = { name: 'example.org', type: 'SRV' } as const
const base = { type: 'response' as const, id: 7, questions: [{ ...question }] }

/** A header, the question, and records as octets. */
function message(counts: readonly [number, number, number], ...records: readonly Buffer[]): Buffer {
  const head = encode(base)
  counts.forEach((count, i) => {
    head.writeUInt16BE(count, 6 + 2 * i)
  })
  return Buffer.concat([head, ...records])
}

function record(
  name: readonly number[],
  type: number,
  data: readonly number[],
  length = data.length,
): Buffer {
  return Buffer.from([...name, 0, type, 0, 1, 0, 0, 0, 9, length >> 8, length & 255, ...data])
}

const OWNER = [0xc0, 12]

describe('an answer', () => {
  it('with other records beside those of use is read for these', () => {
    const bytes = encode({
      ...base,
      answers: [
        { type: 'TXT', name: 'example.org', ttl: 1, data: 'x' },
        srv('example.org', 'a.example'),
        { type: 'A', name: 'example.org', ttl: 1, class: 'CH', data: '192.0.2.1' },
        cname('b.example', 'c.example'),
      ],
      authorities: [{ type: 'NS', name: 'org', ttl: 1, data: 'ns.org' }, soa('org', 7)],
    })
    const answer = readAnswer(bytes, question, 7)
    expect(answer).toMatchObject({
      answers: [
        { type: 'SRV', value: { target: 'a.example' } },
        { type: 'CNAME', value: 'c.example' },
      ],
      authorities: [{ type: 'SOA', value: 7 }],
      odd: 0,
    })
  })

  it.each([
    ['a pointer to itself', message([1, 0, 0], record([0xc0, 29], 1, [1, 2, 3, 4]))],
    ['a pointer forward', message([1, 0, 0], record([0xc0, 60], 1, [1, 2, 3, 4]))],
    ['a name beyond the end', message([1, 0, 0], Buffer.from([5, 97]))],
    ['a label of an unknown kind', message([1, 0, 0], record([0x80, 0], 1, [1, 2, 3, 4]))],
    ['data beyond the end', message([1, 0, 0], record(OWNER, 1, [1, 2, 3, 4], 5))],
    ['an A record of three octets', message([1, 0, 0], record(OWNER, 1, [1, 2, 3]))],
    [
      'an SRV record with octets to spare',
      message([1, 0, 0], record(OWNER, 33, [0, 0, 0, 0, 0, 1, ...OWNER, 9])),
    ],
    ['a NAPTR text beyond its record', message([1, 0, 0], record(OWNER, 35, [0, 0, 0, 0, 9, 0, 0, 0]))],
    ['an SOA that is cut short', message([0, 1, 0], record(OWNER, 6, [...OWNER, ...OWNER, 0, 0, 0, 0]))],
    ['fewer records than it says', message([2, 0, 0], record(OWNER, 1, [1, 2, 3, 4]))],
    ['more records than anybody has', message([1001, 0, 0], record(OWNER, 1, [1, 2, 3, 4]))],
    ['nothing', Buffer.alloc(0)],
    ['half a header', Buffer.alloc(11)],
  ])('with %s is malformed', (_, bytes) => {
    expect(readAnswer(bytes, question, 7)).toBe('malformed')
  })

  it('with pointers in a chain is refused, which the decoder would follow for each name (RFC 1035 §4.1.4)', () => {
    const start = encode(base).length + 12
    const chain = Buffer.alloc(16_000)
    // each pointer leads to the one before it, the first to the question
    for (let i = 0; i < 8000; i++) chain.writeUInt16BE(0xc000 | (i === 0 ? 12 : start + 2 * (i - 1)), 2 * i)
    const deep = (steps: number): number[] => [0xc0 | ((start + 2 * steps) >> 8), (start + 2 * steps) & 0xff]
    const filler = Buffer.concat([record(OWNER, 10, [], chain.length), chain])
    const bytes = (steps: number): Buffer =>
      message([21, 0, 0], filler, ...Array.from({ length: 20 }, () => record(deep(steps), 1, [1, 2, 3, 4])))
    expect(decode(bytes(7990)).answers?.at(-1)?.name).toBe('example.org')
    expect(readAnswer(bytes(7990), question, 7)).toBe('malformed')
    expect(readAnswer(bytes(30), question, 7)).toMatchObject({ answers: { length: 20 } })
  })

  it('leaves out records whose names hold what none of ours may, and counts them', () => {
    const label = (text: string): number[] => [text.length, ...Buffer.from(text, 'latin1')]
    const target = (text: string): number[] => [0, 0, 0, 0, 19, 196, ...label(text), 0]
    const bytes = message(
      [6, 0, 0],
      record(OWNER, 33, target('a\n')),
      record(OWNER, 33, target('\x1b[2J')),
      record(OWNER, 33, target('a.b')),
      record(OWNER, 33, target('\xfc')),
      record([...label('a b'), 0], 33, target('good')),
      record(OWNER, 33, target('__proto__')),
    )
    const answer = readAnswer(bytes, question, 7)
    expect(answer).toMatchObject({ odd: 5, answers: [{ value: { target: '__proto__', port: 5060 } }] })
  })

  it('is compared without regard to case', () => {
    expect(
      readAnswer(encode({ ...base, questions: [{ type: 'SRV', name: 'eXample.ORG' }] }), question, 7),
    ).toMatchObject({
      rcode: 0,
    })
  })
})

it('a question is a header, a name and an OPT record (RFC 1035 §4.1, RFC 6891)', () => {
  expect(encodeQuestion({ name: 'a.bc', type: 'NAPTR' }, 0x1234, true).toString('hex')).toBe(
    '1234010000010000000000010161026263000023000100002904d0000000000000',
  )
  expect(encodeQuestion({ name: 'a.bc', type: 'A' }, 1, false).toString('hex')).toBe(
    '0001010000010000000000000161026263000001' + '0001',
  )
})

it('messages are cut from a stream at every split (RFC 1035 §4.2.2)', () => {
  const stream = Buffer.concat(['abc', '', 'defgh'].map(text => withLength(Buffer.from(text))))
  for (let first = 0; first <= stream.length; first++) {
    for (let second = first; second <= stream.length; second++) {
      const framer = new LengthFramer()
      const messages: string[] = []
      for (const piece of [
        stream.subarray(0, first),
        stream.subarray(first, second),
        stream.subarray(second),
      ]) {
        framer.push(piece)
        for (let next = framer.next(); next !== undefined; next = framer.next()) messages.push(String(next))
      }
      expect(messages).toEqual(['abc', '', 'defgh'])
    }
  }
})

it('empty messages by the hundred thousand cost no more than their octets (RFC 1035 §4.2.2)', () => {
  const framer = new LengthFramer()
  framer.push(Buffer.alloc(1024 * 1024))
  let count = 0
  while (framer.next() !== undefined) count++
  // each of them copying what follows would take minutes
  expect(count).toBe(512 * 1024)
})
