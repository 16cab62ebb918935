import { SipStack } from 'resip/stack'
import { afterEach, describe, expect, it } from 'vitest'
import { run, snippetsOf } from './snippets.ts'

const snippets = snippetsOf('README.md')

describe('the README', () => {
  const stacks: SipStack[] = []
  afterEach(async () => {
    for (const stack of stacks.splice(0)) await stack.close()
  })

  it('says hello world and gets an answer', async () => {
    const registrar = new SipStack()
    stacks.push(registrar)
    await registrar.listen('udp:127.0.0.1:0')
    registrar.onRequest(transaction => transaction.respond(200))
    const port = registrar.transports[0]?.local.port
    const output = await run((snippets[0] ?? '').replace('127.0.0.1:5060', `127.0.0.1:${port}`))
    expect(output).toMatch(/^SIP\/2\.0 200 REGISTER cid=[\w-]+ from 127\.0\.0\.1:\d+ udp\n$/)
  })

  it('has a UAS that answers OPTIONS', async () => {
    const code = (snippets[1] ?? '').replace('udp:127.0.0.1:5070', 'udp:127.0.0.1:0')
    const ask = `
      import { request } from 'resip/stack'
      const port = stack.transports[0].local.port
      for (const method of ['OPTIONS', 'INFO']) {
        const answer = await stack.request(request(method, 'sip:127.0.0.1:' + port, { from: 'sip:me@127.0.0.1' }))
        console.log(answer.status, answer.get(h.Allow))
      }
      await stack.close()`
    expect(await run(code + ask)).toBe('200 OPTIONS\n405 OPTIONS\n')
  })
})
