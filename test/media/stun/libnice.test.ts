import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import {
  checkIntegrity,
  longTermKey,
  Nonce,
  nodeHash,
  parseStun,
  Realm,
  StunWriter,
  turnCreate,
} from '../../../src/media/stun/index.ts'
import { askLibnice, libniceInstalled, ourAnswer } from './libnice.ts'
import { questions } from './libnice-questions.ts'

const recorded: unknown = JSON.parse(
  readFileSync(new URL('./data/libnice-0.1.21.json', import.meta.url), 'utf8'),
)

describe('STUN TURN usage: what libnice makes of the same input', () => {
  it('as recorded from libnice 0.1.21', () => {
    expect(Array.isArray(recorded) && recorded.length).toBeGreaterThan(300)
    if (!Array.isArray(recorded)) return
    for (const { question, answer } of recorded) {
      expect(`${question} = ${ourAnswer(question, answer)}`).toBe(`${question} = ${answer}`)
    }
  })

  it('hashes an empty realm, which libnice reads past the end of', () => {
    const agent = { compatibility: 'RFC5389', longTermCredentials: true } as const
    const challenge = parseStun(
      new StunWriter(3, 'error', new Uint8Array(12)).add(Realm, '').add(Nonce, 'n').finish(),
    )
    if (typeof challenge === 'string') throw new Error(challenge)
    const options = { username: 'alice', password: 'secret', previousResponse: challenge }
    const message = parseStun(turnCreate(agent, new Uint8Array(12), 'RFC5766', options))
    if (typeof message === 'string') throw new Error(message)
    expect(checkIntegrity(message, longTermKey(options, '', nodeHash))).toBe('valid')
  })

  it.skipIf(!libniceInstalled())('live, 4,000 questions at random', () => {
    const asked = questions(4000, 7)
    const answers = askLibnice(asked)
    expect(answers).toHaveLength(asked.length)
    for (const [i, question] of asked.entries()) {
      const answer = answers[i] ?? ''
      expect(`${question} = ${ourAnswer(question, answer)}`).toBe(`${question} = ${answer}`)
    }
  })
})
