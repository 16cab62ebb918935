import { Command, CommanderError } from 'commander'
import { UsageError } from 'resip/stack'
import { doctorCommand } from './doctor-command.ts'
import { pingCommand } from './ping-command.ts'
import { proxyCommand } from './proxy-command.ts'

/** Exit code of a program that was called wrongly. */
const USAGE_EXIT = 2

/** Runs the command with the arguments that follow its name; answers the exit code. What goes wrong is one sentence. */
export async function runProgram(
  args: readonly string[],
  complain: (text: string) => void = text => void process.stderr.write(text),
): Promise<number> {
  const program = new Command('resip')
    .description('SIP programs on the resip stack')
    .exitOverride()
    .configureOutput({ writeErr: text => complain(text.replace(/^error: /, 'resip: ')) })
  let exitCode = 0
  const doctor = doctorCommand(code => {
    exitCode = code
  })
  for (const command of [proxyCommand(), pingCommand(), doctor]) {
    program.addCommand(command.copyInheritedSettings(program))
  }
  try {
    await program.parseAsync(args, { from: 'user' })
    return exitCode
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : USAGE_EXIT
    complain(`resip: ${error instanceof Error ? error.message : String(error)}\n`)
    return error instanceof UsageError ? USAGE_EXIT : 1
  }
}
