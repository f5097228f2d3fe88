import { versionOf, type Assignment } from '@stowage/mirror/edge/assignment'

export interface WaitOptions {
  /** The version (`epoch/sequence`) that the node knows; undefined if it knows none. */
  readonly known: string | undefined
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

/** Where nodes wait for their next assignment. */
export interface AssignmentBoard {
  /** Tells those who wait for a node's assignment that there is another one. */
  changed(node: string): void
  /** Resolves with an assignment of another version than the known one as soon as there is one, or undefined in the end. */
  next(node: string, options: WaitOptions): Promise<Assignment | undefined>
  /** How many are waiting. */
  waiting(): number
}

export function createAssignmentBoard(assignments: ReadonlyMap<string, Assignment>): AssignmentBoard {
  const waiters = new Map<string, Set<() => void>>()

  function fresh(node: string, known: string | undefined): Assignment | undefined {
    const assignment = assignments.get(node)
    return assignment && versionOf(assignment) !== known ? assignment : undefined
  }

  async function changeOf(node: string, { timeoutMs, signal }: WaitOptions): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<undefined>()
    const wake = (): void => resolve(undefined)
    const ofNode = waiters.get(node) ?? new Set()
    waiters.set(node, ofNode.add(wake))
    const timer = setTimeout(wake, timeoutMs)
    signal.addEventListener('abort', wake)
    if (signal.aborted) wake()
    await promise
    clearTimeout(timer)
    signal.removeEventListener('abort', wake)
    ofNode.delete(wake)
    if (ofNode.size === 0 && waiters.get(node) === ofNode) waiters.delete(node)
  }

  return {
    changed(node) {
      for (const wake of waiters.get(node) ?? []) wake()
    },

    async next(node, options) {
      if (options.timeoutMs > 0 && !fresh(node, options.known)) await changeOf(node, options)
      return fresh(node, options.known)
    },

    waiting: () => [...waiters.values()].reduce((total, { size }) => total + size, 0),
  }
}
