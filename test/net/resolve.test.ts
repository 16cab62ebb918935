import { describe, expect, it } from 'vitest'
import { resolveHost } from '../../src/net/resolve.ts'
import { EnvironmentError } from '../../src/util/errors.ts'

describe('resolveHost', () => {
  it('takes a numeric host for its own answer', async () => {
    expect(await resolveHost('192.0.2.1')).toEqual([{ address: '192.0.2.1', family: 4 }])
    expect(await resolveHost('[2001:DB8:0::1]')).toEqual([{ address: '2001:db8::1', family: 6 }])
    await expect(resolveHost('192.0.2.1', 6)).rejects.toMatchObject({ code: 'ENOTFOUND' })
  })

  it('asks the system for a name', async () => {
    expect(await resolveHost('localhost', 4)).toContainEqual({ address: '127.0.0.1', family: 4 })
  })

  it.each(['name.invalid', 'a..b', '', 'a\0.example', 'x'.repeat(255), 'a\r\nb'])(
    'tells by a typed error that %j is not known',
    async host => {
      const failure = await resolveHost(host).catch(error => error)
      expect(failure).toBeInstanceOf(EnvironmentError)
      expect(failure.code).toMatch(/^E(NOTFOUND|AI_AGAIN)$/)
      expect(failure.message).toMatch(/^no address is known for '[ -~…]*': /)
    },
  )
})
