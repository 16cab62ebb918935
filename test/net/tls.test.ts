import { createServer, type Server } from 'node:tls'
import { afterEach, describe, expect, it } from 'vitest'
import type { StreamConnection } from '../../src/net/stream.ts'
import { connectTls, type TlsConnectOptions } from '../../src/net/tls.ts'
import { UsageError } from '../../src/util/errors.ts'
import { testCertificate, testKey } from './certificate.ts'

const servers: Server[] = []

afterEach(() => {
  for (const server of servers.splice(0)) server.close()
})

/** A TLS server that sends back what it gets. */
function listening(): Promise<number> {
  return new Promise(resolve => {
    const server = createServer({ cert: testCertificate, key: testKey }, socket => {
      socket.on('error', () => {})
      socket.pipe(socket)
    })
    // a client that refuses the certificate is its own affair
    server.on('tlsClientError', () => {})
    servers.push(server)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      resolve(address !== null && typeof address === 'object' ? address.port : 0)
    })
  })
}

/** Connects, sends a word at once and closes when it is back; what happened, in order. */
function told(options: Omit<TlsConnectOptions, 'address'>): Promise<string[]> {
  const log: string[] = []
  return new Promise(resolve => {
    const connection: StreamConnection = connectTls(
      { address: '127.0.0.1', ...options },
      {
        onConnected: ({ local }) => log.push(`connected from ${local?.address}`),
        onBytes(_, bytes) {
          log.push(bytes.toString())
          connection.end()
        },
        onClosed(_, error) {
          log.push(error?.code ?? 'closed')
          resolve(log)
        },
      },
    )
    connection.write('hello')
  })
}

describe('a TLS connection', () => {
  it('is up when the certificate has been checked; what was written before is sent then', async () => {
    const port = await listening()
    const connected = ['connected from 127.0.0.1', 'hello', 'closed']
    expect(await told({ port, ca: testCertificate })).toEqual(connected)
    expect(await told({ port, ca: [testCertificate], serverName: 'turn.test' })).toEqual(connected)
    expect(await told({ port, rejectUnauthorized: false })).toEqual(connected)
  })

  it('does not come up with an unknown authority, a wrong name, or nobody there', async () => {
    const port = await listening()
    expect(await told({ port })).toEqual(['DEPTH_ZERO_SELF_SIGNED_CERT'])
    const wrong = await told({ port, ca: testCertificate, serverName: 'other.test' })
    expect(wrong).toEqual(['ERR_TLS_CERT_ALTNAME_INVALID'])
    for (const server of servers.splice(0)) server.close()
    expect(await told({ port })).toEqual(['ECONNREFUSED'])
  })

  it('takes numeric addresses only', () => {
    const nobody = { onConnected() {}, onBytes() {}, onClosed() {} }
    expect(() => connectTls({ address: 'turn.test', port: 1 }, nobody)).toThrow(UsageError)
  })
})
