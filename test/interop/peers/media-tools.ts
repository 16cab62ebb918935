import { type ChildProcess, spawn } from 'node:child_process'
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'

/** A UDP socket on loop-back. */
export async function loopback(port = 0): Promise<Socket> {
  const socket = createSocket('udp4')
  socket.bind(port, '127.0.0.1')
  await once(socket, 'listening')
  return socket
}

/** An even port that is free, and the odd one above it: for RTP and RTCP of a peer. */
export async function freePorts(): Promise<number> {
  for (;;) {
    const first = await loopback()
    const { port } = first.address()
    const second = port % 2 === 0 ? await loopback(port + 1).catch(() => undefined) : undefined
    first.close()
    second?.close()
    if (second !== undefined) return port
  }
}

/** A peer that writes raw audio to its standard output. */
export class AudioPeer {
  readonly #process: ChildProcess
  readonly #output: Buffer[] = []
  readonly ended: Promise<unknown>
  log = ''

  constructor(command: string, args: readonly string[]) {
    this.#process = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    this.#process.stdout?.on('data', (data: Buffer) => this.#output.push(data))
    this.#process.stderr?.on('data', (data: Buffer) => {
      this.log += data.toString()
    })
    this.ended = once(this.#process, 'close')
  }

  get running(): boolean {
    return this.#process.exitCode === null && this.#process.signalCode === null
  }

  get output(): Buffer {
    return Buffer.concat(this.#output)
  }

  async stop(): Promise<void> {
    if (this.running) this.#process.kill('SIGKILL')
    await this.ended
  }
}
