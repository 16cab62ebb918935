import { h } from 'resip/stack'
import { expect, test } from 'vitest'
import { FlowLosses } from '../../../src/dum/registration/flow-losses.ts'
import { memoryOf } from '../../stack/world.ts'
import { granting, WithRegistrar } from './registrar-peer.ts'

const instance = 'urn:uuid:00000000-0000-1000-8000-000000000001'
const outbound = granting(3600, 'Require: outbound\r\nFlow-Timer: 30\r\n')
const twoProxies = {
  instance,
  proxies: ['<sip:192.0.2.2;transport=tcp;lr>', '<sip:192.0.2.3;transport=tcp;lr>'],
}

async function overTcp(): Promise<WithRegistrar> {
  const line = await WithRegistrar.make({ protocol: 'TCP' })
  line.script = outbound
  return line
}

test('RFC 5626 §4.2.1: a flow over each proxy, with a reg-id and a Call-ID of its own', async () => {
  const line = await overTcp()
  await line.another('192.0.2.3', 'TCP')
  const registration = line.register({ outbound: twoProxies })
  line.advance(100)
  expect(registration.flows.map(({ regId, isRegistered }) => [regId, isRegistered])).toEqual([
    [1, true],
    [2, true],
  ])
  expect(line.texts('Contact').map(text => /reg-id=\d/.exec(text)?.[0])).toEqual(['reg-id=1', 'reg-id=2'])
  expect(line.texts('Contact').every(text => text.includes(`+sip.instance="<${instance}>"`))).toBe(true)
  expect(new Set(line.texts('Call-ID')).size).toBe(2)
  expect(line.texts('Supported').every(text => text.includes('outbound') && text.includes('path'))).toBe(true)
  expect(registration.flows.map(({ flow }) => flow?.address)).toEqual(['192.0.2.2', '192.0.2.3'])
  await line.close()
})

test('RFC 5626 §4.4, §4.5: kept alive by Flow-Timer; a flow that is lost is registered anew at once with the same reg-id', async () => {
  const line = await overTcp()
  await line.another('192.0.2.3', 'TCP')
  const registration = line.register({ outbound: twoProxies })
  line.advance(31_000)
  const before = line.heard.length
  expect(before).toBe(2)
  memoryOf(line.dumStack).disconnect('192.0.2.2', 5060)
  expect(registration.isRegistered).toBe(true)
  line.advance(100)
  expect(line.steps.filter(step => step === 'flow lost')).toHaveLength(1)
  expect(line.heard).toHaveLength(before + 1)
  expect(line.texts('Contact').at(-1)).toContain('reg-id=1')
  expect(registration.flows.every(flow => flow.isRegistered)).toBe(true)
  await line.close()
})

test('RFC 5626 §4.5: a flow that ends before a keep-alive was answered was no success: 90 to 180 s while the other stands', async () => {
  const line = await overTcp()
  await line.another('192.0.2.3', 'TCP')
  line.register({ outbound: twoProxies })
  line.advance(1000)
  memoryOf(line.dumStack).disconnect('192.0.2.2', 5060)
  line.advance(88_000)
  expect(line.heard).toHaveLength(2)
  line.advance(93_000)
  expect(line.heard).toHaveLength(3)
  await line.close()
})

test('a stream that is lost is registered anew at once without outbound too; a young one is not asked in a loop', async () => {
  const line = await WithRegistrar.make({
    protocol: 'TCP',
    profile: { aor: 'sip:alice@192.0.2.2;transport=tcp' },
  })
  line.register({ registrar: 'sip:192.0.2.2;transport=tcp' })
  line.advance(20_000)
  memoryOf(line.dumStack).disconnect('192.0.2.2', 5060)
  line.advance(100)
  expect(line.steps.filter(step => step !== 'INVITE')).toEqual([
    ...['→ REGISTER', '← 200', 'registered 3600'],
    ...['flow lost', '→ REGISTER', '← 200', 'registered 3600'],
  ])
  memoryOf(line.dumStack).disconnect('192.0.2.2', 5060)
  line.advance(25_000)
  expect(line.heard).toHaveLength(2)
  line.advance(40_000)
  expect(line.heard).toHaveLength(3)
  await line.close()
})

test('RFC 5626 §4.2.1: 439 is tried without outbound, with one flow; not where outbound is required', async () => {
  const line = await WithRegistrar.make()
  line.script = (request, count) =>
    request.get(h.Contact)?.params.has('reg-id') ? [439, ''] : granting()(request, count)
  line.register({ outbound: { instance } })
  line.advance(1000)
  expect(line.steps).toEqual(['→ REGISTER', '← 439', '→ REGISTER', '← 200', 'registered 3600'])
  line.register({ outbound: { instance, use: 'required' } })
  line.advance(1000)
  expect(line.steps.slice(5)).toEqual(['→ REGISTER', '← 439', 'failed 439'])
  await line.close()
})

test('RFC 5626 §4.2.1: granted without outbound: a Contact that cannot be reached is removed where it is required', async () => {
  const line = await WithRegistrar.make()
  line.register({ outbound: { instance, use: 'required' } })
  line.advance(1000)
  expect(line.steps).toEqual(['→ REGISTER', '← 200', '→ REGISTER', '← 200', 'failed 439'])
  expect(line.texts('Expires')).toEqual(['3600', '0'])
  expect(line.world.timers.size).toBe(0)
  await line.close()
})

test('RFC 5626 §5.3.1: 430 is a broken flow: tried again after the back-off', async () => {
  const line = await WithRegistrar.make()
  line.script = (request, count) => (count === 1 ? [430, ''] : granting()(request, count))
  line.register({ outbound: { instance } })
  line.advance(61_000)
  expect(line.steps.slice(0, 6)).toEqual([
    ...['→ REGISTER', '← 430', 'retry after 430'],
    ...['→ REGISTER', '← 200', 'registered 3600'],
  ])
  await line.close()
})

test('one Contact goes by outbound, and a device is a URN', async () => {
  const line = await WithRegistrar.make()
  const contacts = ['<sip:a@192.0.2.1>', '<sip:b@192.0.2.1>']
  expect(() => line.register({ outbound: { instance }, contacts })).toThrow(/outbound binds one Contact/)
  expect(() => line.register({ instance: 'me' })).toThrow(/no URN/)
  expect(line.dum.registrationCount).toBe(0)
  await line.close()
})

test('of many flows that one next hop lost, a hundred come back at once and the others over 30 s', () => {
  const losses = new FlowLosses()
  const delays = Array.from({ length: 10_100 }, (_, at) =>
    losses.delayOf('TCP 192.0.2.2:5060', 0, (at % 1000) / 1000),
  )
  expect(delays.slice(0, 100).every(delay => delay === 0)).toBe(true)
  const seconds = new Map<number, number>()
  for (const delay of delays.slice(100)) {
    const second = Math.floor(delay / 1000)
    seconds.set(second, (seconds.get(second) ?? 0) + 1)
  }
  expect(seconds.size).toBe(30)
  expect(Math.max(...seconds.values())).toBeLessThan(2 * (10_000 / 30))
  expect(losses.delayOf('TCP 192.0.2.3:5060', 0, 0.5)).toBe(0)
  expect(losses.delayOf('TCP 192.0.2.2:5060', 30_000, 0.5)).toBe(0)
})
