import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { EnvironmentError } from '../../../util/errors.ts'

type Doing = 'read' | 'written'

const FLAGS: Readonly<Record<Doing, number>> = {
  read: constants.O_RDONLY,
  written: constants.O_WRONLY | constants.O_CREAT,
}

/**
 * A regular file to be `read` or `written`; to be written, it is emptied only once it is known to be one. A pipe or a
 * device is refused: opening it could hold a thread of the pool for ever.
 */
export async function openRegular(path: string, doing: Doing): Promise<FileHandle> {
  let file: FileHandle
  try {
    file = await open(path, FLAGS[doing] | constants.O_NONBLOCK)
  } catch (cause) {
    throw failure(doing, 'check its path and rights', cause)
  }
  try {
    if (!(await file.stat()).isFile()) throw failure(doing, 'it is no regular file')
    if (doing === 'written') await file.truncate(0)
    return file
  } catch (error) {
    await closeQuietly(file)
    throw error instanceof EnvironmentError ? error : failure(doing, 'the system refused', error)
  }
}

/** For a file that failed already: what closing it says is not news. */
export async function closeQuietly(file: FileHandle): Promise<void> {
  await file.close().catch(() => {})
}

export function failure(doing: Doing, advice: string, cause?: unknown): EnvironmentError {
  return new EnvironmentError('ERR_WAV_FILE', `the WAV file cannot be ${doing}: ${advice}`, { cause })
}
