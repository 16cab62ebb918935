#!/usr/bin/env node
import { Command, CommanderError } from 'commander'
import { proxyCommand } from './proxy-command.ts'

/** What a program says when it was called wrongly: one sentence, and exit code 2. */
const USAGE_EXIT = 2

const program = new Command('resip')
  .description('SIP programs on the resip stack')
  .exitOverride()
  .configureOutput({ writeErr: text => process.stderr.write(text.replace(/^error: /, 'resip: ')) })
  .addCommand(proxyCommand())

try {
  await program.parseAsync()
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : USAGE_EXIT
  else {
    process.stderr.write(`resip: ${error instanceof Error ? error.message : String(error)}\n`)
    process.exitCode = 1
  }
}
