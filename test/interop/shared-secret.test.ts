import { createServer } from 'node:tls'
import { afterAll, expect, it } from 'vitest'
import {
  method,
  Password,
  parseStun,
  StunFramer,
  StunMessage,
  StunWriter,
  Username,
} from '../../src/media/stun/index.ts'
import { TurnAsyncTlsSocket, TurnTlsSocket } from '../../src/media/turn/index.ts'
import { testCertificate, testKey } from '../net/certificate.ts'

/** A server of RFC 3489 §8.2, which coturn is not: gives a user name and a password to whoever asks over TLS. */
const server = createServer({ cert: testCertificate, key: testKey }, socket => {
  const framer = new StunFramer()
  socket.on('error', () => {})
  socket.on('data', bytes => {
    for (const frame of framer.push(bytes)) {
      const request = parseStun(frame)
      if (!(request instanceof StunMessage) || request.method !== method.SharedSecret) continue
      const response = StunWriter.responseTo(request, 'success')
      socket.write(response.add(Username, 'once').add(Password, 'only').finish())
    }
  })
})

afterAll(() => new Promise<void>(resolve => server.close(() => resolve())))

it('requestSharedSecret gets a user name and a password over TLS (RFC 3489 §9.3)', async () => {
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = address !== null && typeof address === 'object' ? address.port : 0
  const options = { host: '127.0.0.1', port, tls: { ca: testCertificate } }
  const socket = new TurnTlsSocket(options)
  await socket.connect()
  const { username, password } = await socket.requestSharedSecret()
  expect([username, password]).toEqual(['once', 'only'])
  socket.setUsernameAndPassword(username, password, 'short')
  await socket.close()

  const told = await new Promise<unknown[]>((resolve, reject) => {
    const other: TurnAsyncTlsSocket = new TurnAsyncTlsSocket(
      {
        onConnectSuccess: () => other.requestSharedSecret(),
        onConnectFailure: (_, error) => reject(error),
        onSharedSecretSuccess: (...values) => other.close().then(() => resolve(values)),
        onSharedSecretFailure: (_, error) => reject(error),
      },
      options,
    )
    other.connect()
  })
  expect(told.slice(1)).toEqual(['once', 'only'])
})
