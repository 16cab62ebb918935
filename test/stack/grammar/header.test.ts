import { describe, expect, it } from 'vitest'
import { wireText } from '../../../src/stack/grammar/scanner.ts'
import { h, header, ParseError, parseMessage } from '../../../src/stack/index.ts'

const message = parseMessage(
  Buffer.from(
    'SIP/2.0 200 OK\r\nX-Outer: one two\r\nX-Inner: in\r\nRequire: a,, b ,\r\nExpires: x\r\nX-Utf: é\r\n\r\n',
  ),
)
if (message instanceof ParseError) throw message

describe('headers of an application', () => {
  const inner = header('x-inner', { parse: scanner => scanner.token(), encode: value => value })

  it('a parse within a parse does not disturb it', () => {
    const outer = header<string>('X-Outer', {
      parse: scanner => {
        const first = scanner.token()
        const within = inner.parseFirst(wireText('other'))
        const other = message.get(inner)
        scanner.skipSpace()
        return [first, within, other, scanner.token()].join(' ')
      },
      encode: value => value,
    })
    expect(message.get(outer)).toBe('one other in two')
  })

  it('a parse that throws leaves nothing behind, and throws every time', () => {
    for (let n = 0; n < 3; n++) {
      expect(() => message.get(h.Expires)).toThrow('Expires: number expected at 1\n   x\n   ^')
      expect(message.all(h.Require)).toEqual(['a', 'b'])
    }
    expect(message.try(h.Expires).error).toMatchObject({ status: 400, header: 'Expires', offset: 1 })
    expect(message.try(h.Require)).toEqual({ value: 'a' })
  })
})
