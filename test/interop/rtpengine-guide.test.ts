import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { RtpEngineProcess } from './peers/rtpengine.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const guide = readFileSync(new URL('../../docs/rtpengine.md', import.meta.url), 'utf8')
const examples = [...guide.matchAll(/^```js\n(.*?)^```/gms)].map(([, code]) => code ?? '')

let engine: RtpEngineProcess

beforeAll(async () => {
  engine = await RtpEngineProcess.start({ address: '127.61.0.5' })
})

afterAll(async () => {
  await engine?.stop()
})

/** Runs a module as a user would, on the package as it was built. */
async function run(code: string): Promise<{ status: number | null; output: string }> {
  const child = spawn(process.execPath, ['--input-type=module'], {
    cwd: root,
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', chunk => {
      output += chunk
    })
  }
  child.stdin.end(code.replaceAll('127.0.0.1:22', `${engine.address}:22`))
  const [status] = await once(child, 'close')
  return { status, output }
}

/** What each example prints, in the guide's order. */
const PRINTED = [
  /there, \d+ ms away/,
  /RTP\/SAVP[\s\S]*alice 0\s+bob 0\s+\{ packets: 0, bytes: 0, errors: 0 \}/,
  /\[/,
  /Unknown call-id/,
  /on (udp|http):[\s\S]*failovers: 0/,
  /--dtmf-log-dest=127\.0\.0\.1:\d+/,
  /c1\.pcap 2026-01-01T12:00:00/,
]

describe('docs/rtpengine.md', () => {
  it('has the examples that are expected here', () => {
    expect(examples).toHaveLength(PRINTED.length)
  })

  it.each(PRINTED.map((printed, at) => [at + 1, printed] as const))(
    'example %i runs',
    async (number, printed) => {
      const { status, output } = await run(examples[number - 1] ?? '')
      expect(output).toMatch(printed)
      expect(status).toBe(0)
    },
  )
})
