/** Work for clients, one piece at a time. Clients have their turns one after the other, so that who wants much waits for himself. */
export interface FairQueue {
  /**
   * Gives what the work comes to. If too much waits, what came last of the client that has most waiting is given up.
   * @throws what is to be said to who is given up
   */
  add<T>(client: string, work: () => Promise<T>): Promise<T>
}

interface Waiting {
  readonly begin: () => Promise<void>
  readonly giveUp: (why: Error) => void
}

export interface FairQueueOptions {
  /** So much waits at a time. */
  readonly most: number
  /** Says that it was too much. */
  readonly refusal: () => Error
}

export function createFairQueue({ most, refusal }: FairQueueOptions): FairQueue {
  /** Never empty lists, those whose turn is next first. */
  const lines = new Map<string, Waiting[]>()
  let size = 0
  let isBusy = false

  /** The next one; its client is the last to have a turn again. */
  function take(): Waiting | undefined {
    const [next] = lines
    if (!next) return undefined
    const [client, line] = next
    const first = line.shift()
    lines.delete(client)
    if (line.length > 0) lines.set(client, line)
    size--
    return first
  }

  async function workOff(): Promise<void> {
    if (isBusy) return
    isBusy = true
    for (let next = take(); next; next = take()) await next.begin()
    isBusy = false
  }

  function giveUpOne(): void {
    // Of several the one whose turn comes last.
    const [client, line] = [...lines].reduce((longest, one) => (one[1].length >= longest[1].length ? one : longest))
    line.pop()?.giveUp(refusal())
    if (line.length === 0) lines.delete(client)
    size--
  }

  return {
    add: (client, work) =>
      new Promise((resolve, reject) => {
        const line = lines.get(client) ?? []
        line.push({ begin: () => work().then(resolve, reject), giveUp: reject })
        lines.set(client, line)
        size++
        if (size > most) giveUpOne()
        void workOff()
      }),
  }
}
