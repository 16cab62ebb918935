import type { Socket } from 'node:net'
import { frame, upgradeRequest } from '../../test/net/websocket-peer.ts'
import { connected, optionsText, type Server } from './load.ts'

const WINDOW = 50
const ANSWER = 'SIP/2.0 200'

/** A socket that has become a WebSocket. */
export async function upgraded(server: Server): Promise<Socket> {
  const socket = await connected(server)
  socket.write(upgradeRequest())
  await told(socket, '\r\n\r\n', 1, () => '')
  return socket
}

/** Asks `count` OPTIONS, a message each; resolves when all are answered. */
export function askOverWebSocket(socket: Socket, count: number): Promise<void> {
  let sent = 0
  return told(socket, ANSWER, count, answered => {
    let out = ''
    for (; sent < count && sent - answered < WINDOW; sent++)
      out += frame(optionsText().replace('SIP/2.0/TCP', 'SIP/2.0/WS')).latin1Slice()
    return out
  })
}

/** Resolves when `word` was heard so many times; `more` is written whenever something was. */
function told(socket: Socket, word: string, count: number, more: (heard: number) => string): Promise<void> {
  return new Promise((resolve, reject) => {
    let heard = 0
    let rest = ''
    const onClose = (): void => reject(new Error(`closed after ${heard} answers`))
    const onData = (bytes: Buffer): void => {
      const text = rest + bytes.latin1Slice()
      let from = 0
      for (let at = text.indexOf(word); at >= 0; at = text.indexOf(word, at + 1)) {
        heard++
        from = at + word.length
      }
      rest = text.slice(Math.max(from, text.length - word.length + 1))
      if (heard < count) {
        write()
        return
      }
      socket.removeListener('data', onData)
      socket.removeListener('close', onClose)
      resolve()
    }
    const write = (): void => {
      const out = more(heard)
      if (out !== '') socket.write(out, 'latin1')
    }
    socket.on('data', onData)
    socket.once('close', onClose)
    write()
  })
}
