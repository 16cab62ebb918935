import { spawnSync } from 'node:child_process'
import { type Compiled, compiledWithLibsrtp2 } from '../../peers/compiled.ts'

/** One thing for libsrtp2 to do, as in libsrtp2.c. */
export interface Question {
  readonly asks: 's' | 'k' | 'p' | 'u' | 'P' | 'U'
  readonly bytes: Buffer
}

/** What it answered: 0 is well, all else its own status. */
export interface Answer {
  readonly status: number
  readonly bytes: Buffer
}

const MEBIBYTE = 1024 * 1024

/** Debian's libsrtp2, compiled into a program of a page. */
export class Libsrtp2 {
  readonly #program: Compiled = compiledWithLibsrtp2(new URL('./libsrtp2.c', import.meta.url))

  /** Asks all in turn, in a process of their own. */
  ask(questions: readonly Question[]): Answer[] {
    const input = Buffer.concat(
      questions.flatMap(({ asks, bytes }) => [
        Buffer.from([asks.charCodeAt(0), bytes.length >> 8, bytes.length]),
        bytes,
      ]),
    )
    const { stdout, status } = spawnSync(this.#program.path, { input, maxBuffer: 256 * MEBIBYTE })
    if (status !== 0) throw new Error(`the libsrtp2 program ended with ${status}`)
    const answers: Answer[] = []
    for (let at = 0; at < stdout.length; ) {
      const length = stdout.readUInt16BE(at + 1)
      answers.push({ status: stdout[at] ?? -1, bytes: stdout.subarray(at + 3, at + 3 + length) })
      at += 3 + length
    }
    return answers
  }

  close(): void {
    this.#program.remove()
  }
}
