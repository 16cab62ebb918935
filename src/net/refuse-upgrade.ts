import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'

/** Answers a request with a status and a sentence, and closes. `headers` are whole lines. */
export function refuseUpgrade(socket: Socket, status: number, sentence: string, headers: string): void {
  if (!socket.writable) {
    socket.destroy()
    return
  }
  const body = `${sentence}\n`
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Refused'}\r\nConnection: close\r\nContent-Type: text/plain\r\n` +
      `Content-Length: ${body.length}\r\n${headers}\r\n${body}`,
  )
  socket.destroySoon()
}
