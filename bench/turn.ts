import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { TurnAsyncUdpSocket } from 'resip/media'
import type { Measurement } from './measurement.ts'

const SECONDS = 3
const WARM_UP_SECONDS = 1
/** Packets under way: few enough for any receive buffer. */
const WINDOW = 64
const PACKET = Buffer.alloc(172, 0x80)
/** Nothing came for this long, in milliseconds: the window is taken as lost. */
const STALL = 200

/** Channel data to a relay on loopback and back; our side's CPU, the relay is a process of its own. */
export async function turn(): Promise<Measurement[]> {
  const relay = fork(fileURLToPath(new URL(`./relay/turn-echo${import.meta.url.slice(-3)}`, import.meta.url)))
  try {
    return await echoed(relay)
  } finally {
    relay.kill()
  }
}

async function echoed(relay: ChildProcess): Promise<Measurement[]> {
  const port = await new Promise<number>((resolve, reject) => {
    relay.once('message', (bound: number) => resolve(bound))
    relay.once('exit', code => reject(new Error(`the relay ended with ${code}`)))
  })
  const counted = { sent: 0, received: 0 }
  let sending = true
  const send = (count: number): void => {
    for (let i = 0; sending && i < count; i++) {
      counted.sent++
      socket.send(PACKET)
    }
  }
  const socket = await new Promise<TurnAsyncUdpSocket>((resolve, reject) => {
    const opening: TurnAsyncUdpSocket = new TurnAsyncUdpSocket(
      {
        onConnectSuccess: () => opening.createAllocation(),
        onConnectFailure: (_, error) => reject(error),
        onAllocationSuccess: () => opening.setActiveDestination('127.0.0.1', 9),
        onAllocationFailure: (_, error) => reject(error),
        onSetActiveDestinationSuccess: () => resolve(opening),
        onSetActiveDestinationFailure: (_, error) => reject(error),
        onReceiveSuccess() {
          counted.received++
          send(1)
        },
      },
      { host: '127.0.0.1', port },
    )
    opening.connect()
  })
  send(WINDOW)
  await pause(WARM_UP_SECONDS * 1000)
  const begin = { ...counted, cpu: process.cpuUsage(), at: performance.now() }
  await pause(SECONDS * 1000)
  const cpu = process.cpuUsage(begin.cpu)
  const packets = counted.received - begin.received
  const seconds = (performance.now() - begin.at) / 1000
  sending = false
  await pause(STALL)
  await socket.close()
  const name = 'channel data of 172 octets, there and back over UDP'
  return [
    { bench: 'turn', case: name, value: Math.round(packets / seconds), unit: 'packets/s' },
    {
      bench: 'turn',
      case: `${name}, our side`,
      value: Math.round((packets * 1e6) / (cpu.user + cpu.system)),
      unit: 'packets/CPU s',
      note: 'one sent and one received',
    },
    {
      bench: 'turn',
      case: `${name}: loss`,
      value: counted.sent - counted.received,
      unit: 'packets',
      note: `of ${counted.sent}`,
    },
  ]
}

function pause(milliseconds: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, milliseconds))
}
