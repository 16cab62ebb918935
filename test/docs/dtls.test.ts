import { expect, it } from 'vitest'
import { run, snippetsOf } from './snippets.ts'

const [onStream = '', alone = ''] = snippetsOf('docs/dtls.md')

it('docs/dtls.md: a stream of each role, through the exports of the package', async () => {
  const given = `
    const theirFingerprint = 'sha-256 ${'AB:'.repeat(31)}AB'
    const theirSetup = 'passive'
    const theirAddress = '127.0.0.1'
    const theirPort = 9
  `
  const code = onStream.replace("'192.0.2.10'", "'127.0.0.1'")
  const after =
    'console.log(hash, value.length, stream.rtpFlow.remoteSDPFingerprint.hash)\nawait stream.close()'
  expect(await run(`${given}\n${code}\n${after}`)).toBe('sha-256 95 sha-256\n')
})

it('docs/dtls.md: an endpoint alone', async () => {
  const given = `
    const sent = []
    const socket = { send: (datagram, port, address) => sent.push(datagram[0], port, address) }
    const fingerprints = [{ hash: 'sha-256', value: '${'AB:'.repeat(31)}AB' }]
  `
  const after = 'endpoint.close()\ntimers.close()\nconsole.log(sent.join(), endpoint.state)'
  expect(await run(`${given}\n${alone}\n${after}`)).toBe('22,30000,192.0.2.20 closed\n')
})
