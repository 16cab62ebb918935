import { guarded } from './guard.ts'

export type LogLevel = 'error' | 'warning' | 'info' | 'debug'

/** Where log entries go: an application passes its own, over pino or whatever it uses. */
export interface Log {
  /** Asked before an entry is made, so that a silent level costs nothing. */
  enabled(level: LogLevel): boolean
  write(level: LogLevel, subsystem: string, message: string): void
}

/** Keeps nothing. */
export const silentLog: Log = {
  enabled: () => false,
  write() {},
}

/** An application's log behind the one door of `guarded`: what it throws ends here, for there is nobody left to tell. */
export function guardedLog(log: Log): Log {
  return {
    enabled(level) {
      try {
        return log.enabled(level)
      } catch {
        return false
      }
    },
    write(level, subsystem, message) {
      guarded(ignore, log, log.write, level, subsystem, message)
    },
  }
}

function ignore(): void {}

/** Whatever was thrown, with its stack where it has one, made safe for a log line. */
export function printableError(error: unknown): string {
  try {
    return printable(error instanceof Error ? (error.stack ?? error.message) : String(error), 2000)
  } catch {
    return 'something that cannot be made a text'
  }
}

/** Text from the wire made safe for a log line or a terminal: control and non-ASCII characters are escaped. */
export function printable(text: string, limit: number = 200): string {
  let out = ''
  const end = Math.min(text.length, limit)
  for (let i = 0; i < end; i++) {
    const code = text.charCodeAt(i)
    if (code >= 0x20 && code < 0x7f && code !== 0x5c) out += text[i]
    else if (code === 0x0d) out += '\\r'
    else if (code === 0x0a) out += '\\n'
    else if (code === 0x5c) out += '\\\\'
    else
      out +=
        code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`
  }
  return text.length > limit ? `${out}…` : out
}
