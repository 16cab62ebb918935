import { describe, expect, it } from 'vitest'
import { interfaceAddresses, LocalAddresses } from '../../src/net/interfaces.ts'
import { SimulatedClock } from '../../src/util/clock.ts'
import { UsageError } from '../../src/util/errors.ts'

describe('interfaceAddresses', () => {
  it('lists the loopback address as internal', () => {
    expect(interfaceAddresses()).toContainEqual({
      name: expect.stringMatching(/^lo/),
      address: '127.0.0.1',
      family: 4,
      internal: true,
      scope: 0,
    })
  })
})

describe('LocalAddresses', () => {
  it('answers which address the system would use, for five seconds at once', async () => {
    const clock = new SimulatedClock()
    const addresses = new LocalAddresses(clock)
    const asked = [addresses.towards('127.0.0.1'), addresses.towards('::1')]
    expect(asked.every(answer => answer instanceof Promise)).toBe(true)
    expect(await Promise.all(asked)).toEqual(['127.0.0.1', '::1'])
    clock.advance(4999)
    expect([addresses.towards('127.0.0.1'), addresses.towards('::1')]).toEqual(['127.0.0.1', '::1'])
    clock.advance(1)
    expect(await addresses.towards('127.0.0.1')).toBe('127.0.0.1')
    addresses.clear()
    expect(addresses.towards('127.0.0.1')).toBeInstanceOf(Promise)
  })

  it('remembers a bounded number of them, the youngest', async () => {
    const addresses = new LocalAddresses(new SimulatedClock())
    const remotes = Array.from({ length: 1025 }, (_, i) => `127.0.${i >> 8}.${i & 255}`)
    for (const remote of remotes) await addresses.towards(remote)
    expect(addresses.towards('127.0.4.0')).toBe('127.0.0.1')
    expect(addresses.towards('127.0.0.1')).toBe('127.0.0.1')
    expect(addresses.towards('127.0.0.0')).toBeInstanceOf(Promise)
  })

  it('wants a numeric address', async () => {
    await expect(new LocalAddresses(new SimulatedClock()).towards('localhost')).rejects.toThrow(UsageError)
  })

  it('tells where the system sees no way', async () => {
    const addresses = new LocalAddresses(new SimulatedClock())
    await expect(addresses.towards('255.255.255.255')).rejects.toMatchObject({
      message: expect.stringMatching(/^udp 255\.255\.255\.255:9 /),
    })
  })
})
