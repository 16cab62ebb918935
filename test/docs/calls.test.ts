import { describe, expect, it } from 'vitest'
import { run, snippetsOf } from './snippets.ts'

const [calling = '', answering = '', legs = ''] = snippetsOf('docs/calls.md')

const imports = `
  import { SipStack } from 'resip/stack'
  import { DialogUsageManager } from 'resip/dum'
  const body = 'v=0\\r\\no=- 1 1 IN IP4 127.0.0.1\\r\\ns=-\\r\\nc=IN IP4 127.0.0.1\\r\\nt=0 0\\r\\nm=audio 4000 RTP/AVP 0\\r\\n'
  const mine = { contentType: 'application/sdp', body }
  const port = stack => stack.transports[0].local.port
  // over when both sides have told all that they tell
  const four = new Promise(resolve => {
    let lines = 0
    const { log } = console
    console.log = (...words) => {
      log(...words)
      if (++lines === 4) resolve()
    }
  })
`

/** The URI of a stack of the snippet's own, as code. */
function toPort(stack: string): string {
  return `'sip:bob@127.0.0.1:' + port(${stack})`
}

/** A snippet as a block of its own, on a port of the system's choice. */
function block(snippet: string, end: string): string {
  const code = snippet.replace(/^import .*\n/gm, '').replace(/127\.0\.0\.1:50[67]0'\)/, "127.0.0.1:0')")
  return `${code}\n${end}`
}

describe('docs/calls.md', () => {
  it('calls, answers and hangs up', async () => {
    const code = `${imports}
      let callee
      { ${block(answering, 'callee = stack')} }
      { ${block(calling.replace("'sip:bob@127.0.0.1:5060'", toPort('callee')), '')}
        await four
        await stack.close() }
      await callee.close()`
    const printed = (await run(code)).split('\n')
    expect(printed.slice(0, 2)).toEqual(['180', 'theirs 4000'])
    expect(printed.slice(2, 4).sort()).toEqual(['LocalBye 16', 'RemoteBye'])
  })

  it('has two legs', async () => {
    const code = `${imports}
      let callee, middle
      { ${block(answering, 'callee = stack')} }
      { const stack = new SipStack()
        await stack.listen('udp:127.0.0.1:0')
        const dum = new DialogUsageManager(stack, { profile: { aor: 'sip:b2bua@127.0.0.1' } })
        const target = \`sip:bob@127.0.0.1:\${port(callee)}\`
        ${legs}
        middle = stack }
      { ${block(calling.replace("'sip:bob@127.0.0.1:5060'", toPort('middle')), '')}
        await four
        await stack.close() }
      await middle.close()
      await callee.close()`
    const printed = (await run(code)).split('\n')
    expect(printed.slice(0, 2)).toEqual(['180', 'theirs 4000'])
    expect(printed.slice(2, 4).sort()).toEqual(['LocalBye 16', 'RemoteBye'])
  })
})
