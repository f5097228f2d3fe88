import { watch, type FSWatcher } from 'node:fs'

export interface DirectoryWatcher extends Disposable {
  /** Watches anew if the directory is another one than before (`identity`), or was not there. */
  follow(identity: string | undefined): void
}

/** Calls `onEvent` soon after something changes below a directory, as far as the operating system tells. */
export function watchDirectory(directory: string, onEvent: () => void): DirectoryWatcher {
  let watched: { identity: string; watcher: FSWatcher } | undefined

  function stop(): void {
    watched?.watcher.close()
    watched = undefined
  }

  return {
    follow(identity) {
      if (identity === watched?.identity) return
      stop()
      if (identity === undefined) return
      try {
        const watcher = watch(directory, { recursive: true, persistent: false }, onEvent)
        // The watcher is dead after an error; another one is tried once the directory is a new one.
        watcher.on('error', () => watcher.close())
        watched = { identity, watcher }
      } catch {
        // No more watches to be had, or gone again: the periodic look sees changes too, only later.
      }
    },
    [Symbol.dispose]: stop,
  }
}
