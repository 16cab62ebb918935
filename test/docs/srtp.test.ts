import { expect, it } from 'vitest'
import { run, snippetsOf } from './snippets.ts'

const [onStream = '', alone = ''] = snippetsOf('docs/srtp.md')

it('docs/srtp.md: keys make a stream a secured one, through the exports of the package', async () => {
  const keys = 'const ourKeySalt = Buffer.alloc(30, 1)\nconst theirKeySalt = Buffer.alloc(30, 2)\n'
  const code = onStream.replace("'192.0.2.10'", "'127.0.0.1'")
  expect(await run(`${keys}${code}\nawait stream.close()`)).toBe(
    'rtp AES_CM_128_HMAC_SHA1_80\nrtcp AES_CM_128_HMAC_SHA1_80\n',
  )
})

it('docs/srtp.md: contexts alone', async () => {
  const given =
    'const keySalt = Buffer.alloc(28, 1)\nconst length = 172\nconst bytes = Buffer.alloc(200)\nbytes[0] = 0x80\n'
  const again = 'bytes[20] ^= 1\nconsole.log(result, srtpFault(inbound.unprotect(bytes, 0, end)))'
  expect(await run(`${given}${alone}\n${again}`)).toBe('172 replayed\n')
})
