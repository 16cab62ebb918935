import { SipStack } from 'resip/stack'
import { expect, test } from 'vitest'
import { runProgram } from '../../apps/resip/program.ts'

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
    'resip: "sctp:127.0.0.1": one of udp, tcp and a colon expected, as in udp:127.0.0.1:5060\n',
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
