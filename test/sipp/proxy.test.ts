import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ensureSipp, type SippResult } from '../peers/sipp.ts'
import { callThroughProxy, type ProxiedCalls } from './proxied-call.ts'
import { Report } from './report.ts'

const report = new Report('SIPp calls through the stateless proxy')

beforeAll(ensureSipp)
afterAll(() => report.print())

const scenario = (name: string): URL => new URL(`./scenarios/${name}.xml`, import.meta.url)

async function run(
  title: string,
  way: ProxiedCalls,
): Promise<{ readonly client: SippResult; readonly server: SippResult }> {
  const results = await callThroughProxy(way)
  report.add(title, results.client, results.server)
  return results
}

function expectAllWell(client: SippResult, server: SippResult, calls: number): void {
  const complaints = client.errors + server.errors
  expect(client, complaints).toMatchObject({ calls, successful: calls, failed: 0 })
  expect(server, complaints).toMatchObject({ calls, failed: 0 })
}

describe("RFC 3261 §16.11: SIPp's default call through the stateless proxy", () => {
  const ways: readonly (readonly [string, ProxiedCalls])[] = [
    ['UDP, IPv4', { calls: 400 }],
    ['UDP, IPv6', { calls: 400, address: '::1' }],
    ['TCP, IPv4', { calls: 400, from: 'TCP', to: 'TCP' }],
    ['TCP, IPv6', { calls: 400, from: 'TCP', to: 'TCP', address: '::1' }],
    ['UDP → TCP', { calls: 400, from: 'UDP', to: 'TCP' }],
    ['TCP → UDP', { calls: 400, from: 'TCP', to: 'UDP' }],
  ]
  for (const [title, way] of ways) {
    it(title, async () => {
      const { client, server } = await run(title, way)
      expectAllWell(client, server, way.calls)
      expect(client.unexpected + server.unexpected).toBe(0)
    })
  }
})

describe('RFC 3261 §12.2.1.1: Record-Routed calls', () => {
  for (const [title, way] of [
    ['Record-Route, UDP', {}],
    ['Record-Route, TCP', { from: 'TCP', to: 'TCP' }],
    ['double Record-Route, UDP → TCP (RFC 5658)', { from: 'UDP', to: 'TCP' }],
  ] as const) {
    it(title, async () => {
      const calls = 200
      const parts = { ...way, calls, client: scenario('uac-routed'), server: scenario('uas-routed') }
      const { client, server } = await run(title, parts)
      expectAllWell(client, server, calls)
    })
  }
})

describe('RFC 3261 §16.11: one branch for an INVITE, its CANCEL and its ACK', () => {
  it('CANCEL finds its INVITE, 487 and its ACK go through (§9.1)', async () => {
    const parts = { calls: 100, rate: 200, client: scenario('uac-cancel'), server: scenario('uas-cancel') }
    const { client, server } = await run('CANCEL, 487 and ACK', parts)
    expectAllWell(client, server, 100)
    expectOneBranch(server.log, ['INVITE', 'CANCEL', 'ACK'], 100)
  })

  it('486 and ACK, with Proxy-Authorization and Proxy-Require in the INVITE alone (RFC 5393 §4.2.1)', async () => {
    const parts = {
      calls: 100,
      rate: 200,
      client: scenario('uac-busy'),
      server: scenario('uas-busy'),
      flags: ['--supported', 'gin'],
    }
    const { client, server } = await run('486 and ACK', parts)
    expectAllWell(client, server, 100)
    expectOneBranch(server.log, ['INVITE', 'ACK'], 100)
  })
})

/** The callee logs `METHOD call-id branch` for each request that came: those of a call have the same top branch. */
function expectOneBranch(log: readonly string[], methods: readonly string[], calls: number): void {
  const byCall = new Map<string, Map<string, string>>()
  for (const line of log) {
    const [method = '', callId = '', branch = ''] = line.trim().split(/\s+/)
    const branches = byCall.get(callId) ?? new Map<string, string>()
    byCall.set(callId, branches.set(method, branch))
  }
  expect(byCall.size).toBe(calls)
  for (const branches of byCall.values()) {
    expect([...branches.keys()]).toEqual(methods)
    expect(new Set(branches.values()).size).toBe(1)
    expect([...branches.values()][0]).toMatch(/^z9hG4bK.+/)
  }
}
