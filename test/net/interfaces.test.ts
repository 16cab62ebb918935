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

  it('asks once for a network, however many wait for it, and again after a failure', async () => {
    const asked: string[] = []
    const answers: ((address: string | Error) => void)[] = []
    const ask = (remote: string): Promise<string> => {
      asked.push(remote)
      return new Promise((resolve, reject) =>
        answers.push(answer => (typeof answer === 'string' ? resolve(answer) : reject(answer))),
      )
    }
    const addresses = new LocalAddresses(new SimulatedClock(), ask)
    const waiting = ['192.0.2.1', '192.0.2.200', '2001:db8::1', '2001:db8:0:0:ffff::', '192.0.3.1'].map(
      remote => addresses.towards(remote),
    )
    expect(asked).toEqual(['192.0.2.1', '2001:db8::1', '192.0.3.1'])
    answers[0]?.('10.0.0.1')
    answers[1]?.('fd00::1')
    answers[2]?.(new Error('no way'))
    expect(await Promise.allSettled(waiting)).toEqual([
      ...['10.0.0.1', '10.0.0.1', 'fd00::1', 'fd00::1'].map(value => ({ status: 'fulfilled', value })),
      { status: 'rejected', reason: new Error('no way') },
    ])
    expect(addresses.towards('192.0.2.77')).toBe('10.0.0.1')
    expect(addresses.towards('2001:db8::2')).toBe('fd00::1')
    expect(addresses.towards('2001:db8:0:1::2')).toBeInstanceOf(Promise)
    const again = addresses.towards('192.0.3.1')
    answers[4]?.('10.0.0.2')
    expect(await again).toBe('10.0.0.2')
  })

  it('asks for no more than 64 at a time', async () => {
    const addresses = new LocalAddresses(new SimulatedClock(), () => new Promise(() => {}))
    for (let network = 0; network < 64; network++) void addresses.towards(`192.0.${network}.1`)
    await expect(addresses.towards('192.0.64.1')).rejects.toMatchObject({ code: 'ERR_ROUTES' })
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
