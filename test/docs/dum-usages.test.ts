import { expect, it } from 'vitest'
import { run, snippetsOf } from './snippets.ts'

/** What a page shows, on ports of its own, with `more` behind it; both stacks are closed after a while. */
function example(page: string, stacks: readonly [string, string], more: string): Promise<string> {
  const [code = ''] = snippetsOf(page)
  expect(code.split('\n').length).toBeLessThanOrEqual(30)
  const [server, client] = stacks
  const here = code
    .replaceAll("'resip/dum'", "'../src/dum/index.js'")
    .replaceAll("'resip/stack'", "'../src/stack/index.js'")
    .replace('udp:127.0.0.1:5071', 'udp:127.0.0.1:0')
    .replace("'udp:127.0.0.1:5070')", `'udp:127.0.0.1:0')\nconst port = ${server}.transports[0].local.port`)
    .replace(/'(sip:\w+@127\.0\.0\.1):5070'/g, (_, uri: string) => `\`${uri}:$\{port}\``)
  const soon = 'const soon = () => new Promise(resolve => setTimeout(resolve, 200))\nawait soon()'
  return run(`${here}\n${soon}\n${more}\nawait ${client}.close()\nawait ${server}.close()\n`)
}

it('docs/subscriptions.md: a mailbox is watched (RFC 3842)', async () => {
  const more = `
    for (const watcher of watchers) watcher.publish(stateOf(messageSummary, { waiting: true, counts: [], messages: [] }))
    await soon()
    subscription.end()
    await soon()`
  expect(await example('docs/subscriptions.md', ['mailbox', 'phone'], more)).toBe(
    'waiting: false\nwaiting: true\nover: timeout\n',
  )
})

it('docs/publications.md: published, changed, removed (RFC 3903)', async () => {
  const more = `
    publication.update(pidf('<closed/>'))
    await soon()
    publication.end()
    await soon()`
  const heard = await example('docs/publications.md', ['compositor', 'phone'], more)
  expect(heard.replace(/:\d+\n/, '\n')).toBe(
    'published for sip:alice@127.0.0.1\nheld\nchanged: <closed/>\nheld\nremoved\n',
  )
})

it('docs/messages-pager.md: a message and OPTIONS (RFC 3428, RFC 3261 §11)', async () => {
  const heard = await example('docs/messages-pager.md', ['theirs', 'ours'], '')
  expect(heard.split('\n').sort()).toEqual(['', '200 OK', 'bob reads: hello', 'delivered'])
})
