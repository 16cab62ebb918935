import { setTimeout as after } from 'node:timers/promises'
import { RtpEngineClient } from 'resip/media'
import { parseSdp } from 'resip/sdp'
import { Child } from '../../test/peers/child.ts'
import { installed } from '../../test/peers/installed.ts'
import { freePort } from '../../test/peers/ports.ts'
import { type Relay, SUITE } from '../relay/load.ts'

const address = '127.0.0.1'
const MOST_TRIES = 100

/**
 * rtpengine without its kernel module, with a call for each two of `sinks`, which are what the legs send from; with `keys`,
 * what callees protect with, it translates between RTP and SRTP. Throws one sentence where the program is missing and cannot be installed, or does not start.
 */
export async function startRtpEngine(sinks: readonly number[], keys?: readonly Buffer[]): Promise<Relay> {
  installed('rtpengine', 'rtpengine-daemon')
  const control = await freePort(address)
  const engine = await Child.start('rtpengine', [
    ...['--config-file=none', '--foreground', '--log-stderr', '--log-level=2', '--table=-1'],
    ...[`--interface=${address}`, `--listen-ng=${address}:${control}`, '--num-threads=2'],
    ...['--port-min=35000', '--port-max=39999', '--timeout=60'],
  ])
  const client = new RtpEngineClient(`udp://${address}:${control}`)
  try {
    await answering(client)
    const ports: number[] = []
    const own: Buffer[] = []
    for (let leg = 0; leg + 1 < sinks.length; leg += 2) {
      const [caller, callee] = [`caller-${leg}`, `callee-${leg}`]
      const call = `call-${leg}`
      const key = keys?.[leg / 2]
      const toCallee = await client.offer(sdp(sinks[leg]), call, caller, {
        ...(key && { transportProtocol: 'RTP/SAVP', dtls: false }),
      })
      const crypto = key && cryptoOf(toCallee.sdp)
      if (crypto !== undefined) own.push(crypto.key)
      const answer = crypto === undefined ? sdp(sinks[leg + 1]) : securedSdp(sinks[leg + 1], crypto.tag, key)
      const toCaller = await client.answer(answer, call, caller, callee)
      // what each is told to send to
      ports.push(portOf(toCaller.sdp), portOf(toCallee.sdp))
    }
    return { pid: engine.pid, ports, keys: own, stop: () => engine.stop() }
  } catch (error) {
    await engine.stop()
    throw new Error(`rtpengine did not start: ${engine.complaint.slice(-200)}`, { cause: error })
  } finally {
    await client.close()
  }
}

/** Resolves once the engine's port is open, which takes a loaded machine a while. */
async function answering(client: RtpEngineClient): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      await client.ping()
      return
    } catch (error) {
      if (tries === MOST_TRIES) throw error
      await after(50)
    }
  }
}

function sdp(port: number | undefined): string {
  const lines = ['v=0', `o=- 1 1 IN IP4 ${address}`, 's=-', `c=IN IP4 ${address}`, 't=0 0']
  return `${[...lines, `m=audio ${port} RTP/AVP 0`].join('\r\n')}\r\n`
}

function portOf(description: string): number {
  return parseSdp(description).media[0]?.port ?? 0
}

function securedSdp(port: number | undefined, tag: string, key: Buffer | undefined): string {
  const crypto = `a=crypto:${tag} ${SUITE} inline:${key?.toString('base64')}\r\n`
  return sdp(port).replace('RTP/AVP', 'RTP/SAVP') + crypto
}

/** Its crypto line of our suite (RFC 4568 §9.1). */
function cryptoOf(description: string): { readonly tag: string; readonly key: Buffer } {
  const found = new RegExp(`a=crypto:(\\d+) ${SUITE} inline:([A-Za-z0-9+/=]+)`).exec(description)
  if (found === null) throw new Error(`rtpengine offers no ${SUITE}`)
  return { tag: found[1] ?? '', key: Buffer.from(found[2] ?? '', 'base64') }
}
