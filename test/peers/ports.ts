import { createSocket } from 'node:dgram'
import { createServer } from 'node:net'

let next = 20_000 + (process.pid % 20_000)

/** A port that is free at an address over UDP and over TCP, below the range that systems give away by themselves. */
export async function freePort(address: string): Promise<number> {
  for (let tries = 0; tries < 1000; tries++) {
    const port = next++
    if ((await isFreeUdp(address, port)) && (await isFreeTcp(address, port))) return port
  }
  throw new Error(`no free port at ${address}`)
}

function isFreeUdp(address: string, port: number): Promise<boolean> {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4')
  return new Promise(resolve => {
    socket.once('error', () => {
      socket.close()
      resolve(false)
    })
    socket.bind({ address, port, exclusive: true }, () => socket.close(() => resolve(true)))
  })
}

function isFreeTcp(host: string, port: number): Promise<boolean> {
  const server = createServer()
  return new Promise(resolve => {
    server.once('error', () => resolve(false))
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(true)))
  })
}
