import { describe, expect, it } from 'vitest'
import {
  type BindSocket,
  MediaSocket,
  type MediaSocketUser,
  Remotes,
  type ServerClient,
} from '../../../src/media/socket/index.ts'
import type { DatagramReceiver } from '../../../src/net/udp.ts'
import type { Remote } from '../../../src/util/address.ts'
import { EnvironmentError } from '../../../src/util/errors.ts'

const server = { address: '192.0.2.1', port: 3478 }
const phone = { address: '192.0.2.7', port: 40_000 }
const rtp = Buffer.from([0x80, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7])
const stun = Buffer.from([1, 1, 0, 0])

async function opened() {
  let receiver: DatagramReceiver | undefined
  let free: () => void = () => {}
  const sent: string[] = []
  const bind: BindSocket = async (address, port, to) => {
    receiver = to
    return {
      local: { address, port },
      receiveBufferSize: 4242,
      send: (bytes, toPort, toAddress) => sent.push(`${bytes.length} to ${toAddress}:${toPort}`),
      close: () => new Promise(resolve => (free = resolve)),
    }
  }
  const log: string[] = []
  const socket = await MediaSocket.bind(bind, '192.0.2.5', 30_000, () => log.push('free'))
  const remotes = new Remotes()
  const froms: Remote[] = []
  const user: MediaSocketUser = {
    remotes,
    onPacket(kind, _, from, base) {
      froms.push(from)
      log.push(`user ${kind} ${base.local.port}`)
    },
    onSendError: (error, to) => log.push(`user ${error.code} ${to?.port}`),
  }
  const arrive = (bytes: Buffer, from: Remote): void => receiver?.onDatagram(bytes, from.address, from.port)
  const fail = (code: string, to?: Remote): void =>
    receiver?.onSocketError(new EnvironmentError(code, code), to && { ...to, family: 4 })
  return { socket, user, remotes, froms, log, sent, arrive, fail, free: () => free() }
}

describe('a media socket', () => {
  it('shows what comes from a server to its client first, and the rest to its user', async () => {
    const { socket, user, log, arrive } = await opened()
    arrive(rtp, phone)
    expect(socket.unclaimed).toBe(1)
    socket.user = user
    const client: ServerClient = {
      server,
      receive(kind) {
        log.push(`client ${kind}`)
        return kind === 'stun'
      },
      onSendError() {},
    }
    expect([socket.serve(client), socket.serve(client)]).toEqual([true, true])
    arrive(stun, server)
    arrive(rtp, server)
    arrive(stun, phone)
    // another port of the server's host is not the server
    arrive(stun, { ...server, port: 1 })
    socket.dismiss(client)
    arrive(stun, server)
    expect(log).toEqual([
      ...['client stun', 'client rtp', 'user rtp 30000', 'user stun 30000', 'user stun 30000'],
      'user stun 30000',
    ])
  })

  it('serves a bounded number of clients', async () => {
    const { socket } = await opened()
    const clients = Array.from({ length: 9 }, (_, i) => ({
      server: { ...server, port: i + 1 },
      receive: () => true,
      onSendError() {},
    }))
    expect(clients.map(client => socket.serve(client))).toEqual([...Array(8).fill(true), false])
  })

  it('tells a send that failed to the client of that server, and to the user', async () => {
    const { socket, user, log, fail } = await opened()
    socket.user = user
    socket.serve({ server, receive: () => true, onSendError: ({ code }) => log.push(`client ${code}`) })
    fail('EHOSTUNREACH', server)
    fail('EHOSTUNREACH', phone)
    fail('EBADF')
    expect(log).toEqual([
      ...['client EHOSTUNREACH', 'user EHOSTUNREACH 3478', 'user EHOSTUNREACH 40000'],
      ...['client EBADF', 'user EBADF undefined'],
    ])
  })

  it('is closed when its port is free, however often it is asked, and silent from the first call on', async () => {
    const { socket, user, log, sent, arrive, fail, free } = await opened()
    socket.user = user
    expect([socket.send(rtp, phone), socket.receiveBufferSize]).toEqual([true, 4242])
    const settled: number[] = []
    const closings = [1, 2].map(n => socket.close().then(() => settled.push(n)))
    arrive(rtp, phone)
    fail('EBADF')
    expect([socket.send(rtp, phone), socket.receiveBufferSize]).toEqual([false, 0])
    await Promise.resolve()
    expect([settled, log]).toEqual([[], []])
    free()
    await Promise.all(closings)
    expect([settled, log, sent]).toEqual([[1, 2], ['free'], ['12 to 192.0.2.7:40000']])
  })
})

describe('remotes', () => {
  it('are one object a kept peer, found by port, then address; none is kept of a stranger', () => {
    const remotes = new Remotes()
    const kept = remotes.keep(phone)
    expect(remotes.find('192.0.2.7', 40_000)).toBe(kept)
    expect(remotes.keep({ ...phone })).toBe(kept)
    const neighbour = remotes.keep({ address: '192.0.2.8', port: 40_000 })
    expect(remotes.find('192.0.2.8', 40_000)).toBe(neighbour)
    for (let port = 1; port < 10_000; port++) {
      expect(remotes.find('203.0.113.9', port)).toEqual({ address: '203.0.113.9', port })
    }
    expect(remotes.size).toBe(2)
    for (let uses = 2; uses > 0; uses--) {
      expect(remotes.find('192.0.2.7', 40_000)).toBe(kept)
      remotes.release(phone)
    }
    expect(remotes.find('192.0.2.7', 40_000)).not.toBe(kept)
    remotes.release(phone)
    remotes.release(neighbour)
    expect(remotes.size).toBe(0)
  })

  it('come to the user as such', async () => {
    const { socket, user, remotes, froms, arrive } = await opened()
    socket.user = user
    const kept = remotes.keep(phone)
    for (const from of [phone, phone, server]) arrive(rtp, { ...from })
    expect([froms[0] === kept, froms[1] === kept, froms[2]]).toEqual([true, true, server])
  })
})
