import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  parseStun,
  type StunAgent,
  type StunCompatibility,
  type StunMessage,
  stunLimits,
  type TransportAddress,
  type TurnCompatibility,
  type TurnRequestPorts,
  turnCreate,
  turnCreateRefresh,
  turnProcess,
  turnRefreshProcess,
} from '../../../src/media/stun/index.ts'
import { hex } from './hex.ts'

/** libnice's numbers. */
const agents: readonly StunCompatibility[] = ['RFC3489', 'RFC5389', 'MSICE2', 'OC2007']
const turns: readonly TurnCompatibility[] = ['DRAFT9', 'GOOGLE', 'MSN', 'OC2007', 'RFC5766']
const ports: readonly TurnRequestPorts[] = ['normal', 'even', 'even-and-reserve']

/** The same agent out of libnice's number, flag bits and software in hex. */
function agentOf(compatibility: number, flags: number, software: string): StunAgent {
  return {
    compatibility: at(agents, compatibility),
    shortTermCredentials: (flags & 1) !== 0,
    longTermCredentials: (flags & 2) !== 0,
    useFingerprint: (flags & 4) !== 0,
    addSoftware: (flags & 8) !== 0,
    noAlignedAttributes: (flags & 128) !== 0,
    ...(software === '-' ? {} : { software: Buffer.from(software, 'hex').toString() }),
  }
}

/** Our answer to a question of libnice-oracle.c, in the oracle's words. `answer` is its own, for the transaction id. */
export function ourAnswer(question: string, answer: string): string {
  const word = question.split(' ')
  const text = (i: number): string => word[i] ?? ''
  const number = (i: number): number => Number(word[i])
  const asks = text(0)
  if (asks === 'create' || asks === 'refresh') {
    const agent = agentOf(number(1), number(2), text(3))
    const id = hex(answer.slice(8, 40))
    const turn = at(turns, number(4))
    const tail = asks === 'create' ? 8 : 6
    const shared = {
      ...octetsAt('username', text(tail)),
      ...octetsAt('password', text(tail + 1)),
      ...(text(tail + 2) === '-' ? {} : { previousResponse: messageOf(text(tail + 2), agent) }),
    }
    const made =
      asks === 'create'
        ? turnCreate(agent, id, turn, {
            ...shared,
            requestPorts: at(ports, number(5)),
            bandwidth: number(6),
            lifetime: number(7),
          })
        : turnCreateRefresh(agent, id, turn, { ...shared, lifetime: number(5) })
    return Buffer.from(made).toString('hex')
  }
  const message = messageOf(text(4), agentOf(number(1), number(2), '-'))
  const turn = at(turns, number(3))
  if (asks === 'process') {
    const found = turnProcess(message, turn)
    const { relay, mapped, alternateServer, bandwidth, lifetime } = found
    const addresses = [relay, mapped, alternateServer].map(shown)
    return [found.verdict, ...addresses, bandwidth ?? '-', lifetime ?? '-'].join(' ')
  }
  const found = turnRefreshProcess(message, turn)
  return `${found.verdict} ${found.lifetime ?? '-'}`
}

/** Whether libnice's headers and a C compiler are here. */
export function libniceInstalled(): boolean {
  return (
    spawnSync('pkg-config', ['--exists', 'nice']).status === 0 && spawnSync('cc', ['--version']).status === 0
  )
}

/** libnice's answers, in order. */
export function askLibnice(questions: readonly string[]): string[] {
  const flags = execFileSync('pkg-config', ['--cflags', '--libs', 'nice'], { encoding: 'utf8' })
  const folder = mkdtempSync(join(tmpdir(), 'resip-libnice-'))
  try {
    const source = fileURLToPath(new URL('./libnice-oracle.c', import.meta.url))
    const program = join(folder, 'oracle')
    execFileSync('cc', [source, '-o', program, ...flags.trim().split(/\s+/)])
    const input = `${questions.join('\n')}\n`
    return execFileSync(program, { input, encoding: 'utf8', maxBuffer: 1 << 28 })
      .trim()
      .split('\n')
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function messageOf(octets: string, agent: StunAgent): StunMessage {
  const message = parseStun(hex(octets), { ...stunLimits, alignment: agent.noAlignedAttributes ? 1 : 4 })
  if (typeof message === 'string') throw new Error(message)
  return message
}

function octetsAt<K extends string>(key: K, text: string): Record<string, Uint8Array> {
  return text === '-' ? {} : { [key]: hex(text) }
}

function shown(address: TransportAddress | undefined): string {
  return address === undefined ? '-' : `${address.address}/${address.port}`
}

function at<T>(list: readonly T[], i: number): T {
  const found = list[i]
  if (found === undefined) throw new Error(`no number ${i}`)
  return found
}
