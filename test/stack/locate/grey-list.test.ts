import { beforeEach, describe, expect, test } from 'vitest'
import { GreyList } from '../../../src/stack/locate/grey-list.ts'
import type { Target } from '../../../src/stack/transport/selector.ts'

let now: number

beforeEach(() => {
  now = 1000
})

const list = (options = {}): GreyList => new GreyList(() => now, options)
const target = (at: number, protocol: Target['protocol'] = 'UDP'): Target => ({
  protocol,
  address: `192.0.2.${at}`,
  port: 5060,
})
const [a, b, c] = [target(1), target(2), target(3)]

describe('the grey list', () => {
  test('puts what timed out or failed to the back for a minute, in the order it had', () => {
    const grey = list()
    grey.report(a, 'timeout')
    grey.report(b, 'transport error')
    expect(grey.order([a, b, c])).toEqual([c, a, b])
    now += 59_999
    expect(grey.order([a, b, c])).toEqual([c, a, b])
    now += 1
    expect(grey.order([a, b, c])).toEqual([a, b, c])
    expect(grey.size).toBe(0)
  })

  test('RFC 3261 §21.5.4: a 503 counts for as long as its Retry-After, without one not at all', () => {
    const grey = list()
    grey.report(a, 'unavailable')
    expect(grey.order([a, b])).toEqual([a, b])
    grey.report(a, 'unavailable', 120)
    now += 119_999
    expect(grey.order([a, b])).toEqual([b, a])
    now += 1
    expect(grey.order([a, b])).toEqual([a, b])
  })

  test('a Retry-After of years is believed for an hour, one of 0 or less not at all', () => {
    const grey = list()
    grey.report(a, 'unavailable', 1e9)
    expect(grey.remaining(a)).toBe(3_600_000)
    grey.report(b, 'unavailable', 0)
    grey.report(c, 'unavailable', Number.NaN)
    expect([grey.remaining(b), grey.remaining(c)]).toEqual([0, 0])
  })

  test('an answer makes it forget', () => {
    const grey = list()
    grey.report(a, 'timeout')
    grey.report(a, 'ok')
    expect(grey.order([a, b])).toEqual([a, b])
  })

  test('leaves nothing out: the only target stays, and where all failed their order does', () => {
    const grey = list()
    grey.report(a, 'timeout')
    grey.report(b, 'timeout')
    expect(grey.order([a])).toEqual([a])
    expect(grey.order([b, a])).toEqual([b, a])
  })

  test('goes by protocol, address and port', () => {
    const grey = list()
    grey.report(a, 'timeout')
    expect(grey.remaining(target(1, 'TCP'))).toBe(0)
    expect(grey.remaining({ ...a, port: 5061 })).toBe(0)
    expect(grey.remaining({ ...a, serverName: 'example.com' })).toBe(60_000)
  })

  test('is bounded: the first one entered goes', () => {
    const grey = list({ maxGrey: 2 })
    for (const each of [a, b, a, c]) grey.report(each, 'timeout')
    expect(grey.size).toBe(2)
    expect([grey.remaining(a), grey.remaining(b), grey.remaining(c)]).toEqual([60_000, 0, 60_000])
  })
})
