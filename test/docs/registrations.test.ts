import { expect, it } from 'vitest'
import { run, snippetsOf } from './snippets.ts'

const [both = ''] = snippetsOf('docs/registrations.md')

it('docs/registrations.md has both sides in under 30 lines', async () => {
  expect(both.split('\n').length).toBeLessThan(30)
  // ports of the system's choice, and the build where it stands
  const code = both
    .replace("'resip/dum'", "'../src/dum/index.js'")
    .replace('udp:127.0.0.1:5060', 'udp:127.0.0.1:0')
    .replace('udp:127.0.0.1:5070', 'udp:127.0.0.1:0')
    .replace("'sip:alice@127.0.0.1:5060'", "'sip:alice@127.0.0.1:' + server.transports[0].local.port")
  expect(await run(code)).toMatch(/^sip:alice@127\.0\.0\.1:\d+ for 600 s, 1 known\n$/)
})
