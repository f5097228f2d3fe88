import path from 'node:path'
import { spawnProgram, type SpawnOptions, type Spawned } from './spawned.ts'
import { stowageCommand } from './stowage.ts'

/** Starts programs and makes sure that none of them outlives the test. */
export interface Programs extends AsyncDisposable {
  start(command: string, args: readonly string[], options?: SpawnOptions): Spawned
  /** Runs a TypeScript or JavaScript file on the Node that runs this, with the rooms taken from their sources. */
  node(script: string, args: readonly string[], options?: SpawnOptions): Spawned
  /** Runs `stowage`; the process is the program itself, so a signal reaches it and nothing else. */
  stowage(args: readonly string[], options?: SpawnOptions): Spawned
  /** Those that run. */
  running(): Spawned[]
  /** SIGTERM for all that still run, SIGKILL for what is there 5 s later; for `afterEach` and for Ctrl-C. */
  stopAll(): Promise<void>
}

/** Programs of one test or demo; disposing stops them. */
export function createPrograms(): Programs {
  const started = new Set<Spawned>()
  function start(command: string, args: readonly string[], options?: SpawnOptions): Spawned {
    const spawned = spawnProgram(command, args, options)
    started.add(spawned)
    void spawned.exited.then(() => started.delete(spawned))
    return spawned
  }
  function node(script: string, args: readonly string[], options?: SpawnOptions): Spawned {
    return start(process.execPath, ['--conditions=source', script, ...args], {
      name: path.basename(script),
      ...options,
    })
  }
  async function stopAll(): Promise<void> {
    await Promise.all([...started].map((spawned) => spawned.stop()))
  }
  function stowage(args: readonly string[], options?: SpawnOptions): Spawned {
    const { command, args: all } = stowageCommand(args)
    return start(command, all, { name: `stowage ${args[0] ?? ''}`, ...options })
  }
  return {
    start,
    node,
    stowage,
    running: () => [...started],
    stopAll,
    [Symbol.asyncDispose]: stopAll,
  }
}
