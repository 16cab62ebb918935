import { spawn } from 'node:child_process'
import { type KeepAlive, request, SipStack } from 'resip/stack'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { installed } from '../peers/installed.ts'
import { type StunKamailio, startStunKamailio } from './peers/kamailio-stun.ts'

let kamailio: StunKamailio
const stacks: SipStack[] = []

beforeAll(async () => {
  kamailio = await startStunKamailio('127.61.0.1', 25_060)
}, 60_000)

afterAll(async () => {
  await Promise.all(stacks.map(stack => stack.close()))
  await kamailio.stop()
})

async function stackOn(point: string): Promise<SipStack> {
  const stack = new SipStack()
  stacks.push(stack)
  await stack.listen(point)
  return stack
}

async function until(done: () => boolean): Promise<void> {
  const end = Date.now() + 15_000
  while (!done()) {
    if (Date.now() > end) throw new Error('it did not come to pass within 15 s')
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}

/** The flow to Kamailio, kept alive each second, after a request over it was answered. */
async function keptAlive(stack: SipStack, transport: 'udp' | 'tcp', failed: string[]): Promise<KeepAlive> {
  const target = `sip:${kamailio.address}:${kamailio.port};transport=${transport}`
  const statuses: number[] = []
  const outgoing = stack.send(request('OPTIONS', target, { from: 'sip:alice@example.com' }), {
    onFinal: ({ status }) => void statuses.push(status),
    onFailure: failure => void failed.push(failure.message),
  })
  await until(() => statuses.length + failed.length > 0)
  expect([statuses, failed]).toEqual([[200], []])
  if (outgoing.flow === undefined) throw new Error('a flow expected')
  const keepAlive = stack.flows.keepAlive(outgoing.flow, {
    interval: 1000,
    onFailed: (_, error) => void failed.push(`${error?.code}`),
  })
  if (typeof keepAlive === 'string') throw new Error(keepAlive)
  return keepAlive
}

describe('Kamailio answers our keep-alives', () => {
  it('over UDP by STUN, with the address it sees us at (RFC 5626 §4.4.2)', async () => {
    const stack = await stackOn('udp:127.61.0.2:0')
    const failed: string[] = []
    const keepAlive = await keptAlive(stack, 'udp', failed)
    await until(() => keepAlive.answered === 3)
    expect(keepAlive.mapped).toBe(`127.61.0.2:${stack.transports[0]?.local.port}`)
    keepAlive.stop()
    expect(failed).toEqual([])
  }, 30_000)

  it('over TCP by CR LF (RFC 5626 §4.4.1)', async () => {
    const stack = await stackOn('tcp:127.61.0.2:0')
    const failed: string[] = []
    const keepAlive = await keptAlive(stack, 'tcp', failed)
    await until(() => keepAlive.answered === 3)
    keepAlive.stop()
    expect(failed).toEqual([])
  }, 30_000)
})

describe('the STUN server on our SIP port (RFC 5626 §8)', () => {
  it('tells coturn’s turnutils_stunclient where it comes from', async () => {
    installed('turnutils_stunclient', 'coturn')
    const stack = await stackOn('udp:127.61.0.3:0')
    const said = await output('turnutils_stunclient', [
      '-p',
      `${stack.transports[0]?.local.port}`,
      '127.61.0.3',
    ])
    expect(said).toMatch(/UDP reflexive addr: 127\.\d+\.\d+\.\d+:\d+/)
    expect(stack.counters.bindingRequests).toBeGreaterThanOrEqual(1)
  }, 30_000)
})

/** What a program prints until it ends, or for five seconds: this one waits for ever for what it is not answered. */
function output(program: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = ''
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    const timer = setTimeout(() => child.kill(), 5_000)
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (bytes: Buffer) => {
        said += bytes.toString()
      })
    }
    child.once('error', reject)
    child.once('exit', () => {
      clearTimeout(timer)
      resolve(said)
    })
  })
}
