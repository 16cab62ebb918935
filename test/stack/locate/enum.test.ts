import { uri } from 'resip/stack'
import { beforeEach, describe, expect, test } from 'vitest'
import { e164Of, enumName } from '../../../src/stack/locate/enum.ts'
import { Expression } from '../../../src/stack/locate/ere.ts'
import { explained } from '../../../src/stack/locate/located.ts'
import { substituted } from '../../../src/stack/locate/substitution.ts'
import { seededRandom, Tokens } from '../../../src/util/random.ts'
import { everyProtocol, locatorOver, shown, Zone } from './zone.ts'

describe('RFC 6116 §3.1 and §3.2: the number and its name', () => {
  test.each([
    ['+493012345', '+493012345'],
    ['+49-30.(12)345', '+493012345'],
    ['030123', undefined],
    ['+', undefined],
    ['+1234567890123456', undefined],
    ['+49a', undefined],
    [undefined, undefined],
  ])('%s → %s', (text, number) => expect(e164Of(text)).toBe(number))

  test('digits in reverse order', () => {
    expect(enumName('+442079460148', 'e164.arpa')).toBe('8.4.1.0.6.4.9.7.0.2.4.4.e164.arpa')
    expect(enumName('+4930', '.Numbers.Example.')).toBe('0.3.9.4.numbers.example')
  })
})

describe('POSIX extended regular expressions', () => {
  const matched = (pattern: string, text: string, ignoreCase = false): string | undefined => {
    const expression = Expression.read(pattern, ignoreCase)
    if (expression === undefined) return 'malformed'
    const match = expression.match(text)
    return match && text.slice(match[0], match[1])
  }

  test.each([
    ['^.*$', '+4930', '+4930'],
    ['^\\+49(.*)$', '+4930', '+4930'],
    ['^\\+48', '+4930', undefined],
    ['9', '+4930', '9'],
    ['a|ab', 'ab', 'ab'],
    ['abcd|c', 'xabcd', 'abcd'],
    ['b*', 'abb', ''],
    ['b+', 'abb', 'bb'],
    ['ab?c', 'ac', 'ac'],
    ['[0-9]{3}', '12345', '123'],
    ['[0-9]{2,}', '12345', '12345'],
    ['[0-9]{2,3}', '12345', '123'],
    ['^[0-9]{3}$', '1234', undefined],
    ['[^+0-3]+', '+4930', '49'],
    ['[]x]+', 'a]x', ']x'],
    ['[a-]+', '-a', '-a'],
    ['[[:digit:]]+', '+4930', '4930'],
    ['(a|b)*c', 'ababc', 'ababc'],
    ['(a*)*', 'aaa', 'aaa'],
    ['()', 'a', ''],
    ['x{0}y', 'y', 'y'],
    ['a\\.b', 'a.b', 'a.b'],
  ])('%s in %s: %s', (pattern, text, found) => expect(matched(pattern, text)).toBe(found))

  test('without regard to case', () => {
    expect(matched('[a-c]X', 'Bx')).toBeUndefined()
    expect(matched('[a-c]X', 'Bx', true)).toBe('Bx')
  })

  test.each([
    '(',
    ')',
    '*a',
    'a**',
    '[a',
    '[b-a]',
    '[[.a.]]',
    '[[:none:]]',
    '\\1',
    '(a)\\1',
    '\\d',
    'a{2,1}',
    'a{256}',
    '{1}',
    'a\\',
  ])('%s is refused', pattern => expect(matched(pattern, 'a')).toBe('malformed'))

  test('no record makes us search for long: what takes others exponential time, or too many instructions', () => {
    const began = performance.now()
    expect(matched('^(a|a)*(a|a)*(a*)*b$', 'a'.repeat(2000))).toBeUndefined()
    expect(matched(`^${'(a?'.repeat(8)}${')*'.repeat(8)}$`, `${'a'.repeat(500)}!`)).toBeUndefined()
    expect(matched('((((((((a{255}){255}){255}){255}){255}){255}){255}){255})', 'a')).toBe('malformed')
    expect(matched(`${'('.repeat(8)}a${'){1}'.repeat(8)}`, 'a')).toBe('a')
    expect(matched('('.repeat(200), 'a')).toBe('malformed')
    // a backtracking matcher takes longer than the age of the world for the first alone
    expect(performance.now() - began).toBeLessThan(2000)
  })
})

describe('RFC 3402 substitution', () => {
  test.each([
    ['!^.*$!sip:info@example.com!', 'sip:info@example.com'],
    ['!^(.*)$!sip:\\1@example.com!', 'sip:+4930@example.com'],
    ['!^\\+49(.)(.)$!sip:\\2-\\1@example.com!', 'sip:0-3@example.com'],
    ['/^.*$/sip:a\\/b@example.com/', 'sip:a/b@example.com'],
    ['!^\\+(.*)$!SIP:\\1@Example.com!i', 'SIP:4930@Example.com'],
    ['!^.*$!a\\\\b!', 'a\\b'],
    ['!30$!x!', '+49x'],
  ])('%s → %s', (substitution, result) => expect(substituted(substitution, '+4930')).toBe(result))

  test.each([
    '',
    '!',
    '!^.*$!',
    '!^.*$!sip:a@b',
    '!^.*$!a!b!',
    '!!a!',
    '!^x$!a!',
    '!^.*$!\\1!',
    '!^.*$!\\0!',
    '!^.*$!a!x',
    '1^.*$1a1',
    '!(!a!',
  ])('%s makes nothing', substitution => expect(substituted(substitution, '+4930')).toBeUndefined())

  test('whatever a record holds, it makes a text or nothing, soon', () => {
    const tokens = new Tokens(seededRandom(11))
    const alphabet = '!^$.*+?()[]{}|\\0129,-:ab/i'
    const began = performance.now()
    let made = 0
    for (let time = 0; time < 5000; time++) {
      let substitution = tokens.below(2) === 0 ? '!' : ''
      for (let left = tokens.below(60); left > 0; left--)
        substitution += alphabet[tokens.below(alphabet.length)]
      const result = substituted(substitution, '+493012345')
      if (result !== undefined) made++
      expect(result?.length ?? 0).toBeLessThanOrEqual(1024)
    }
    expect(made).toBeGreaterThan(0)
    expect(performance.now() - began).toBeLessThan(20_000)
  })

  test('a result of more than 1,024 octets is none', () => {
    expect(substituted(`!^(.*)$!${'\\1'.repeat(100)}!`, '+49301234567890')).toBeUndefined()
  })
})

describe('RFC 6116: where a number leads', () => {
  let zone: Zone

  beforeEach(() => {
    zone = new Zone().withAddresses('example.com', '192.0.2.2').withAddresses('example.net', '192.0.2.3')
  })

  const name = '0.3.9.4.e164.arpa'
  const rule = (regexp: string, order = 10, service = 'E2U+sip', flags = 'u') => ({
    regexp,
    order,
    service,
    flags,
  })
  const at = (target: string, options: Parameters<typeof locatorOver>[2] = { enum: {} }): string[] => {
    const found = locatorOver(zone, everyProtocol, options).locator.locate(uri(target), { stateless: false })
    return found instanceof Promise ? ['later'] : shown(found)
  }

  test('a tel URI leads nowhere unless it is asked for', () => {
    expect(() => at('tel:+4930', {})).toThrow('a tel URI cannot be sent to')
    expect(() => at('tel:4930')).toThrow('a tel URI cannot be sent to')
    expect(zone.asked).toEqual([])
  })

  test('the records in their order, the first four', () => {
    zone.withNaptr(
      name,
      rule('!^.*$!sip:a@example.net:5070!', 20, 'E2U+voice:tel+SIP'),
      rule('!^(.*)$!sip:\\1@example.com;transport=tcp!', 10),
    )
    expect(at('tel:+49-30;phone-context=x')).toEqual(['TCP 192.0.2.2:5060', 'UDP 192.0.2.3:5070'])
    expect(at('tel:+49-30', { enum: { domain: ['none.example', 'e164.arpa'] } })).toHaveLength(2)
    expect(zone.asked).toContain('NAPTR 0.3.9.4.none.example')
  })

  test('a number in a sip URI where that is asked for, else its domain', () => {
    zone.withNaptr(name, rule('!^.*$!sip:a@example.net:5070!'))
    expect(at('sip:+4930@example.com:5060;user=phone')).toEqual(['UDP 192.0.2.2:5060'])
    const options = { enum: { userPhone: true } }
    expect(at('sip:+4930@example.com:5060;user=phone', options)).toEqual(['UDP 192.0.2.3:5070'])
    expect(at('sip:+4931@example.com:5060;user=phone', options)).toEqual(['UDP 192.0.2.2:5060'])
    expect(at('sip:+4930@example.com:5060', options)).toEqual(['UDP 192.0.2.2:5060'])
  })

  test('a number that a record makes is not looked up again', () => {
    zone.withNaptr(name, rule('!^(.*)$!sip:\\1@example.com:5060;user=phone!'))
    expect(at('tel:+4930', { enum: { userPhone: true } })).toEqual(['UDP 192.0.2.2:5060'])
    expect(zone.asked.filter(asked => asked.startsWith('NAPTR'))).toEqual([`NAPTR ${name}`])
  })

  test('non-terminal rules, other services, private ones and what is no sip URI are passed over', () => {
    zone.withNaptr(
      name,
      rule('', 1, 'E2U+sip', ''),
      rule('!^.*$!sip:x@example.com:1!', 2, 'E2U+pres'),
      rule('!^.*$!sip:x@example.com:2!', 3, 'E2U+P-x+sip'),
      rule('!^.*$!mailto:x@example.com!', 4),
      rule('!^(.*$!sip:x@example.com:3!', 5),
      rule('!^.*$!sip:x@example.com:5070!', 6),
    )
    const located = locatorOver(zone, everyProtocol, { enum: {} })
    const found = located.locator.locate(uri('tel:+4930'), { stateless: false })
    if (found instanceof Promise) throw new Error('an answer at once expected')
    expect(shown(found)).toEqual(['UDP 192.0.2.2:5070'])
    expect(located.counters.malformedRecords).toBe(2)
    expect(explained(found[0]?.why ?? [])).toBe(
      `ENUM ${name} sip:x@example.com:5070 → address of example.com`,
    )
  })

  test('a number without a record is not found', () => {
    expect(() => at('tel:+4930')).toThrow(expect.objectContaining({ code: 'ENOTFOUND' }))
  })
})
