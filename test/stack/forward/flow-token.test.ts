import { createHmac } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { FlowTokens } from '../../../src/stack/forward/flow-token.ts'
import { numberParam, textParam } from '../../../src/stack/grammar/params.ts'
import { Via } from '../../../src/stack/headers/via.ts'

const key = Uint8Array.from({ length: 20 }, (_, at) => at)
const tokens = new FlowTokens(key, 'node')
const branch = 'z9hG4bKours'
const branchParam = textParam('branch')
const below = new Via('UDP', 'a.example', 5070).withParam(branchParam, 'z9hG4bKtheirs')

describe('RFC 5626 §5.2 a token of the way back', () => {
  test('is HMAC-SHA1-80 over the way, our branch and what decides of the Via below', () => {
    const text = (value: string): number[] => [...Buffer.from(value), 0, value.length]
    const absent = [0xff, 0xff]
    const octets = [
      ...[1, ...text('3-7-node'), ...text(branch), ...text('UDP'), ...text('a.example')],
      ...[1, 5070 >> 8, 5070 & 255, ...text('z9hG4bKtheirs'), ...absent, ...absent, ...absent],
    ]
    const hmac = createHmac('sha1', key).update(Uint8Array.from(octets)).digest('hex').slice(0, 20)
    expect(tokens.ofWay(3, 7, branch, below)).toBe(`3-7-node.${hmac}`)
  })

  test('tells the way again', () => {
    expect(tokens.wayOf(tokens.ofWay(3, 7, branch, below), branch, below)).toEqual({
      place: 3,
      connection: 7,
    })
    expect(tokens.wayOf(tokens.ofWay(0, 0, branch, below), branch, below)).toEqual({
      place: 0,
      connection: 0,
    })
    expect(tokens.wayOf(tokens.ofWay(1, 2, branch, undefined), branch, undefined)).toEqual({
      place: 1,
      connection: 2,
    })
  })

  test.each(['-', 'a-b', '-7-node', '--'])(
    'of a node whose word is %s tells its connection, as of any other',
    word => {
      const own = new FlowTokens(key, word)
      expect(own.wayOf(own.ofWay(3, 7, branch, below), branch, below)).toEqual({ place: 3, connection: 7 })
      expect(tokens.wayOf(own.ofWay(3, 7, branch, below), branch, below)).toEqual({ place: 3, connection: 0 })
    },
  )

  test('of another node with the same key tells the transport, and no connection', () => {
    const other = new FlowTokens(key, 'other')
    expect(other.wayOf(tokens.ofWay(3, 7, branch, below), branch, below)).toEqual({ place: 3, connection: 0 })
  })

  test('differs wherever a value moves from one field to the next, and where one is empty or absent', () => {
    const received = textParam('received')
    const rport = numberParam('rport')
    const maddr = textParam('maddr')
    const vias = [
      below,
      undefined,
      below.withParam(received, ''),
      below.withParam(received, '192.0.2.1'),
      below.withParam(maddr, '192.0.2.1'),
      below.withParam(rport, 0),
      below.withParam(rport, 0xffffffff),
      below.withParam(received, 'ä'),
      below.withParam(received, 'Ã¤'),
      below.withParam(received, '\u0101'),
      below.withParam(received, '\u0001'),
      new Via('UDP', 'a.example', undefined, below.params),
      new Via('UDP', 'a.example', 0, below.params),
      new Via('UDPa', '.example', 5070, below.params),
      new Via('UDP', `a.example${'x'.repeat(70_000)}`, 5070, below.params),
      new Via('UDP', `a.example${'x'.repeat(70_001)}`, 5070, below.params),
    ]
    const made = vias.map(via => tokens.ofWay(0, 0, branch, via))
    expect(new Set(made).size).toBe(vias.length)
    for (const [at, via] of vias.entries()) {
      for (const [other, token] of made.entries())
        expect(tokens.wayOf(token, branch, via) !== undefined).toBe(at === other)
    }
  })
})

describe('a token of a dialog', () => {
  test('holds for its Call-ID and tag alone, and is none of a way', () => {
    const token = tokens.ofDialog('call', 'tag')
    expect(token).toMatch(/^[0-9a-f]{20}$/)
    expect(tokens.isOfDialog(token, 'call', 'tag')).toBe(true)
    expect(tokens.isOfDialog(token, 'cal', 'ltag')).toBe(false)
    expect(tokens.isOfDialog(token, 'call', '')).toBe(false)
    expect(tokens.isOfDialog(token.slice(1), 'call', 'tag')).toBe(false)
    expect(new FlowTokens(new Uint8Array(20), 'node').isOfDialog(token, 'call', 'tag')).toBe(false)
  })
})
