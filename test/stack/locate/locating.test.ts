import { SipStack } from 'resip/stack'
import { afterEach, expect, test, vi } from 'vitest'
import { sharedResolver } from '../../../src/net/resolver/shared.ts'
import { SimulatedClock } from '../../../src/util/clock.ts'
import { UsageError } from '../../../src/util/errors.ts'

afterEach(() => vi.restoreAllMocks())

test('a stack that is given nothing asks the resolver that all share, and leaves it open', async () => {
  const asked = vi.spyOn(sharedResolver(), 'addresses')
  const closed = vi.spyOn(sharedResolver(), 'close')
  const stack = new SipStack()
  expect((await stack.locate('sip:localhost')).map(({ target }) => target.address)).toContain('127.0.0.1')
  await stack.close()
  expect(asked).toHaveBeenCalledWith('localhost', 4)
  expect(closed).not.toHaveBeenCalled()
})

test.each([{ dns: {} }, { clock: new SimulatedClock() }])(
  'one with %j has a resolver of its own',
  async options => {
    const asked = vi.spyOn(sharedResolver(), 'addresses')
    const stack = new SipStack(options)
    await stack.locate('sip:localhost')
    await stack.close()
    expect(asked).not.toHaveBeenCalled()
  },
)

test.each([null, 'x', 5])('dns that is %j is told at once', dns => {
  expect(() => Reflect.construct(SipStack, [{ dns }])).toThrow(UsageError)
})
