import { accessSync, constants } from 'node:fs'
import path from 'node:path'

// Debian keeps daemons where the PATH of an ordinary user does not look.
const directories = [...(process.env['PATH'] ?? '').split(path.delimiter), '/usr/local/sbin', '/usr/sbin', '/sbin']

/** The file that runs as a command, or undefined if there is none. */
export function findCommand(command: string): string | undefined {
  return directories.map((directory) => path.join(directory, command)).find(isExecutable)
}

/** Whether this user may run the file. */
export function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    // Absent or not for us: both mean that it cannot be used.
    return false
  }
}
