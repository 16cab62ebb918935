import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { SipStack } from 'resip/stack'
import { describe, expect, test, vi } from 'vitest'
import { isOnLoopback } from '../../apps/resip/arguments.ts'
import { runProgram } from '../../apps/resip/program.ts'
import { requestText, title } from '../stack/world.ts'

async function run(...args: readonly string[]): Promise<[number, string]> {
  let said = ''
  const code = await runProgram(args, text => {
    said += text
  })
  return [code, said]
}

test.each([
  [['proxy', '--wrong'], "resip: unknown option '--wrong'\n"],
  [['nonsense'], "resip: unknown command 'nonsense'\n"],
  [['proxy', 'more'], "resip: too many arguments for 'proxy'. Expected 0 arguments but got 1.\n"],
  [
    ['proxy', '--next-hop', 'nonsense'],
    "resip: option '--next-hop <uri>' argument 'nonsense' is invalid. A SIP URI is needed: ",
  ],
  [
    ['proxy', '--route', 'example.com'],
    "resip: option '--route <domain=uri>' argument 'example.com' is invalid. A domain=uri is needed, as in example.com=sip:10.0.0.1\n",
  ],
  [
    ['proxy', '--listen', 'sctp:127.0.0.1'],
    'resip: "sctp:127.0.0.1": one of udp, tcp, tls, ws, wss and a colon expected, as in udp:127.0.0.1:5060\n',
  ],
  [
    ['proxy', '--domain', 'example.com', '--open-relay'],
    'resip: --open-relay and --domain exclude each other; give one of them\n',
  ],
])('%j: one sentence, and exit code 2', async (args, sentence) => {
  const [code, said] = await run(...args)
  expect(code).toBe(2)
  expect(said.slice(0, sentence.length)).toBe(sentence)
  expect(said.trimEnd().split('\n')).toHaveLength(1)
})

test('a port in use is the system’s fault: it is named, and the exit code is 1', async () => {
  const stack = new SipStack()
  await stack.listen('udp:127.0.0.1:0')
  const [transport] = stack.transports
  const [code, said] = await run('proxy', '--listen', transport?.key ?? '')
  expect(code).toBe(1)
  expect(said).toMatch(new RegExp(`^resip: [^\\n]*127\\.0\\.0\\.1:${transport?.local.port}[^\\n]*\\n$`))
  await stack.close()
})

describe('what resip proxy sends on', () => {
  /** What becomes of a request for a foreign host, sent to a proxy that was started with these flags. */
  async function foreign(listen: string, ...flags: readonly string[]): Promise<string> {
    const socket = createSocket('udp4')
    await once(socket.bind(0, '127.0.0.1'), 'listening')
    const { port } = socket.address()
    const told: string[] = []
    const write = vi.spyOn(process.stdout, 'write').mockImplementation(text => told.push(String(text)) > 0)
    const stops = process.listeners('SIGTERM')
    try {
      expect(await run('proxy', '--listen', listen, ...flags)).toEqual([0, ''])
      const [, at] = /:(\d+)\n/.exec(told.join('')) ?? []
      const via = `SIP/2.0/UDP 127.0.0.1:${port};branch=z9hG4bK1`
      socket.send(requestText('OPTIONS', { uri: `sip:bob@127.0.0.1:${port}`, via }), Number(at), '127.0.0.1')
      const [answer] = await once(socket, 'message')
      return title(String(answer))
    } finally {
      write.mockRestore()
      for (const stop of process.listeners('SIGTERM')) {
        if (stops.includes(stop)) continue
        process.removeListener('SIGTERM', stop)
        process.removeListener('SIGINT', stop)
        stop('SIGTERM')
      }
      socket.close()
    }
  }

  test.each([
    ['whatever comes on loop-back', 'OPTIONS', 'udp:127.0.0.1:0', []],
    ['what is for its domains where they are given', '403', 'udp:127.0.0.1:0', ['--domain', 'example.com']],
    ['what is for one of them', 'OPTIONS', 'udp:127.0.0.1:0', ['--domain', '127.0.0.1']],
    ['whatever comes where it is told to', 'OPTIONS', 'udp:127.0.0.1:0', ['--open-relay']],
  ] as const)('%s: %s', async (_, expected, listen, flags) => {
    expect(await foreign(listen, ...flags)).toBe(expected)
  })
})

test.each([
  ['udp:127.0.0.1:5060', true],
  ['tcp:127.8.9.10', true],
  ['udp:[::1]:5060', true],
  ['udp:lo:0', true],
  ['udp:0.0.0.0:5060', false],
  ['udp:[::]:5060', false],
  ['udp:192.0.2.1:5060', false],
  ['udp:127.0.0.1.example:5060', false],
  ['udp:eth0', false],
])('%s is heard on this host alone: %s', (point, expected) => expect(isOnLoopback(point)).toBe(expected))
