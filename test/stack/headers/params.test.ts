import { describe, expect, it } from 'vitest'
import { nameAddr, type Param, Params, p } from '../../../src/stack/index.ts'

/** Each parameter that reSIProcate knows (feature S1.3), by the kind of its value. */
const FLAGS = 'data control application video isfocus ob lr require early-only text audio'
const QUOTED =
  'mobility description events priority methods schemes language type actor extensions pub-gruu temp-gruu cnonce ' +
  'domain expiration nonce opaque realm response uri vendor model version url sigcomp-id username'
const NUMBERS = 'cause reg-id duration expires retry-after ttl effective-by counter limit'
const TOKENS =
  'branch received access-type algorithm boundary charset comp d-alg d-qop directory from-tag handling id ' +
  'method micalg mode name nc permission purpose reason rinstance site size smime-type stale tag to-tag transport user ' +
  'ext refresher profile-type document app-id network-user qop index rc mp np utran-cell-id-3gpp cgi-3gpp ccf ' +
  'ecf icid-value icid-generated-at orig-ioi term-ioi content encoding alg ppt privacy screen gr'
const SPECIAL = 'q rport maddr +sip.instance info filename'

const byName = new Map<string, Param<unknown>>(Object.values(p).map(param => [param.name, param]))

function written<T>(param: Param<T>, text: string): string {
  const value = param.parse(text)
  if (value === undefined) throw new Error(`${param.name}: ${text} cannot be read`)
  return new Params().with(param, value).toString()
}

function param(name: string): Param<unknown> {
  const found = byName.get(name)
  if (found === undefined) throw new Error(`p has no ${name}`)
  return found
}

describe('S1.3: known parameters', () => {
  it('there are all of them', () => {
    const names = [FLAGS, QUOTED, NUMBERS, TOKENS, SPECIAL].join(' ').split(' ')
    expect(names.filter(name => !byName.has(name))).toEqual([])
  })

  it('are called in camel case', () => {
    for (const [name, { name: wire }] of Object.entries(p)) {
      const camel = wire.replace('+sip.', '').replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase())
      expect(name).toBe(camel)
    }
  })

  it.each(FLAGS.split(' '))('%s says what it says by being there', name => {
    expect(param(name).parse('')).toBe(true)
    expect(written(param(name), 'on')).toBe(`;${name}`)
  })

  it.each(QUOTED.split(' '))('%s stands in quotes', name => {
    expect(written(param(name), 'a "b"')).toBe(`;${name}="a \\"b\\""`)
  })

  it.each(NUMBERS.split(' '))('%s is a number', name => {
    expect(param(name).parse('4294967295')).toBe(4_294_967_295)
    expect(['4294967296', '-1', '1.5', '1e3', '', 'x', ' 1'].map(text => param(name).parse(text))).toEqual(
      Array(7).fill(undefined),
    )
    expect(written(param(name), '007')).toBe(`;${name}=7`)
  })

  it.each(TOKENS.split(' '))('%s is bare where it can be', name => {
    expect(written(param(name), 'abc')).toBe(`;${name}=abc`)
    expect(written(param(name), 'a b')).toBe(`;${name}="a b"`)
  })

  it('q, rport, +sip.instance, info, gr (RFC 3261 §25.1, RFC 3581, RFC 5626, RFC 8224, RFC 5627)', () => {
    expect(['0', '1', '0.5', '0.', '1.000', '1.1', '2', '.5', '0.1234', ''].map(p.q.parse)).toEqual([
      0,
      1,
      0.5,
      0,
      1,
      ...Array(5).fill(undefined),
    ])
    expect(p.q.encode(1 / 3)).toBe('0.333')
    expect([p.rport.parse(''), p.rport.parse('5060'), p.rport.parse('x')]).toEqual([true, 5060, undefined])
    expect([p.rport.encode(true), p.rport.encode(5060)]).toEqual([undefined, '5060'])
    expect(p.instance.parse('<urn:uuid:1>')).toBe('urn:uuid:1')
    expect(p.info.encode('https://x')).toBe('<https://x>')
    expect([p.gr.encode(''), p.gr.encode('x')]).toEqual([undefined, 'x'])
  })
})

describe('parameters of a value', () => {
  const value = nameAddr('<sip:a@b>;A=1;b;C="x;y";a=2')

  it('are added, tested, changed and removed; unknown ones stay in their order', () => {
    expect([
      value.params.text('a'),
      value.params.text('B'),
      value.params.text('c'),
      value.params.text('d'),
    ]).toEqual(['1', '', 'x;y', undefined])
    expect([...value.params.names()]).toEqual(['A', 'b', 'C', 'a'])
    expect(String(value.withParam(p.tag, 'z'))).toBe('<sip:a@b>;A=1;b;C="x;y";a=2;tag=z')
    expect(String(value.with({ params: value.params.withText('B', '7') }))).toBe(
      '<sip:a@b>;A=1;B=7;C="x;y";a=2',
    )
    expect(String(value.withoutParam('c'))).toBe('<sip:a@b>;A=1;b;a=2')
    expect(value.withoutParam('never').params).toBe(value.params)
    expect([value.params.size, value.params.has('B'), value.params.has('never')]).toEqual([4, true, false])
  })
})
