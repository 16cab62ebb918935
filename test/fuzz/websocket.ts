import { Socket } from 'node:net'
import { Upgrades } from '../../src/net/websocket-listener.ts'
import { EnvironmentError } from '../../src/util/errors.ts'
import { seededRandom, Tokens } from '../../src/util/random.ts'
import { frame, upgradeRequest } from '../net/websocket-peer.ts'

/** What a run saw, to show that the mutations reach both sides of the checks. */
export interface WebSocketFuzzReport {
  readonly connections: number
  readonly refused: number
  readonly messages: number
  readonly pings: number
  readonly broken: number
}

/** Octets of input for one connection, in the mean: many connections of few frames find more than the other way round. */
const INPUTS = 20
const AT_ONCE = 64
const MOST = 2_000

/** A socket that is fed by hand, and swallows what is written. */
class MemorySocket extends Socket {
  override _read(): void {}

  override _write(_chunk: unknown, _encoding: string, done: (error?: Error | null) => void): void {
    done()
  }

  override _writev(_chunks: unknown, done: (error?: Error | null) => void): void {
    done()
  }

  override _final(done: (error?: Error | null) => void): void {
    done()
  }
}

/**
 * Feeds `count` mutated upgrade requests and frames, several to a connection, to a server. Rejects where it throws, where
 * a connection ends with another error than ours, or is told of after its end.
 */
export async function fuzzWebSocket(count: number, seed: number): Promise<WebSocketFuzzReport> {
  const dice = new Tokens(seededRandom(seed))
  const report = { connections: 0, refused: 0, messages: 0, pings: 0, broken: 0 }
  const ended = new Set<number>()
  const living = (id: number): void => {
    if (ended.has(id)) throw new Error(`connection ${id} is told of after its end`)
  }
  const upgrades = new Upgrades(
    'ws',
    {
      subprotocol: 'sip',
      maxMessageBytes: MOST,
      maxBufferedBytes: 65_536,
      handshakeTimeout: 60_000,
      maxHandshakes: 2 * AT_ONCE,
      maxHeaderBytes: 2_048,
      onRefused: () => report.refused++,
      onCheckFailed(error) {
        throw error
      },
    },
    {
      onConnected: ({ id }) => living(id),
      onListenerError(error) {
        throw error
      },
      onBytes({ id }, bytes) {
        living(id)
        if (bytes.length > MOST) throw new Error(`${bytes.length} octets, above the limit`)
        report.messages++
      },
      onPing(connection, payload) {
        living(connection.id)
        report.pings++
        connection.pong?.(payload)
      },
      onClosed({ id }, error) {
        living(id)
        ended.add(id)
        if (error === undefined) return
        if (!(error instanceof EnvironmentError)) throw error
        report.broken++
      },
    },
  )
  for (let inputs = 0; inputs < count; ) {
    const sockets: MemorySocket[] = []
    for (let at = 0; at < AT_ONCE && inputs < count; at++) {
      const socket = new MemorySocket()
      sockets.push(socket)
      report.connections++
      upgrades.begin(socket, { address: '192.0.2.1', port: 4000 + at, family: 4 })
      inputs += feed(socket, dice, Math.min(INPUTS, count - inputs))
    }
    await turn()
    await turn()
    for (const socket of sockets) socket.destroy()
    await turn()
    ended.clear()
  }
  return report
}

function turn(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve))
}

/** An upgrade request and frames behind it, one in four mutated, cut anywhere; answers how many. */
function feed(socket: MemorySocket, dice: Tokens, inputs: number): number {
  const parts: Buffer[] = [
    Buffer.from(upgradeRequest({ path: '/', extra: dice.below(2) === 0 ? '' : 'Origin: a\r\n' })),
  ]
  for (let i = 1; i < inputs; i++) parts.push(anyFrame(dice))
  const bytes = Buffer.concat(parts.map(part => (dice.below(4) === 0 ? mutated(part, dice) : part)))
  for (let at = 0; at < bytes.length; ) {
    const end = at + 1 + dice.below(300)
    socket.push(bytes.subarray(at, end))
    at = end
  }
  if (dice.below(4) === 0) socket.push(null)
  return Math.max(1, inputs)
}

const opcodes = [0, 1, 1, 1, 2, 2, 8, 9, 10, 3]

function anyFrame(dice: Tokens): Buffer {
  const payload = Buffer.alloc(dice.below(dice.below(8) === 0 ? MOST : 130), 'SIP/2.0 ')
  return frame(payload, {
    opcode: opcodes[dice.below(opcodes.length)] ?? 1,
    final: dice.below(4) !== 0,
    masked: dice.below(32) !== 0,
  })
}

/** One to four octets changed, taken out or put in. */
function mutated(bytes: Buffer, dice: Tokens): Buffer {
  let out: Buffer = Buffer.from(bytes)
  for (let changes = 1 + dice.below(4); changes > 0; changes--) {
    const at = dice.below(out.length + 1)
    const kind = dice.below(3)
    if (kind === 0 && at < out.length) out[at] = dice.byte()
    else if (kind === 1) out = Buffer.concat([out.subarray(0, at), out.subarray(at + 1)])
    else out = Buffer.concat([out.subarray(0, at), Buffer.from([dice.byte()]), out.subarray(at)])
  }
  return out
}
