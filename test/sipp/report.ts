import type { SippResult } from '../peers/sipp.ts'

interface Row {
  readonly run: string
  readonly client: SippResult
  readonly server?: SippResult
}

/** Gathers the runs of a file and prints them as a table. */
export class Report {
  readonly #title: string
  readonly #rows: Row[] = []

  constructor(title: string) {
    this.#title = title
  }

  add(run: string, client: SippResult, server?: SippResult): void {
    this.#rows.push({ run, client, ...(server && { server }) })
  }

  print(): void {
    const wide = Math.max(this.#title.length, ...this.#rows.map(row => row.run.length))
    const head = `${this.#title.padEnd(wide)}    calls  failed  sent again  seconds`
    const lines = this.#rows.map(({ run, client, server }) => {
      const failed = client.failed + (server?.failed ?? 0)
      const again = client.retransmissions + (server?.retransmissions ?? 0)
      const cells = [
        `${client.calls}`.padStart(9),
        `${failed}`.padStart(8),
        `${again}`.padStart(12),
        client.seconds.toFixed(1).padStart(9),
      ]
      return run.padEnd(wide) + cells.join('')
    })
    process.stdout.write(`\n${[head, ...lines].join('\n')}\n\n`)
  }
}
