import { closeSync, constants, fstatSync, openSync, readdirSync, readSync, statSync } from 'node:fs'
import path from 'node:path'
import { factsOf, type ReadableFiles } from '../file-system.ts'
import { isErrno } from './disk-fault.ts'

/**
 * The disk for a thread that does nothing else: each call keeps it until the disk has answered, which takes a fraction of the work of
 * handing it to another thread and back.
 */
export const blockingFiles: ReadableFiles = {
  stat: async (file) => factsOf(statSync(file, { bigint: true })),

  async list(directory) {
    try {
      const entries = readdirSync(directory, { withFileTypes: true })
      return entries.map((entry) => ({ name: entry.name, isDirectory: entry.isDirectory() }))
    } catch (error) {
      if (!isErrno(error, 'ENOENT') || error.path === directory) throw error
      // Where the kinds of entries are not listed they are looked up, and one of them was gone by then.
      return readdirSync(directory).flatMap((name) => {
        const stats = statSync(path.join(directory, name), { throwIfNoEntry: false })
        return stats ? [{ name, isDirectory: stats.isDirectory() }] : []
      })
    }
  },

  async open(file) {
    // What is no file must not keep the thread for ever.
    const descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK)
    return {
      stat: async () => factsOf(fstatSync(descriptor, { bigint: true })),
      read: async (buffer, position) => readSync(descriptor, buffer, 0, buffer.length, position),
      close: async () => closeSync(descriptor),
    }
  },
}
