import { fork } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import type { Relay } from './load.ts'

/** Our flows as a relay, in a process of their own; with keys the second leg of each call is SRTP. */
export async function startFlows(sinks: readonly number[], keys?: readonly Buffer[]): Promise<Relay> {
  const script = fileURLToPath(new URL(`./process${import.meta.url.slice(-3)}`, import.meta.url))
  const relay = fork(script)
  const own = keys?.map(() => randomBytes(30))
  const setup = keys?.map((key, call) => ({
    inbound: key.toString('base64'),
    outbound: own?.[call]?.toString('base64') ?? '',
  }))
  const ports = await new Promise<number[]>((resolve, reject) => {
    relay.once('message', (told: number[]) => resolve(told))
    relay.once('exit', code => reject(new Error(`the relay ended with ${code}`)))
    relay.send({ calls: sinks.length / 2, sinks, ...(setup && { keys: setup }) })
  })
  return {
    pid: relay.pid ?? -1,
    ports,
    ...(own && { keys: own }),
    async stop() {
      relay.kill()
    },
  }
}
