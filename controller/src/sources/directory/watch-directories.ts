import { watch, type FSWatcher } from 'node:fs'
import { join } from 'node:path'

export interface DirectoryWatcher extends Disposable {
  /**
   * Watches these directories, by path below the root, and no others from now on. Another identity means that another
   * directory is in the place now, as after a mount.
   */
  follow(identities: ReadonlyMap<string, string>): void
}

/**
 * Calls `onEvent` soon after something changes in one of the directories followed, as far as the operating system tells.
 * Each is watched by itself: Node's recursive watch of Linux misses changes of files that were replaced by a rename.
 */
export function watchDirectories(root: string, onEvent: () => void): DirectoryWatcher {
  const watched = new Map<string, { readonly identity: string; readonly watcher: FSWatcher }>()

  function stop(path: string): void {
    watched.get(path)?.watcher.close()
    watched.delete(path)
  }

  function start(path: string, identity: string): void {
    try {
      const watcher = watch(join(root, path), { persistent: false }, onEvent)
      watcher.on('error', () => watcher.close())
      watched.set(path, { identity, watcher })
    } catch {
      // No more watches to be had, or gone again: the periodic look sees changes too, only later.
    }
  }

  return {
    follow(identities) {
      for (const [path, { identity }] of watched) if (identities.get(path) !== identity) stop(path)
      for (const [path, identity] of identities) if (!watched.has(path)) start(path, identity)
    },
    [Symbol.dispose]() {
      for (const path of watched.keys()) stop(path)
    },
  }
}
