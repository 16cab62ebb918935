import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { SimulatedClock, seededRandom, stun, Timers, TurnAsyncUdpSocket, TurnClient } from 'resip/media'
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
    return [...indications(), ...(await echoed(relay))]
  } finally {
    relay.kill()
  }
}

const ROUNDS = 5
const INDICATIONS = 500_000
const server = { address: '192.0.2.1', port: 3478 }

/** What a packet costs that comes or goes without a channel, and in the same run with one; no socket. */
function indications(): Measurement[] {
  let received = 0
  let sent = 0
  let request: Uint8Array = PACKET
  const nobody = (): void => {}
  const client = new TurnClient(
    {
      server,
      timers: new Timers(new SimulatedClock()),
      random: seededRandom(1),
      transport: {
        reliable: false,
        send(bytes) {
          request = bytes
          sent++
        },
      },
    },
    {
      onAllocated: nobody,
      onAllocationFailure: nobody,
      onRefreshed: nobody,
      onRefreshFailure: nobody,
      onAllocationLost: nobody,
      onReleased: nobody,
      onChannelBound: nobody,
      onChannelFailure: nobody,
      onPermissionFailure: nobody,
      onData: data => {
        received += data.length
      },
      onIcmp: nobody,
      onConnectionAttempt: nobody,
      onServerChanged: nobody,
    },
  )
  const granted = (): void => {
    const message = stun.parseStun(request)
    if (!(message instanceof stun.StunMessage)) throw new Error(message)
    const response = stun.StunWriter.responseTo(message, 'success')
    if (message.method === stun.method.Allocate)
      response.add(stun.XorRelayedAddress, { ...server, port: 50_000 })
    client.receive(response.finish(), server.address, server.port)
  }
  client.allocate()
  granted()
  client.permit('203.0.113.9')
  granted()
  client.setActiveDestination({ address: '203.0.113.8', port: 7000 })
  granted()
  const indication = new stun.StunWriter(stun.method.Data, 'indication', new Uint8Array(12))
    .add(stun.XorPeerAddress, { address: '203.0.113.9', port: 7000 })
    .add(stun.Data, PACKET)
    .finish()
  const channel = Buffer.concat([Buffer.from([0x40, 0, 0, PACKET.length]), PACKET])
  const rows: [string, () => void][] = [
    [
      'a Data indication of 172 octets received',
      () => client.receive(indication, server.address, server.port),
    ],
    ['channel data of 172 octets received', () => client.receive(channel, server.address, server.port)],
    ['a Send indication of 172 octets sent', () => void client.sendTo(PACKET, '203.0.113.9', 7000)],
    ['channel data of 172 octets sent', () => void client.send(PACKET)],
  ]
  const before = { received, sent }
  const measured = rows.map(([name, work]) => nanoseconds(name, work))
  const packets = (ROUNDS + 1) * INDICATIONS * 2
  if (received - before.received !== packets * PACKET.length || sent - before.sent !== packets) {
    throw new Error('not every packet went through')
  }
  return measured
}

/** The median of some rounds, after one to warm up. */
function nanoseconds(name: string, work: () => void): Measurement {
  const times: number[] = []
  for (let round = 0; round <= ROUNDS; round++) {
    const begin = performance.now()
    for (let i = 0; i < INDICATIONS; i++) work()
    if (round > 0) times.push(((performance.now() - begin) * 1e6) / INDICATIONS)
  }
  times.sort((a, b) => a - b)
  return { bench: 'turn', case: name, value: Math.round(times[ROUNDS >> 1] ?? 0), unit: 'ns' }
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
