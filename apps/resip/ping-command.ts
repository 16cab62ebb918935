import { Command } from 'commander'
import { printable, request, SipStack, type Uri } from 'resip/stack'
import { sipUri } from './arguments.ts'

interface Flags {
  readonly listen: string
}

/** `resip ping`: one OPTIONS, and what came back. */
export function pingCommand(): Command {
  return new Command('ping')
    .description('sends OPTIONS to a URI and prints the answer')
    .argument('<uri>', 'sip:127.0.0.1:5060, with ;transport=tcp for TCP', sipUri)
    .option('--listen <address>', 'the local address to send from', '127.0.0.1')
    .allowExcessArguments(false)
    .action(ping)
}

async function ping(target: Uri, flags: Flags): Promise<void> {
  const stack = new SipStack()
  try {
    await stack.listen(`udp:${flags.listen}:0`, `tcp:${flags.listen}:0`)
    const from = `sip:ping@${flags.listen}`
    const start = stack.timers.now()
    const response = await stack.request(request('OPTIONS', target, { from }))
    const took = stack.timers.now() - start
    process.stdout.write(`${response.status} ${printable(response.reason)} in ${took} ms\n`)
    for (const line of response.toString().split('\r\n'))
      process.stdout.write(`${printable(line, Infinity)}\n`)
  } finally {
    await stack.close()
  }
}
