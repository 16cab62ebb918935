import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { expect, test, vi } from 'vitest'
import { runProgram } from '../../apps/resip/program.ts'

test('resip ping shows what the peer sent without letting it write to the terminal', async () => {
  const peer = createSocket('udp4')
  peer.on('message', (bytes, { address, port }) => {
    const lines = bytes.latin1Slice().split('\r\n')
    const copied = lines.filter(line => /^(Via|From|To|Call-ID|CSeq):/.test(line)).join('\r\n')
    peer.send(
      Buffer.from(
        `SIP/2.0 200 O\x1b[2JK\r\n${copied}\r\nServer: a\x1b]0;mine\x07\r\nl: 3\r\n\r\n\x9b\n\x1b`,
        'latin1',
      ),
      port,
      address,
    )
  })
  peer.bind(0, '127.0.0.1')
  await once(peer, 'listening')
  let shown = ''
  const write = vi.spyOn(process.stdout, 'write').mockImplementation(text => {
    shown += String(text)
    return true
  })
  try {
    expect(await runProgram(['ping', `sip:127.0.0.1:${peer.address().port}`])).toBe(0)
  } finally {
    write.mockRestore()
    peer.close()
  }
  expect(shown).toMatch(/^200 O\\x1b\[2JK in \d+ ms\n/)
  expect(shown).toContain('Server: a\\x1b]0;mine\\x07\n')
  expect(shown).toMatch(/^[ -~\n]*$/)
})
