import { connect as connectTcp, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'

/** Where a load goes; over TLS where there is an authority to check the server by. */
export interface Server {
  readonly port: number
  readonly ca?: string
}

const address = '127.0.0.1'

/** A socket that is up. */
export function connected({ port, ca }: Server): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket =
      ca === undefined
        ? connectTcp(port, address)
        : connectTls({ host: address, port, ca, minVersion: 'TLSv1.2' })
    socket.once('error', reject)
    socket.once(ca === undefined ? 'connect' : 'secureConnect', () => {
      socket.removeListener('error', reject)
      socket.on('error', () => {})
      resolve(socket)
    })
  })
}

/** Connects `count` times, some at a time, and closes each at once: full hand-shakes, for no session is resumed. */
export async function shakeHands(server: Server, count: number): Promise<void> {
  await sideBySide(AT_A_TIME, count, async () => {
    const socket = await connected(server)
    await new Promise(resolve => socket.once('close', resolve).destroy())
  })
}

const AT_A_TIME = 8

/** `count` connections that have each had an OPTIONS answered, and stay. */
export async function idleConnections(server: Server, count: number): Promise<Socket[]> {
  const sockets: Socket[] = []
  await sideBySide(AT_A_TIME, count, async () => {
    const socket = await connected(server)
    sockets.push(socket)
    await askOptions(socket, 1)
  })
  return sockets
}

/** Requests that wait for their answers at a time. */
const WINDOW = 50
const ANSWER = 'SIP/2.0 200'

/** Asks `count` OPTIONS over one connection; resolves when all are answered with 200, rejects where it is closed. */
export function askOptions(socket: Socket, count: number): Promise<void> {
  return new Promise((resolve, reject) => {
    let sent = 0
    let answered = 0
    let rest = ''
    const onClose = (): void => reject(new Error(`closed after ${answered} answers`))
    const onData = (bytes: Buffer): void => {
      const text = rest + bytes.latin1Slice()
      let from = 0
      for (let at = text.indexOf(ANSWER); at >= 0; at = text.indexOf(ANSWER, at + 1)) {
        answered++
        from = at + ANSWER.length
      }
      rest = text.slice(Math.max(from, text.length - ANSWER.length + 1))
      if (answered >= count) {
        socket.removeListener('data', onData)
        socket.removeListener('close', onClose)
        resolve()
      } else fill()
    }
    const fill = (): void => {
      let out = ''
      for (; sent < count && sent - answered < WINDOW; sent++) out += optionsText()
      if (out !== '') socket.write(out, 'latin1')
    }
    socket.on('data', onData)
    socket.once('close', onClose)
    fill()
  })
}

let asked = 0

/** A request that is no other's again. */
export function optionsText(): string {
  const number = ++asked
  const branch = `z9hG4bKbench${number}`
  return (
    `OPTIONS sip:${address} SIP/2.0\r\nVia: SIP/2.0/TCP ${address}:5099;branch=${branch}\r\nMax-Forwards: 70\r\n` +
    `From: <sip:load@example.com>;tag=load\r\nTo: <sip:bench@example.com>\r\nCall-ID: ${branch}@example.com\r\n` +
    `CSeq: ${number} OPTIONS\r\nContact: <sip:load@${address}:5099>\r\nContent-Length: 0\r\n\r\n`
  )
}

async function sideBySide(width: number, count: number, work: () => Promise<void>): Promise<void> {
  let left = count
  const worker = async (): Promise<void> => {
    while (left-- > 0) await work()
  }
  await Promise.all(Array.from({ length: width }, worker))
}
